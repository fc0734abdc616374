// The polygons of a land-cover map as a GeoPackage with a style.
#if EARTH
    import Geo
    import Mapping
    import Raster
    import Telemetry

    /// Writes polygons with the fields `class`, `name` and `area_m2`.
    struct PolygonFile: PolygonSink {
        private let writer: VectorWriter
        private let layer: PolygonLayer

        init(_ layer: PolygonLayer) throws {
            self.layer = layer
            writer = try VectorWriter(
                path: layer.path, layer: layer.name, crs: layer.crs, geometry: .polygons,
                fields: [.init("class", .integer), .init("name", .string), .init("area_m2", .real)],
                overwrite: layer.overwrite)
        }

        mutating func add(rings: [[(x: Double, y: Double)]], classIndex: Int, areaM2: Double) throws {
            let entry = layer.classes[classIndex]
            try writer.write(
                polygon: rings, [.integer(Int(entry.id)), .string(entry.name), .real(areaM2)])
        }

        mutating func finish() throws { try writer.finish(style: Self.style(layer.classes)) }

        /// A QGIS style: a colour for each value of `class`.
        private static func style(_ classes: [LegendClass]) -> String {
            let categories = classes.enumerated().map { index, entry in
                "      <category value=\"\(entry.id)\" symbol=\"\(index)\" label=\"\(escapedForMarkup(entry.name))\" render=\"true\"/>"
            }
            let symbols = classes.enumerated().map { index, entry in
                let colour = entry.colour.map(String.init).joined(separator: ",")
                return """
                          <symbol type="fill" name="\(index)" alpha="1" clip_to_extent="1">
                            <layer class="SimpleFill" enabled="1" locked="0" pass="0">
                              <Option type="Map">
                                <Option name="color" type="QString" value="\(colour),255"/>
                                <Option name="style" type="QString" value="solid"/>
                                <Option name="outline_color" type="QString" value="60,60,60,255"/>
                                <Option name="outline_style" type="QString" value="solid"/>
                                <Option name="outline_width" type="QString" value="0.1"/>
                              </Option>
                            </layer>
                          </symbol>
                    """
            }
            return qgisDocument(
                """
                  <renderer-v2 type="categorizedSymbol" attr="class" forceraster="0" symbollevels="0" enableorderby="0">
                    <categories>
                \(categories.joined(separator: "\n"))
                    </categories>
                    <symbols>
                \(symbols.joined(separator: "\n"))
                    </symbols>
                  </renderer-v2>
                """, attributes: "styleCategories=\"Symbology\"")
        }
    }
#endif
