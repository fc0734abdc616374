// The style that QGIS 3 loads by itself with a map of the same name.
internal import Telemetry

/// A QGIS layer style: single-band pseudocolour, interpolated, nodata transparent, legend in the map's unit.
///
/// - Parameters:
///   - style: Colours and unit.
///   - maximum: The value of the last colour.
/// - Returns: The text of a `.qml` file.
public func qgisStyle(_ style: MapStyle, maximum: Double) -> String {
    if style.rendering == .picture { return qgisPicture }
    func tuple(_ colour: [UInt8]) -> String { "\(colour[0]),\(colour[1]),\(colour[2]),255" }
    let unit = style.unit.isEmpty ? "" : " " + style.unit
    let stops = style.ramp.stops
    let inner = stops.dropFirst().dropLast().map { "\($0.place);\(tuple($0.colour))" }.joined(separator: ":")
    let items = stops.map { stop in
        let value = (stop.place * maximum * 1000).rounded() / 1000
        return
            "          <item value=\"\(number(value))\" label=\"\(escapedForMarkup(number(value) + unit))\" color=\"#\(hexadecimal(stop.colour))\" alpha=\"255\"/>"
    }
    return qgisRasterStyle(
        renderer: """
                <rasterrenderer type="singlebandpseudocolor" band="1" opacity="1" alphaBand="-1" nodataColor="" classificationMin="0" classificationMax="\(number(maximum))">
            \(qgisFixedRange)
                  <rastershader>
                    <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" minimumValue="0" maximumValue="\(number(maximum))" labelPrecision="2">
                      <colorramp name="[source]" type="gradient">
                        <Option type="Map">
                          <Option name="color1" type="QString" value="\(tuple(stops[0].colour))"/>
                          <Option name="color2" type="QString" value="\(tuple(stops[stops.count - 1].colour))"/>
                          <Option name="discrete" type="QString" value="0"/>
                          <Option name="rampType" type="QString" value="gradient"/>
                          <Option name="stops" type="QString" value="\(inner)"/>
                        </Option>
                      </colorramp>
            \(items.joined(separator: "\n"))
                      <rampLegendSettings minimumLabel="" maximumLabel="" prefix="" suffix="\(escapedForMarkup(unit))" direction="0" orientation="2" useContinuousLegend="1"/>
                    </colorrampshader>
                  </rastershader>
                </rasterrenderer>
            """)
}

/// The style of a map whose bands 1, 2, 3 are red, green, blue, 1 to 255, and 0 for nothing.
private let qgisPicture = qgisRasterStyle(
    renderer: """
            <rasterrenderer type="multibandcolor" opacity="1" alphaBand="-1" redBand="1" greenBand="2" blueBand="3" nodataColor="">
              <rasterTransparency/>
            </rasterrenderer>
        """, showsPixels: false)
