// A decided row of a block, and its bytes in the log of an unfinished map.
internal import Files
internal import Geo

/// A row of a block as it will be stored: all outputs of its pixels follow from it.
struct MapRow: Equatable {
    /// Pixels of the area in this row, with imagery or without.
    var areaPixels = 0
    /// `[band, column]`, NaN where there is no value; empty for a map of classes.
    var values: [Float] = []
    /// `[plane, column]` of a map of classes, nodata where there is none: the class, then what else is written of it; empty for other maps.
    var bytes: [UInt8] = []
}

/// What a row holds for each pixel.
struct RowShape: Equatable {
    /// Values or bytes per pixel.
    let planes: Int
    /// Whether the row holds bytes instead of values.
    let holdsBytes: Bool

    /// Bytes per pixel in the log.
    var bytesPerPixel: Int { planes * (holdsBytes ? 1 : MemoryLayout<Float>.size) }
}

extension MapRow {
    /// Bytes before the pixels of a row: pixels of the area, the first column with a value, the number of columns up to the last one.
    private static let headerSize = 12

    /// Appends the row without the columns before its first and after its last value; numbers are in the order of the machine.
    func append(to out: inout [UInt8], shape: RowShape, width: Int) {
        let first: Int?
        let last: Int?
        if shape.holdsBytes {
            first = bytes[..<width].firstIndex { $0 != Legend.nodataID }
            last = bytes[..<width].lastIndex { $0 != Legend.nodataID }
        } else {
            first = values[..<width].firstIndex { !$0.isNaN }
            last = values[..<width].lastIndex { !$0.isNaN }
        }
        let start = first ?? 0
        let count = last.map { $0 + 1 - start } ?? 0
        for number in [areaPixels, start, count] { out += littleEndian(UInt32(number)) }
        guard count > 0 else { return }
        for plane in 0..<shape.planes {
            let place = plane * width + start
            if shape.holdsBytes {
                out += bytes[place..<place + count]
            } else {
                values[place..<place + count].withUnsafeBytes { out += $0 }
            }
        }
    }

    /// Reads the row that begins at a place, and moves the place behind it; `nil` where the bytes are none.
    init?(_ bytes: [UInt8], at place: inout Int, shape: RowShape, width: Int) {
        guard let (area, start, count) = Self.header(bytes, at: place), start + count <= width, area <= width else {
            return nil
        }
        let size = count * shape.bytesPerPixel
        place += Self.headerSize
        guard size <= bytes.count - place else { return nil }
        areaPixels = area
        let cells = shape.planes * width
        if shape.holdsBytes {
            self.bytes = [UInt8](repeating: Legend.nodataID, count: cells)
        } else {
            values = [Float](repeating: .nan, count: cells)
        }
        for plane in 0..<shape.planes where count > 0 {
            let target = plane * width + start
            if shape.holdsBytes {
                let source = place + plane * count
                self.bytes.replaceSubrange(target..<target + count, with: bytes[source..<source + count])
            } else {
                let source = place + 4 * plane * count
                bytes.withUnsafeBytes { bytes in
                    for column in 0..<count {
                        values[target + column] = bytes.loadUnaligned(
                            fromByteOffset: source + 4 * column, as: Float.self)
                    }
                }
            }
        }
        place += size
    }

    private static func header(_ bytes: [UInt8], at place: Int) -> (area: Int, start: Int, count: Int)? {
        guard place >= 0, bytes.count - place >= headerSize else { return nil }
        return bytes.withUnsafeBytes { bytes in
            func number(_ index: Int) -> Int {
                Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 4 * index, as: UInt32.self)))
            }
            return (number(0), number(1), number(2))
        }
    }
}
