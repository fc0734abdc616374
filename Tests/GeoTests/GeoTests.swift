// Geotransforms, windows, grids, lengths on the ellipsoid, pixel buffers, stretch rules.
import FoundationEssentials
import Geo
import Testing

@Suite struct GeoTransformTests {
    @Test func `the inverse undoes the transform, rotated or not`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let seed = UInt64.random(in: 0..<UInt64.max, using: &generator)
            var random = Lcg(state: seed)
            let transform = GeoTransform(
                originX: random.next(-1e6, 1e6), columnX: random.next(0.1, 30), rowX: random.next(-5, 5),
                originY: random.next(-1e6, 1e6), columnY: random.next(-5, 5), rowY: -random.next(10, 30))
            guard abs(transform.determinant) > 0.5 else { continue }
            let point = transform.point(column: 17.25, row: 91.5)
            let back = try #require(transform.pixel(x: point.x, y: point.y), "seed \(seed)")
            #expect(abs(back.column - 17.25) < 1e-4 && abs(back.row - 91.5) < 1e-4, "seed \(seed)")
        }
    }

    @Test func `a flat transform has no inverse`() {
        let flat = GeoTransform(originX: 0, columnX: 0, rowX: 0, originY: 0, columnY: 0, rowY: 0)
        #expect(flat.pixel(x: 1, y: 1) == nil)
    }

    @Test func `keys are in snake case, and those from before are read`() throws {
        let transform = GeoTransform(originX: 1, columnX: 2, rowX: 0, originY: 3, columnY: 0, rowY: -2)
        let text = String(decoding: try JSONEncoder().encode(transform), as: UTF8.self)
        #expect(text.contains("\"origin_x\"") && text.contains("\"row_y\"") && !text.contains("originX"))
        for text in [text, #"{"originX":1,"columnX":2,"rowX":0,"originY":3,"columnY":0,"rowY":-2}"#] {
            #expect(try JSONDecoder().decode(GeoTransform.self, from: Data(text.utf8)) == transform)
        }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(GeoTransform.self, from: Data(#"{"origin_x":1,"column_x":2,"row_x":0}"#.utf8))
        }
    }

    @Test func `six numbers make a transform, five do not`() {
        #expect(GeoTransform(coefficients: [1, 2, 0, 3, 0, -2])?.coefficients == [1, 2, 0, 3, 0, -2])
        #expect(GeoTransform(coefficients: [1, 2, 0, 3, 0]) == nil)
    }
}

struct Lcg {
    var state: UInt64
    mutating func next(_ low: Double, _ high: Double) -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return low + (high - low) * Double(state >> 11) / Double(1 << 53)
    }
}

@Suite struct PixelWindowTests {
    @Test func `windows apart share nothing`() {
        let a = PixelWindow(column: 0, row: 0, width: 4, height: 4)
        #expect(a.intersection(a.shifted(columns: 9, rows: 0)).isEmpty)
        #expect(a.intersection(a.shifted(columns: 2, rows: 3)) == PixelWindow(column: 2, row: 3, width: 2, height: 1))
    }

    @Test func `a window too large to count says so`() {
        #expect(PixelWindow(column: 0, row: 0, width: 1 << 40, height: 1 << 40).pixelCount == nil)
    }
}

@Suite struct GridTests {
    let grid = Grid(
        crs: CoordinateReferenceSystem("EPSG:32633"),
        transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 2), width: 10, height: 5)

    @Test func `a point on the left or top edge belongs to the pixel`() throws {
        let first = try #require(grid.pixel(x: 500_000, y: 5_000_000))
        #expect(first == (0, 0))
        #expect(grid.pixel(x: 500_020, y: 5_000_000) == nil)
        let last = try #require(grid.pixel(x: 500_019.9, y: 4_999_990.1))
        #expect(last == (9, 4))
    }

    @Test func `the grid of a window lies where the window lies`() {
        let part = grid.grid(of: PixelWindow(column: 3, row: -1, width: 2, height: 2))
        #expect(part.bounds == Bounds(minX: 500_006, minY: 4_999_998, maxX: 500_010, maxY: 5_000_002))
    }
}

@Suite struct EllipsoidTests {
    // A degree on WGS 84, from published tables of the ellipsoid (metres, 1 m).
    @Test(arguments: [(0.0, 111_320.0, 110_574.0), (45, 78_847, 111_132), (60, 55_800, 111_412)])
    func `a degree is as long as the tables say`(_ latitude: Double, _ lon: Double, _ lat: Double) {
        let metres = Ellipsoid.metresPerDegree(latitude: latitude)
        #expect(abs(metres.longitude - lon) < 1 && abs(metres.latitude - lat) < 1)
    }

    @Test func `a step over the antimeridian is short`() {
        let metres = Ellipsoid.distance(
            fromLongitude: 179.999, latitude: 0, toLongitude: -179.999, latitude: 0)
        #expect(abs(metres - 222.64) < 0.1)
    }
}

@Suite struct PixelBufferTests {
    @Test func `a cropped buffer keeps samples, validity and place`() {
        let grid = Grid(
            crs: nil, transform: GeoTransform(originX: 0, originY: 0, pixelSize: 1), width: 3, height: 2)
        let buffer = PixelBuffer(
            bands: 2, height: 2, width: 3, samples: .uint16(Array(0..<12)),
            validity: [true, true, false, true, true, true], grid: grid)
        let part = buffer.cropped(to: PixelWindow(column: 1, row: 0, width: 2, height: 2))
        #expect(part.samples == .uint16([1, 2, 4, 5, 7, 8, 10, 11]))
        #expect(part.validity == [true, false, true, true])
        #expect(part.grid?.transform.originX == 1)
        #expect(buffer[1, 1, 2] == 11)
        #expect(buffer.validFraction == 5.0 / 6)
    }
}

@Suite struct StretchRuleTests {
    @Test(arguments: ["none", "fixed:0.0,3000.0", "percentile:2.0,98.0"])
    func `a rule survives its text and JSON`(_ text: String) throws {
        let rule = try #require(StretchRule(text: text))
        #expect(rule.text == text)
        let json = try JSONEncoder().encode([rule])
        #expect(try JSONDecoder().decode([StretchRule].self, from: json) == [rule])
    }

    @Test(arguments: ["", "fixed", "fixed:3,1", "percentile:-1,98", "percentile:2,101", "linear:1,2", "fixed:1"])
    func `what is no rule is refused`(_ text: String) {
        #expect(StretchRule(text: text) == nil)
    }
}

@Suite struct PixelLayoutTests {
    @Test func `keys are in snake case, and those from before are read`() throws {
        let layout = PixelLayout(
            bands: [BandInfo(name: "red")], sampleType: .uint16, tileSize: 64, gsd: nil, stretch: .none)
        let text = String(decoding: try JSONEncoder().encode(layout), as: UTF8.self)
        #expect(text.contains(#""sample_type":"uint16""#) && text.contains(#""tile_size":64"#) && !text.contains("gsd"))
        let old = #"{"bands":[{"name":"red"}],"sampleType":"uint16","stretch":"none","tileSize":64}"#
        for text in [text, old] {
            #expect(try JSONDecoder().decode(PixelLayout.self, from: Data(text.utf8)) == layout)
        }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                PixelLayout.self, from: Data(#"{"bands":[],"stretch":"none","tile_size":64}"#.utf8))
        }
    }
}
