// What the values of a palette stand for, next to a raster: GDAL keeps names and tables in the file `.aux.xml`.
internal import CGDAL

/// The names of a palette's values and the raster attribute table that QGIS and ArcGIS read.
struct ClassTable {
    let palette: [RasterFormat.PaletteEntry]
    /// Pixels of each value; `nil` where nobody counted them.
    let counts: [Int: Int]?

    /// Describes a band: with its names, and with one row of value, class, colour and count for each entry.
    func describe(_ band: GDALRasterBandH, _ gdal: GDALFunctions) {
        let entries = Dictionary(palette.map { ($0.index, $0) }) { _, last in last }
            .values.filter { (0..<256).contains($0.index) }.sorted { $0.index < $1.index }
        guard let last = entries.last else { return }
        var names = [String](repeating: "", count: last.index + 1)
        for entry in entries { names[entry.index] = entry.name }
        withStringList(names, gdal) { list in
            _ = gdal.collect { discard($0.GDALSetRasterCategoryNames(band, list)) }
        }
        _ = gdal.collect { gdal in
            guard let table = gdal.GDALCreateRasterAttributeTable() else { return }
            defer { gdal.GDALDestroyRasterAttributeTable(table) }
            var columns = [
                ("Value", GFT_Integer, GFU_MinMax), ("Class", GFT_String, GFU_Name), ("Red", GFT_Integer, GFU_Red),
                ("Green", GFT_Integer, GFU_Green), ("Blue", GFT_Integer, GFU_Blue),
                ("Alpha", GFT_Integer, GFU_Alpha),
            ]
            // Whole numbers of these tables have 32 bits.
            if counts != nil { columns.append(("Count", GFT_Real, GFU_PixelCount)) }
            for (name, type, usage) in columns { discard(gdal.GDALRATCreateColumn(table, name, type, usage)) }
            gdal.GDALRATSetRowCount(table, Int32(entries.count))
            for (index, entry) in entries.enumerated() {
                let row = Int32(index)
                gdal.GDALRATSetValueAsInt(table, row, 0, Int32(entry.index))
                gdal.GDALRATSetValueAsString(table, row, 1, entry.name)
                for (part, value) in entry.colour.enumerated() {
                    gdal.GDALRATSetValueAsInt(table, row, Int32(2 + part), Int32(value))
                }
                if let counts {
                    gdal.GDALRATSetValueAsDouble(table, row, 6, Double(counts[entry.index] ?? 0))
                }
            }
            discard(gdal.GDALSetDefaultRAT(band, table))
        }
    }
}
