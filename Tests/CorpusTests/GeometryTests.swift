// Footprints at 180 degrees, GeoPackage geometry, and blocks of ground.
import Corpus
import Foundation
import Geo
import Testing

struct GeometryTests {
    private func area(_ ring: [[Double]]) -> Double {
        zip(ring, ring.dropFirst()).reduce(0) { $0 + $1.0[0] * $1.1[1] - $1.1[0] * $1.0[1] } / 2
    }

    @Test func `a plain ring is closed, counter-clockwise and one part`() {
        let parts = Footprint.parts([(10, 5), (11, 5), (11, 4), (10, 4)])
        #expect(parts.count == 1)
        #expect(parts[0].first == parts[0].last)
        #expect(area(parts[0]) == 1)
    }

    @Test func `a ring across 180 degrees is parted there`() {
        for ring in [
            [(179.0, -16.0), (-178.0, -16.0), (-178.0, -18.0), (179.0, -18.0)],
            [(179.0, -18.0), (182.0, -18.0), (182.0, -16.0), (179.0, -16.0)],
            [(-178.0, -18.0), (-178.0, -16.0), (-181.0, -16.0), (-181.0, -18.0)],
        ] {
            let parts = Footprint.parts(ring.map { (x: $0.0, y: $0.1) })
            #expect(parts.count == 2)
            let sorted = parts.sorted { $0[0][0] > $1[0][0] }
            #expect(abs(area(sorted[0]) - 2) < 1e-9)
            #expect(abs(area(sorted[1]) - 4) < 1e-9)
            for point in parts.flatMap({ $0 }) { #expect(abs(point[0]) <= 180) }
            #expect(sorted[0].contains { $0[0] == 180 } && sorted[1].contains { $0[0] == -180 })
        }
    }

    @Test func `a ring that ends at 180 degrees is one part`() {
        let parts = Footprint.parts([(179, 1), (180, 1), (180, 0), (179, 0)])
        #expect(parts.count == 1)
        #expect(area(parts[0]) == 1)
    }

    @Test func `a geometry blob is what the standard says`() {
        let blob = GeoPackageGeometry.multiPolygon([[[1, 2], [4, 2], [4, 6], [1, 2]]])
        #expect(Array(blob[0..<8]) == [0x47, 0x50, 0, 3, 0xE6, 0x10, 0, 0])
        #expect(blob.count == 8 + 32 + 9 + 9 + 4 + 4 * 16)
        let extent = GeoPackageGeometry.extent(blob)
        #expect(extent == GeoPackageGeometry.extent(blob.dropEnvelope))
        #expect(extent.map { [$0.minX, $0.maxX, $0.minY, $0.maxY] } == [1, 4, 2, 6])
        #expect(GeoPackageGeometry.extent(GeoPackageGeometry.multiPolygon([]))?.isEmpty == true)
    }

    @Test func `broken blobs have no extent and end nowhere`() {
        let whole = GeoPackageGeometry.multiPolygon([[[1, 2], [4, 2], [4, 6], [1, 2]]]).dropEnvelope
        for length in 0..<whole.count { #expect(GeoPackageGeometry.extent(Array(whole[..<length])) == nil) }
        var many = whole
        // A ring that claims four thousand million points.
        many.replaceSubrange(8 + 9 + 9..<8 + 9 + 9 + 4, with: [255, 255, 255, 255])
        #expect(GeoPackageGeometry.extent(many) == nil)
        #expect(GeoPackageGeometry.extent([0x47, 0x50, 0, 0x0F, 0, 0, 0, 0]) == nil)
    }

    @Test func `points with Z and big-endian geometry are read`() {
        func big(_ value: Double) -> [UInt8] { withUnsafeBytes(of: value.bitPattern.bigEndian, Array.init) }
        // ISO POINT Z, big-endian, no envelope.
        let blob: [UInt8] = [0x47, 0x50, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0x03, 0xE9] + big(7) + big(-3) + big(100)
        #expect(GeoPackageGeometry.extent(blob).map { [$0.minX, $0.maxX, $0.minY, $0.maxY] } == [7, 7, -3, -3])
    }

    @Test func `a datum ensemble is spelled as its datum`() {
        let wkt =
            "PROJCRS[\"x, y [z]\",BASEGEOGCRS[\"WGS 84\",ENSEMBLE[\"World Geodetic System 1984 ensemble\",MEMBER[\"World Geodetic System 1984 (Transit)\"],MEMBER[\"b\"],ELLIPSOID[\"WGS 84\",6378137,298.257223563,LENGTHUNIT[\"metre\",1]],ENSEMBLEACCURACY[2.0]],PRIMEM[\"Greenwich\",0]],CS[Cartesian,2]]"
        let plain =
            "PROJCRS[\"x, y [z]\",BASEGEOGCRS[\"WGS 84\",DATUM[\"World Geodetic System 1984\",ELLIPSOID[\"WGS 84\",6378137,298.257223563,LENGTHUNIT[\"metre\",1]]],PRIMEM[\"Greenwich\",0]],CS[Cartesian,2]]"
        #expect(withoutEnsemble(wkt) == plain)
        #expect(withoutEnsemble(plain) == plain)
        #expect(withoutEnsemble("ENSEMBLE[\"broken\"") == "ENSEMBLE[\"broken\"")
    }

    @Test func `blocks have the sides they promise, everywhere`() {
        let rule = SplitRule(.init(block: 1000, train: 0.8, validation: 0.1, test: 0.1))
        for latitude in [0.0, 30, 52, -60, 80] {
            // Walking 20 km east and north in steps of 20 m meets about 20 blocks.
            let east = Set(
                (0..<1000).map {
                    rule.ground.block(
                        longitude: 10 + Double($0) * 20 / (111_320 * cos(latitude * .pi / 180)), latitude: latitude)
                })
            let north = Set(
                (0..<1000).map { rule.ground.block(longitude: 10, latitude: latitude + Double($0) * 20 / 111_320) })
            #expect((20...22).contains(east.count), "\(east.count) blocks at \(latitude)")
            #expect(Set(north.map(\.row)).count <= 21 && Set(north.map(\.row)).count >= 20)
        }
    }

    @Test func `blocks join at 180 degrees`() {
        let rule = SplitRule(.init(block: 1000))
        #expect(rule.ground.block(longitude: 180, latitude: 10) == rule.ground.block(longitude: -180, latitude: 10))
        let touched = rule.ground.blocks(west: 179.999, east: 180.001, south: 10, north: 10.0001)
        #expect(touched.contains(rule.ground.block(longitude: 179.9995, latitude: 10.00005)))
        #expect(touched.contains(rule.ground.block(longitude: -179.9995, latitude: 10.00005)))
    }

    @Test func `shares of blocks are what was asked for`() {
        let rule = SplitRule(.init(block: 1000, train: 0.7, validation: 0.2, test: 0.1, seed: 5))
        var counts: [Split: Int] = [:]
        for row in 0..<100 {
            for column in 0..<100 { counts[rule.split(.init(row: row, column: column)), default: 0] += 1 }
        }
        // Ten thousand draws: three standard deviations are below 150.
        #expect(abs(counts[.train, default: 0] - 7000) < 150)
        #expect(abs(counts[.validation, default: 0] - 2000) < 150)
        #expect(abs(counts[.test, default: 0] - 1000) < 150)
        let all = SplitRule(.init())
        #expect((0..<1000).allSatisfy { all.split(.init(row: $0, column: 3)) == .train })
    }

    @Test func `ground of two splits belongs to none`() throws {
        let rule = SplitRule(.init(block: 1000, train: 0.5, validation: 0.5))
        let blocks = (0..<50).map { GroundBlocks.Block(row: 0, column: $0) }
        let train = try #require(blocks.first { rule.split($0) == .train })
        let validation = try #require(blocks.first { rule.split($0) == .validation })
        #expect(rule.split([train]) == .train)
        #expect(rule.split([train, validation]) == .border)
    }
}

extension [UInt8] {
    /// A geometry blob with envelope, without it.
    fileprivate var dropEnvelope: [UInt8] { [self[0], self[1], self[2], 1] + self[4..<8] + self[40...] }
}
