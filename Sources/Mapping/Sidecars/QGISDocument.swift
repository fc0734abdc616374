// What all layer styles for QGIS 3 have in common.

/// A QGIS layer style.
///
/// - Parameters:
///   - content: The elements, indented by two spaces.
///   - attributes: Attributes of the style besides the version, such as which categories it has.
/// - Returns: The text of a `.qml` file.
package func qgisDocument(_ content: String, attributes: String) -> String {
    """
    <!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
    <qgis version="3.22.0" \(attributes)>
    \(content)
    </qgis>

    """
}

/// A QGIS style of a raster layer.
///
/// - Parameters:
///   - renderer: The element `rasterrenderer`, indented by four spaces.
///   - showsPixels: Whether the style says that pixels are shown as they are, at any scale.
func qgisRasterStyle(renderer: String, showsPixels: Bool = true) -> String {
    let provider = """
            <provider>
              <resampling enabled="false" zoomedInResamplingMethod="nearestNeighbour" zoomedOutResamplingMethod="nearestNeighbour" maxOversampling="2"/>
            </provider>

        """
    return qgisDocument(
        """
          <pipe>
        \(showsPixels ? provider : "")\(renderer)
            <brightnesscontrast brightness="0" contrast="0" gamma="1"/>
            <huesaturation saturation="0" grayscaleMode="0" colorizeOn="0"/>
            <rasterresampler maxOversampling="2"/>
          </pipe>
          <blendMode>0</blendMode>
        """, attributes: "styleCategories=\"LayerConfiguration|Symbology|Rendering\" hasScaleBasedVisibilityFlag=\"0\"")
}

/// The part of a renderer that says that its colours belong to values, not to a stretch of what is shown.
let qgisFixedRange = """
          <rasterTransparency/>
          <minMaxOrigin>
            <limits>None</limits>
            <extent>WholeRaster</extent>
            <statAccuracy>Estimated</statAccuracy>
          </minMaxOrigin>
    """
