// Reading onto other grids: closed forms on ramps, and the same bytes whatever window asks.
import Geo
import Raster
import TestSupport
import Testing

struct WarpTests {
    /// A float ramp of 300 x 280 pixels of 10 m in UTM 33 north.
    static func ramp(type: SampleType = .float32, nodata: Double? = nil, width: Int = 300, height: Int = 280)
        -> RampRaster
    {
        RampRaster(
            width: width, height: height, sampleType: type, bands: 2, base: 3, perX: 0.05, perY: -0.04,
            nodata: nodata)
    }

    @Test(arguments: [Resampling.bilinear, .cubic, .average])
    func `a ramp on another CRS has the value of its own coordinates`(kernel: Resampling) throws {
        let folder = TemporaryFolder()
        let ramp = try Self.ramp().write(to: folder.file("ramp.tif"))
        let reader = try RasterReader(path: folder.file("ramp.tif"))
        // 9 m in the neighbouring zone: about as large as the pixels, turned by convergence.
        let toTarget = try CoordinateTransformer(from: .init("EPSG:32633"), to: .init("EPSG:32632"))
        let corner = try #require(toTarget.transform([(501_000, 4_999_000)])[0])
        let grid = Grid(
            crs: .init("EPSG:32632"), transform: .init(originX: corner.x, originY: corner.y, pixelSize: 9),
            width: 60, height: 50)
        let buffer = try reader.read(onto: grid, resampling: kernel)
        let back = try CoordinateTransformer(from: .init("EPSG:32632"), to: .init("EPSG:32633"))
        var worst = 0.0
        for row in 0..<50 {
            for column in 0..<60 {
                let place = grid.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
                let source = try #require(back.transform([place])[0])
                #expect(buffer.isValid(row: row, column: column))
                for band in 1...2 {
                    let exact = ramp.value(band: band, x: source.x, y: source.y)
                    worst = max(worst, abs(Double(buffer[band - 1, row, column]) - exact))
                }
            }
        }
        // Linear and cubic kernels reproduce a linear function, and float32 holds values near 100 to 8e-6. The
        // mean takes each source pixel as constant: off by an eighth of the steps of 0.5 and 0.4 per pixel.
        #expect(worst < (kernel == .average ? 0.9 / 8 : 2e-4), "worst \(worst)")
    }

    @Test func `an aligned grid reads the very pixels, with any kernel`() throws {
        let folder = TemporaryFolder()
        let ramp = try Self.ramp(type: .uint16, nodata: 0).write(to: folder.file("ramp.tif"))
        let reader = try RasterReader(path: folder.file("ramp.tif"))
        for kernel in Resampling.allCases {
            #expect(try reader.read(onto: ramp.grid, resampling: kernel) == reader.read(ramp.grid.window))
            let window = PixelWindow(column: -5, row: 250, width: 40, height: 60)
            let part = try reader.read(onto: ramp.grid.grid(of: window), resampling: kernel)
            let plain = try reader.read(window)
            #expect(part.samples == plain.samples && part.validity == plain.validity)
        }
    }

    @Test(arguments: Resampling.allCases)
    func `a window of a grid has the bytes that the whole grid has there`(kernel: Resampling) throws {
        let folder = TemporaryFolder()
        var random = SystemRandomNumberGenerator()
        for (type, nodata, crs, size) in [
            (SampleType.uint8, 0.0, "EPSG:32633", 6.1), (.float32, -9999.0, "EPSG:32632", 7.3),
            (.int16, -1.0, "EPSG:3857", 37.7), (.uint8, 255.0, "EPSG:4326", 0.000_113),
        ] {
            var source = Self.ramp(type: type, nodata: nodata)
            source.isHole = { row, column in (row * 7 + column * 13) % 41 < 5 || column > 280 }
            try source.write(to: folder.file("ramp.tif"))
            let reader = try RasterReader(path: folder.file("ramp.tif"))
            let to = try CoordinateTransformer(from: .init("EPSG:32633"), to: .init(crs))
            let bounds = try #require(to.bounds(source.grid.bounds))
            let grid = Grid(
                crs: .init(crs),
                transform: .init(originX: bounds.minX - 10.3 * size, originY: bounds.maxY + 7 * size, pixelSize: size),
                width: min(300, Int(bounds.width / size) + 20), height: min(260, Int(bounds.height / size) + 20))
            let whole = try reader.read(onto: grid, resampling: kernel)
            #expect(whole.validFraction > 0.1 && whole.validFraction < 1)
            for _ in 0..<12 {
                let column = Int.random(in: 0..<grid.width - 1, using: &random)
                let row = Int.random(in: 0..<grid.height - 1, using: &random)
                let window = PixelWindow(
                    column: column, row: row, width: Int.random(in: 1...grid.width - column, using: &random),
                    height: Int.random(in: 1...grid.height - row, using: &random))
                let part = try reader.read(onto: grid.grid(of: window), resampling: kernel)
                let cut = whole.cropped(to: window)
                #expect(part.samples == cut.samples, "\(kernel) \(crs) \(window)")
                #expect(
                    (0..<window.height).allSatisfy { r in
                        (0..<window.width).allSatisfy {
                            part.isValid(row: r, column: $0) == cut.isValid(row: r, column: $0)
                        }
                    }, "\(kernel) \(crs) \(window)")
            }
        }
    }

    @Test func `larger pixels are means of whole blocks, never samples of overviews`() throws {
        let folder = TemporaryFolder()
        // A chessboard: nearest sampling or a plain bilinear kernel would show 0 or 200, and overviews made by
        // mode too.
        var board = RampRaster(width: 1100, height: 1100, bands: 1)
        var values = [UInt8](repeating: 0, count: 1100 * 1100)
        for i in values.indices where (i % 1100 + i / 1100) % 2 == 0 { values[i] = 200 }
        board.blockSize = 256
        var format = board.format
        format.overviews = .mode
        let buffer = PixelBuffer(
            bands: 1, height: 1100, width: 1100, samples: .uint8(values), grid: board.grid)
        try writeRaster(buffer, to: folder.file("board.tif"), format: format, cloudOptimized: true)
        let reader = try RasterReader(path: folder.file("board.tif"))
        var grid = board.grid
        grid.transform.columnX *= 10
        grid.transform.rowY *= 10
        grid.width = 110
        grid.height = 110
        for kernel in [Resampling.average, .bilinear, .cubic] {
            let small = try reader.read(onto: grid, resampling: kernel)
            let inner = small.cropped(to: PixelWindow(column: 3, row: 3, width: 104, height: 104))
            guard case .uint8(let samples) = inner.samples else { Issue.record("uint8 expected"); return }
            #expect(samples.allSatisfy { (99...101).contains($0) }, "\(kernel)")
        }
    }

    @Test func `cubic overshoot is clamped, not wrapped`() throws {
        let folder = TemporaryFolder()
        var edge = RampRaster(width: 40, height: 40, bands: 1)
        edge.blockSize = 16
        let values = (0..<1600).map { UInt8($0 % 40 < 20 ? 255 : 0) }
        try writeRaster(
            PixelBuffer(bands: 1, height: 40, width: 40, samples: .uint8(values), grid: edge.grid),
            to: folder.file("edge.tif"), format: edge.format)
        let reader = try RasterReader(path: folder.file("edge.tif"))
        var grid = edge.grid
        grid.transform.columnX = 2.5
        grid.transform.rowY = -2.5
        grid.width = 160
        grid.height = 160
        let fine = try reader.read(onto: grid, bands: [1], resampling: .cubic)
        for column in 8..<152 {
            let value = fine[0, 80, column]
            if column < 72 { #expect(value == 255) } else if column >= 88 { #expect(value == 0) }
        }
    }

    @Test func `kernels have the weights of their definitions`() throws {
        // An impulse seen from half a pixel aside shows the kernel itself: linear 1/2 1/2, Keys' cubic with
        // a = -1/2 has -1/16 9/16 9/16 -1/16, and two pixels' mean 1/2.
        let folder = TemporaryFolder()
        let ramp = RampRaster(width: 32, height: 32, sampleType: .float32, bands: 1)
        var values = [Float](repeating: 0, count: 1024)
        values[16 * 32 + 16] = 256
        try writeRaster(
            PixelBuffer(bands: 1, height: 32, width: 32, samples: .float32(values), grid: ramp.grid),
            to: folder.file("impulse.tif"), format: ramp.format)
        let reader = try RasterReader(path: folder.file("impulse.tif"))
        var grid = ramp.grid
        grid.transform.originX += 5
        for (kernel, weights) in [
            (Resampling.bilinear, [0, 0.5, 0.5, 0]), (.cubic, [-0.0625, 0.5625, 0.5625, -0.0625]),
            (.average, [0, 0.5, 0.5, 0]),
        ] {
            let buffer = try reader.read(onto: grid, resampling: kernel)
            let seen = (14...17).map { Double(buffer[0, 16, $0]) / 256 }
            #expect(seen == weights, "\(kernel)")
        }
        // Two by two pixels at once: the linear kernel widens to weights 1/8 3/8 3/8 1/8.
        grid = ramp.grid
        grid.transform.columnX = 20
        grid.transform.rowY = -20
        grid.width = 16
        grid.height = 16
        let half = try reader.read(onto: grid, resampling: .bilinear)
        #expect([half[0, 8, 7], half[0, 8, 8], half[0, 8, 9]] == [12, 36, 0])
        let mean = try reader.read(onto: grid, resampling: .average)
        #expect([mean[0, 8, 7], mean[0, 8, 8], mean[0, 8, 9]] == [0, 64, 0])
    }

    @Test func `the most frequent class wins, the lower of equal ones`() throws {
        let folder = TemporaryFolder()
        let ramp = RampRaster(width: 32, height: 32, bands: 1, nodata: 0)
        // Blocks of 2 x 2: 3 of 7 against 1 of 2; 2 of 9 against 2 of 4; one of 5 and three absent.
        var values = [UInt8](repeating: 1, count: 1024)
        for (at, value) in zip([0, 1, 32, 33, 2, 3, 34, 35, 4, 5, 36, 37], [7, 7, 2, 7, 9, 4, 4, 9, 5, 0, 0, 0]) {
            values[at] = UInt8(value)
        }
        try writeRaster(
            PixelBuffer(bands: 1, height: 32, width: 32, samples: .uint8(values), grid: ramp.grid),
            to: folder.file("classes.tif"), format: ramp.format)
        var grid = ramp.grid
        grid.transform.columnX = 20
        grid.transform.rowY = -20
        grid.width = 4
        grid.height = 1
        let modes = try RasterReader(path: folder.file("classes.tif")).read(onto: grid, resampling: .mode)
        #expect(modes.samples == .uint8([7, 4, 0, 1]))
        #expect(modes.validity == [true, true, false, true])
    }

    @Test func `holes do not bleed`() throws {
        let folder = TemporaryFolder()
        var ramp = Self.ramp(type: .float32, nodata: -9999)
        ramp.perX = 0
        ramp.perY = 0
        ramp.isHole = { row, column in row > 100 && row < 140 && column > 50 }
        try ramp.write(to: folder.file("ramp.tif"))
        let reader = try RasterReader(path: folder.file("ramp.tif"))
        var grid = ramp.grid
        grid.transform = .init(originX: 500_003, originY: 4_999_996, pixelSize: 13)
        grid.width = 200
        grid.height = 200
        for kernel in Resampling.allCases {
            let buffer = try reader.read(onto: grid, bands: [1], resampling: kernel)
            #expect(buffer.validity?.contains(false) == true)
            for row in 0..<200 {
                for column in 0..<200 {
                    let expected: Float = buffer.isValid(row: row, column: column) ? 4 : 0
                    #expect(abs(buffer[0, row, column] - expected) < 1e-5)
                }
            }
        }
    }

    @Test func `a raster across 180 degrees is read from either side`() throws {
        let folder = TemporaryFolder()
        // Longitudes 179 to 181, as one image.
        let ramp = RampRaster(
            crs: .wgs84, transform: .init(originX: 179, originY: -16, pixelSize: 0.01), width: 200, height: 100,
            sampleType: .float32, bands: 1, base: 10, perX: 3, perY: 2)
        try ramp.write(to: folder.file("fiji.tif"))
        let reader = try RasterReader(path: folder.file("fiji.tif"))
        for (zone, x) in [("EPSG:32760", 770_000.0), ("EPSG:32701", 230_000.0)] {
            let grid = Grid(
                crs: .init(zone), transform: .init(originX: x - 20_000, originY: 8_190_000, pixelSize: 500),
                width: 80, height: 60)
            let buffer = try reader.read(onto: grid, resampling: .bilinear)
            #expect(buffer.validFraction == 1, "\(zone)")
            let back = try CoordinateTransformer(from: .init(zone), to: .wgs84)
            for (row, column) in [(0, 0), (30, 40), (59, 79), (12, 70)] {
                let place = grid.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
                var point = try #require(back.transform([place])[0])
                if point.x < 0 { point.x += 360 }
                let exact = ramp.value(band: 1, x: point.x, y: point.y)
                #expect(abs(Double(buffer[0, row, column]) - exact) < 1e-4)
            }
        }
        let footprint = try reader.footprint()
        #expect(footprint.count == 2)
    }

    @Test func `two threads read at once`() async throws {
        let folder = TemporaryFolder()
        let ramp = try Self.ramp().write(to: folder.file("ramp.tif"))
        let path = folder.file("ramp.tif")
        var grid = ramp.grid
        grid.transform = .init(originX: 500_003, originY: 4_999_996, pixelSize: 13)
        let target = grid
        let buffers = try await withThrowingTaskGroup(of: [PixelBuffer].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let reader = try RasterReader(path: path)
                    return try (0..<5).map { _ in try reader.read(onto: target, resampling: .bilinear) }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(buffers.count == 20 && buffers.allSatisfy { $0 == buffers[0] })
    }
}
