// What a raster says of its classes: names and colours, from its attribute table, category names and palette.
internal import CGDAL

/// Names and colours of a band's values.
struct ClassNames {
    private(set) var names: [Int: String] = [:]
    /// Red, green, blue.
    private(set) var colours: [Int: [UInt8]] = [:]

    /// Tables with more rows describe objects, not classes.
    private static let mostRows = 65_536

    /// Reads what a band has; its attribute table goes before category names and palette, which cannot leave out a value.
    init(of band: GDALRasterBandH, _ gdal: GDALFunctions) {
        let (list, _) = gdal.collect { $0.GDALGetRasterCategoryNames(band) }
        for (value, text) in strings(of: list.map { UnsafePointer($0) }).enumerated() {
            let name = Self.trimmed(text)
            if !name.isEmpty { names[value] = name }
        }
        // Clear entries are those that nobody set, and so are black ones without a name where the format has no alpha.
        for (value, colour) in (StoredBand.palette(band, gdal) ?? []).enumerated()
        where colour[3] > 0 && (colour.prefix(3) != [0, 0, 0] || names[value] != nil) {
            colours[value] = Array(colour.prefix(3))
        }
        let (table, _) = gdal.collect { gdal in
            gdal.GDALGetDefaultRAT(band).flatMap { AttributeTable($0, gdal, mostRows: Self.mostRows) }
        }
        if let table { add(table) }
    }

    private mutating func add(_ table: AttributeTable) {
        for row in table.rows {
            if !row.name.isEmpty { names[row.value] = row.name }
            if let colour = row.colour { colours[row.value] = colour }
        }
    }

    /// A text without white space around it.
    fileprivate static func trimmed(_ text: String) -> String {
        let start = text.drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}

/// The rows of a raster attribute table that stand for one whole number each.
private struct AttributeTable {
    struct Row {
        let value: Int
        let name: String
        let colour: [UInt8]?
    }

    private(set) var rows: [Row] = []

    private struct Column {
        let index: Int32
        let name: String
        let usage: GDALRATFieldUsage
        let type: GDALRATFieldType
    }

    /// Reads a table; `nil` for one that is too large, or names and colours nothing.
    init?(_ table: GDALRasterAttributeTableH, _ gdal: cgdal_api, mostRows: Int) {
        let count = gdal.GDALRATGetRowCount(table)
        guard count > 0, count <= mostRows else { return nil }
        let columns = (0..<max(0, gdal.GDALRATGetColumnCount(table))).map { index in
            Column(
                index: index,
                name: gdal.GDALRATGetNameOfCol(table, index).map { String(cString: $0).lowercased() } ?? "",
                usage: gdal.GDALRATGetUsageOfCol(table, index), type: gdal.GDALRATGetTypeOfCol(table, index))
        }
        let name = Self.nameColumn(columns)
        let parts = [(GFU_Red, "red"), (GFU_Green, "green"), (GFU_Blue, "blue")].compactMap { usage, word in
            columns.first { $0.usage == usage } ?? columns.first { $0.name == word && $0.type != GFT_String }
        }
        guard name != nil || parts.count == 3 else { return nil }
        let values = Self.values(table, columns, count, gdal)
        let colours = parts.count == 3 ? Self.colours(table, parts, count, gdal) : []
        let alpha = columns.first { $0.usage == GFU_Alpha && $0.type != GFT_String }
        for row in 0..<count {
            guard let value = values[Int(row)] else { continue }
            let text = name.flatMap { gdal.GDALRATGetValueAsString(table, row, $0.index) }
                .map { String(cString: $0) }
            let isClear = alpha.map { gdal.GDALRATGetValueAsDouble(table, row, $0.index) == 0 } ?? false
            rows.append(
                Row(
                    value: value, name: ClassNames.trimmed(text ?? ""),
                    colour: colours.isEmpty || isClear ? nil : colours[Int(row)]))
        }
    }

    /// The column of names: by its usage, else by its own name, else the only one of text.
    private static func nameColumn(_ columns: [Column]) -> Column? {
        let texts = columns.filter { $0.type == GFT_String }
        if let named = texts.first(where: { $0.usage == GFU_Name }) { return named }
        for word in ["class_name", "classname", "class", "name", "label", "category", "description"] {
            if let named = texts.first(where: { $0.name.replacing(" ", with: "_") == word }) { return named }
        }
        for word in ["class", "name", "label"] {
            if let named = texts.first(where: { $0.name.contains(word) }) { return named }
        }
        return texts.count == 1 ? texts.first : nil
    }

    /// The value of each row; `nil` where a row stands for a range, or for no whole number.
    private static func values(
        _ table: GDALRasterAttributeTableH, _ columns: [Column], _ count: Int32, _ gdal: cgdal_api
    ) -> [Int?] {
        func number(_ row: Int32, _ column: Column) -> Int? {
            Int(exactly: gdal.GDALRATGetValueAsDouble(table, row, column.index))
        }
        let numeric = columns.filter { $0.type != GFT_String }
        if let column = numeric.first(where: { $0.usage == GFU_MinMax })
            ?? numeric.first(where: { $0.name == "value" })
        {
            return (0..<count).map { number($0, column) }
        }
        if let low = numeric.first(where: { $0.usage == GFU_Min }),
            let high = numeric.first(where: { $0.usage == GFU_Max })
        {
            return (0..<count).map { row in
                let value = number(row, low)
                return value == number(row, high) ? value : nil
            }
        }
        var start = 0.0
        var step = 1.0
        // Without any column for it, the row number is the value.
        if gdal.GDALRATGetLinearBinning(table, &start, &step) == 0 { (start, step) = (0, 1) }
        return (0..<count).map { Int(exactly: start + Double($0) * step) }
    }

    /// Red, green, blue of each row, 0 to 255; some writers store them as parts of 1.
    private static func colours(
        _ table: GDALRasterAttributeTableH, _ parts: [Column], _ count: Int32, _ gdal: cgdal_api
    ) -> [[UInt8]] {
        var numbers = (0..<count).map { row in
            parts.map { gdal.GDALRATGetValueAsDouble(table, row, $0.index) }
        }
        let isFraction =
            parts.allSatisfy { $0.type == GFT_Real } && numbers.allSatisfy { $0.allSatisfy { (0...1).contains($0) } }
        if isFraction { numbers = numbers.map { $0.map { $0 * 255 } } }
        return numbers.map { $0.map { $0.isFinite ? UInt8(min(255, max(0, $0.rounded()))) : 0 } }
    }
}
