// The style of a map of classes for QGIS 3.
internal import Geo
internal import Telemetry

/// A QGIS layer style of a map of classes: one colour and one label per class, nodata transparent.
///
/// - Parameter classes: The classes, in the order in which QGIS lists them.
/// - Returns: The text of a `.qml` file.
func qgisStyle(classes: [LegendClass]) -> String {
    let entries = classes.map { entry in
        "          <paletteEntry value=\"\(entry.id)\" color=\"#\(hexadecimal(entry.colour))\" alpha=\"255\" label=\"\(escapedForMarkup(entry.name))\"/>"
    }
    return qgisRasterStyle(
        renderer: """
                <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
            \(qgisFixedRange)
                  <colorPalette>
            \(entries.joined(separator: "\n"))
                  </colorPalette>
                  <colorramp name="[source]" type="randomcolors"/>
                </rasterrenderer>
            """)
}

/// Red, green and blue as six digits.
func hexadecimal(_ colour: [UInt8]) -> String {
    colour.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
