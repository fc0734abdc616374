// GeoPackage geometry: the header, WKB, and the functions that its R-tree triggers call.
internal import Foundation
internal import GRDB

/// Geometry blobs (GeoPackage 1.3, clause 2.1.3): a header with the envelope, then ISO WKB.
package enum GeoPackageGeometry {
    /// The blob of a multipolygon whose parts are single closed rings, EPSG:4326.
    package static func multiPolygon(_ parts: [[[Double]]]) -> [UInt8] {
        let points = parts.flatMap { $0 }
        let xs = points.map { $0[0] }
        let ys = points.map { $0[1] }
        var blob: [UInt8] = [0x47, 0x50, 0]
        guard let west = xs.min(), let east = xs.max(), let south = ys.min(), let north = ys.max() else {
            // Empty, no envelope, little-endian.
            blob.append(0x11)
            blob.append(little: Int32(4326))
            return blob + wkbHeader(6) + [0, 0, 0, 0]
        }
        // Little-endian, envelope of x and y.
        blob.append(0x03)
        blob.append(little: Int32(4326))
        for value in [west, east, south, north] { blob.append(little: value.bitPattern) }
        blob += wkbHeader(6)
        blob.append(little: UInt32(parts.count))
        for ring in parts {
            blob += wkbHeader(3)
            blob.append(little: UInt32(1))
            blob.append(little: UInt32(ring.count))
            for point in ring {
                blob.append(little: point[0].bitPattern)
                blob.append(little: point[1].bitPattern)
            }
        }
        return blob
    }

    private static func wkbHeader(_ type: UInt32) -> [UInt8] {
        var bytes: [UInt8] = [1]
        bytes.append(little: type)
        return bytes
    }

    /// What the ST_ functions say about a blob.
    package struct Extent: Equatable {
        /// West.
        package var minX = Double.infinity
        /// East.
        package var maxX = -Double.infinity
        /// South.
        package var minY = Double.infinity
        /// North.
        package var maxY = -Double.infinity
        /// Whether there is no point.
        package var isEmpty: Bool { !(minX <= maxX) }

        mutating func add(_ x: Double, _ y: Double) {
            guard !x.isNaN, !y.isNaN else { return }
            minX = min(minX, x)
            maxX = max(maxX, x)
            minY = min(minY, y)
            maxY = max(maxY, y)
        }
    }

    /// Reads the extent of any GeoPackage geometry; `nil` for bytes that are none.
    package static func extent(_ blob: [UInt8]) -> Extent? {
        guard blob.count >= 8, blob[0] == 0x47, blob[1] == 0x50 else { return nil }
        let flags = blob[3]
        if flags & 0x10 != 0 { return Extent() }
        let envelopes = [0, 32, 48, 48, 64]
        let kind = Int(flags >> 1 & 7)
        guard kind < envelopes.count else { return nil }
        var reader = WKBReader(blob, at: 8, little: flags & 1 == 1)
        if kind > 0 {
            guard let minX = reader.double(), let maxX = reader.double(), let minY = reader.double(),
                let maxY = reader.double()
            else { return nil }
            return Extent(minX: minX, maxX: maxX, minY: minY, maxY: maxY)
        }
        reader.offset = 8 + envelopes[kind]
        var extent = Extent()
        return reader.geometry(into: &extent, depth: 0) ? extent : nil
    }

    /// The functions that GeoPackage's R-tree triggers need.
    static func addFunctions(to database: Database) {
        let functions: [(String, @Sendable (Extent) -> (any DatabaseValueConvertible)?)] = [
            ("ST_MinX", { $0.isEmpty ? nil : $0.minX }), ("ST_MaxX", { $0.isEmpty ? nil : $0.maxX }),
            ("ST_MinY", { $0.isEmpty ? nil : $0.minY }), ("ST_MaxY", { $0.isEmpty ? nil : $0.maxY }),
            ("ST_IsEmpty", { $0.isEmpty }),
        ]
        for (name, answer) in functions {
            database.add(
                function: DatabaseFunction(name, argumentCount: 1, pure: true) { values in
                    guard let blob = Data.fromDatabaseValue(values[0]) else { return nil }
                    return extent([UInt8](blob)).flatMap(answer)
                })
        }
    }
}

/// Walks well-known binary; every read is checked against the end.
struct WKBReader {
    private let bytes: [UInt8]
    var offset: Int
    private var little: Bool

    init(_ bytes: [UInt8], at offset: Int, little: Bool) {
        self.bytes = bytes
        self.offset = offset
        self.little = little
    }

    private mutating func integer<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        let size = MemoryLayout<T>.size
        guard offset >= 0, offset <= bytes.count - size else { return nil }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
        offset += size
        return little ? T(littleEndian: value) : T(bigEndian: value)
    }

    mutating func double() -> Double? { integer(UInt64.self).map { Double(bitPattern: $0) } }

    /// Adds all points of a geometry to an extent; false where the bytes end too early or make no sense.
    mutating func geometry(into extent: inout GeoPackageGeometry.Extent, depth: Int) -> Bool {
        guard depth < 16, offset < bytes.count else { return false }
        little = bytes[offset] == 1
        offset += 1
        guard var type = integer(UInt32.self) else { return false }
        // ISO writes Z and M as thousands, EWKB as high bits.
        var extra = 0
        if type & 0x8000_0000 != 0 { extra += 1 }
        if type & 0x4000_0000 != 0 { extra += 1 }
        if type & 0x2000_0000 != 0 { offset += 4 }
        type &= 0x0FFF_FFFF
        switch type / 1000 {
        case 0: break
        case 1, 2: extra += 1
        case 3: extra += 2
        default: return false
        }
        switch type % 1000 {
        case 1: return points(1, extra, &extent)
        case 2, 8: return integer(UInt32.self).map { points(Int($0), extra, &extent) } ?? false
        case 3, 17:
            guard let rings = integer(UInt32.self) else { return false }
            for _ in 0..<rings {
                guard let count = integer(UInt32.self), points(Int(count), extra, &extent) else { return false }
            }
            return true
        case 4...7, 9...12, 15, 16:
            guard let parts = integer(UInt32.self) else { return false }
            for _ in 0..<parts where !geometry(into: &extent, depth: depth + 1) { return false }
            return true
        default: return false
        }
    }

    private mutating func points(_ count: Int, _ extra: Int, _ extent: inout GeoPackageGeometry.Extent) -> Bool {
        for _ in 0..<count {
            guard let x = double(), let y = double() else { return false }
            offset += 8 * extra
            guard offset <= bytes.count else { return false }
            extent.add(x, y)
        }
        return true
    }
}
