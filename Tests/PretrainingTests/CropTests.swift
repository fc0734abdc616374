// Crops against Pillow and torchvision, and their geometry in closed form.
import Geo
import Glibc
import Pretraining
import Telemetry
import Testing
import Training

struct CropTests {
    private func image() throws -> FloatImage {
        let golden = try golden("crops")
        let (shape, values) = try #require(golden["image"])
        return FloatImage(bands: shape[0], height: shape[1], width: shape[2], values: values.map { $0 / 255 })
    }

    @Test(arguments: [
        ("resize.shrink", 3, 5, 31, 44, 24), ("resize.enlarge", 17, 30, 10, 9, 24),
        ("resize.tiny", 0, 0, 40, 56, 8),
    ])
    func `resizing equals Pillow's antialiased bicubic`(
        name: String, row: Int, column: Int, height: Int, width: Int, size: Int
    ) throws {
        let expected = try #require(try golden("crops")[name]).values
        var found = [Float](repeating: 0, count: 3 * size * size)
        let image = try image()
        found.withUnsafeMutableBufferPointer {
            resizeBicubic(image, window: (row, column, height, width), size: size, into: $0.baseAddress!)
        }
        let worst = largestDifference(found, expected)
        #expect(worst.value < 2e-6, "at \(worst.index)")
    }

    @Test(arguments: [
        "brightness", "contrast", "saturation", "hue.up", "hue.down", "grayscale", "blur.half", "blur.wide",
        "solarize",
    ])
    func `a change of colour or sharpness equals torchvision's`(name: String) throws {
        let golden = try golden("crops")
        let image = try image()
        var crop: [Float] = []
        for band in 0..<3 {
            for row in 8..<32 {
                let start = (band * image.height + row) * image.width
                crop += image.values[start + 16..<start + 40]
            }
        }
        crop.withUnsafeMutableBufferPointer { buffer in
            let pixels = CropPixels(
                base: buffer.baseAddress!, bands: 3, size: 24, colour: ColourBands(red: 0, green: 1, blue: 2))
            switch name {
            case "brightness": pixels.brightness(1.3)
            case "contrast": pixels.contrast(0.7)
            case "saturation": pixels.saturation(1.2)
            case "hue.up": pixels.hue(0.08)
            case "hue.down": pixels.hue(-0.1)
            case "grayscale": pixels.grayscale()
            case "blur.half": pixels.blur(sigma: 0.5)
            case "blur.wide": pixels.blur(sigma: 1.7)
            default: pixels.solarize(128.0 / 255)
            }
        }
        let worst = largestDifference(crop, try #require(golden[name]).values)
        #expect(worst.value < 3e-6, "at \(worst.index)")
    }

    @Test func `colour changes leave bands alone that are no colour`() {
        var values: [Float] = (0..<4 * 36).map { Float($0 % 17) / 20 }
        let before = values
        values.withUnsafeMutableBufferPointer { buffer in
            let pixels = CropPixels(
                base: buffer.baseAddress!, bands: 4, size: 6,
                colour: ColourBands(names: ["nir", "blue", "green", "red"]))
            pixels.saturation(0.3)
            pixels.hue(0.2)
            pixels.grayscale()
        }
        #expect(Array(values[..<36]) == Array(before[..<36]))
        #expect(Array(values[36..<72]) == Array(values[108...]))
        #expect(ColourBands(names: ["red", "green"]) == nil)
        values = before
        values.withUnsafeMutableBufferPointer { buffer in
            let pixels = CropPixels(base: buffer.baseAddress!, bands: 4, size: 6, colour: nil)
            pixels.saturation(0.3)
            pixels.hue(0.2)
            pixels.grayscale()
        }
        #expect(values == before)
    }

    @Test func `flips and turns move the corners where they belong`() {
        // Corners of a 3 x 3 picture: 0 top left, 2 top right, 6 bottom left, 8 bottom right.
        func corners(_ change: (CropPixels) -> Void) -> [Float] {
            var values: [Float] = (0..<9).map(Float.init)
            values.withUnsafeMutableBufferPointer {
                change(CropPixels(base: $0.baseAddress!, bands: 1, size: 3, colour: nil))
            }
            return [values[0], values[2], values[6], values[8]]
        }
        #expect(corners { $0.flipColumns() } == [2, 0, 8, 6])
        #expect(corners { $0.flipRows() } == [6, 8, 0, 2])
        #expect(corners { $0.turn(quarters: 1) } == [2, 8, 0, 6])
        #expect(corners { $0.turn(quarters: 2) } == [8, 6, 2, 0])
        #expect(corners { $0.turn(quarters: 3) } == [6, 0, 8, 2])
        #expect(corners { $0.turn(quarters: 0) } == [0, 2, 6, 8])
    }

    @Test func `a random part lies inside, has the asked area and aspect, and reaches every corner`() {
        var left = false
        var bottom = false
        for seed: UInt64 in 0..<500 {
            var stream = RandomStream(seed: seed, .crop, 1)
            let w = CropMaker.window(
                height: 60, width: 80, scale: [0.1, 0.4], aspect: [0.75, 4.0 / 3], &stream)
            #expect(
                w.row >= 0 && w.column >= 0 && w.row + w.height <= 60 && w.column + w.width <= 80,
                "seed \(seed)")
            let area = Double(w.height * w.width) / 4800
            #expect(area > 0.09 && area < 0.42, "seed \(seed)")
            let aspect = Double(w.width) / Double(w.height)
            #expect(aspect > 0.70 && aspect < 1.43, "seed \(seed)")
            left = left || w.column < 4
            bottom = bottom || w.row + w.height > 56
        }
        #expect(left && bottom)
        // A strip in which nothing fits: the largest central part of the nearest aspect.
        var stream = RandomStream(seed: 0, .crop, 1)
        let strip = CropMaker.window(height: 10, width: 100, scale: [0.9, 1], aspect: [0.5, 2], &stream)
        #expect(strip == (0, 40, 10, 20))
    }

    @Test func `invalid pixels become the mean of the valid ones`() throws {
        let layout = PixelLayout(
            bands: BandInfo.rgb, sampleType: .uint8, tileSize: 2, gsd: nil, stretch: .none)
        let scale = try SampleScale(layout)
        let tile = PixelBuffer(
            bands: 1, height: 2, width: 2, samples: .uint8([51, 102, 0, 255]),
            validity: [true, true, false, false])
        #expect(
            FloatImage(tile, scale: scale, fallback: [0.5]).values == [0.2, 0.4, 0.3, 0.3].map { Float($0) })
        let empty = PixelBuffer(
            bands: 1, height: 1, width: 2, samples: .uint8([51, 102]), validity: [false, false])
        #expect(FloatImage(empty, scale: scale, fallback: [0.5]).values == [0.5, 0.5])
    }

    @Test func `16-bit tiles need a fixed stretch`() throws {
        func layout(_ type: SampleType, _ stretch: StretchRule) -> PixelLayout {
            PixelLayout(bands: BandInfo.rgb, sampleType: type, tileSize: 2, gsd: nil, stretch: stretch)
        }
        let scale = try SampleScale(layout(.uint16, .fixed(low: 100, high: 300)))
        let tile = PixelBuffer(bands: 1, height: 1, width: 3, samples: .uint16([0, 150, 900]))
        #expect(FloatImage(tile, scale: scale, fallback: []).values == [0, 0.25, 1])
        #expect(throws: PretrainingError.self) {
            try SampleScale(layout(.uint16, .percentile(low: 2, high: 98)))
        }
        #expect(throws: PretrainingError.self) { try SampleScale(layout(.uint16, .none)) }
    }

    @Test func `a plain crop of a constant tile is the normalised constant`() throws {
        var recipe = try recipe(named: "smoke")
        recipe.crops.jitter.probability = 0
        recipe.crops.grayscale = 0
        recipe.crops.solarize = 0
        let maker = try CropMaker(recipe: recipe, layout: WaveTiles().layout)
        let tile = PixelBuffer(
            bands: 3, height: 48, width: 48, samples: .uint8([UInt8](repeating: 102, count: 3 * 48 * 48)))
        let global = try CropStorage(count: 2 * maker.globalSamples)
        let local = try CropStorage(count: 4 * maker.localSamples)
        try maker.crops(
            of: tile, step: 0, sample: 0, global: { global.base + $0 * maker.globalSamples },
            local: { local.base + $0 * maker.localSamples }, larger: { _ in global.base })
        for (band, (mean, std)) in zip(recipe.data.mean, recipe.data.std).enumerated() {
            let expected = Float((0.4 - mean) / std)
            let plane = global.values[band * 1024..<(band + 1) * 1024]
            #expect(plane.allSatisfy { abs($0 - expected) < 1e-4 }, "band \(band)")
        }
    }

    /// All crops of one tile of noise: global, local, larger.
    private func crops(_ recipe: PretrainingRecipe) throws -> (global: [Float], larger: [Float]) {
        let maker = try CropMaker(recipe: recipe, layout: WaveTiles().layout)
        let samples = (0..<3 * 3600).map { place -> UInt8 in
            let (row, column) = (Double(place / 60), Double(place % 60))
            return UInt8(128 + 90 * sin(0.2 * row) * cos(0.15 * column))
        }
        let tile = PixelBuffer(bands: 3, height: 60, width: 60, samples: .uint8(samples))
        let global = try CropStorage(count: 2 * maker.globalSamples)
        let local = try CropStorage(count: 4 * maker.localSamples)
        let larger = try CropStorage(count: max(1, 2 * maker.gramSamples))
        try maker.crops(
            of: tile, step: 3, sample: 1, global: { global.base + $0 * maker.globalSamples },
            local: { local.base + $0 * maker.localSamples }, larger: { larger.base + $0 * maker.gramSamples })
        return (global.values, larger.values)
    }

    @Test func `the Gram teacher's view is that of the global crop`() throws {
        var recipe = try recipe(named: "smoke")
        let without = try crops(recipe).global
        recipe.gram = .init(weight: Schedule(start: 1, peak: 1, end: 1, warmupSteps: 0, cosineSteps: 0))
        // At the same size with the same changes it is the crop itself, and no draw is moved by it.
        recipe.gram?.crop = .init(size: 32, undistorted: false)
        let same = try crops(recipe)
        #expect(same.global == without && same.larger == without)
        // Undistorted and twice as large, its means over 2 x 2 pixels are the plain crop's, about.
        recipe.gram?.crop = .init(size: 64, undistorted: true)
        let large = try crops(recipe)
        #expect(large.global == without)
        recipe.crops.jitter.probability = 0
        recipe.crops.grayscale = 0
        recipe.crops.solarize = 0
        recipe.crops.blur.firstGlobal = 0
        recipe.crops.blur.secondGlobal = 0
        let plain = try crops(recipe)
        #expect(plain.larger == large.larger)
        var (difference, size) = (0.0, 0.0)
        for plane in 0..<6 {
            for row in 0..<32 {
                for column in 0..<32 {
                    let start = plane * 4096 + 2 * row * 64 + 2 * column
                    let mean = [0, 1, 64, 65].reduce(Float(0)) { $0 + large.larger[start + $1] } / 4
                    let value = plain.global[plane * 1024 + row * 32 + column]
                    difference += Double(abs(mean - value))
                    size += Double(abs(value))
                }
            }
        }
        #expect(difference < 0.25 * size, "\(difference) of \(size)")
    }
}
