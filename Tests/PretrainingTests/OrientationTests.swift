// Crops written in their place at once against crops moved and changed afterwards.
import Geo
import Pretraining
import Testing
import Training

struct OrientationTests {
    private func image(bands: Int, height: Int, width: Int) -> FloatImage {
        var stream = RandomStream(seed: 5, .crop, height, width)
        return FloatImage(
            bands: bands, height: height, width: width,
            values: (0..<bands * height * width).map { _ in Float(stream.unit()) })
    }

    private func crop(_ image: FloatImage, size: Int, _ orientation: Orientation = Orientation()) -> [Float] {
        var crop = [Float](repeating: -1, count: image.bands * size * size)
        crop.withUnsafeMutableBufferPointer {
            guard let base = $0.baseAddress else { return }
            resizeBicubic(
                image, window: (2, 3, image.height - 5, image.width - 4), size: size, orientation: orientation,
                into: base)
        }
        return crop
    }

    /// Sides of whole and of broken blocks of eight rows, and less than one.
    @Test(arguments: [3, 8, 16, 21, 30])
    func `a crop that is resized in place equals one that is flipped and turned afterwards`(size: Int) {
        let image = image(bands: 2, height: 37, width: 52)
        for case let (columns, rows, quarters) in (0..<16).map({ ($0 & 1 == 1, $0 & 2 == 2, $0 >> 2) }) {
            var orientation = Orientation()
            if columns { orientation.flipColumns() }
            if rows { orientation.flipRows() }
            orientation.turn(quarters: quarters)
            var moved = crop(image, size: size)
            moved.withUnsafeMutableBufferPointer {
                guard let base = $0.baseAddress else { return }
                let pixels = CropPixels(base: base, bands: 2, size: size, colour: nil)
                if columns { pixels.flipColumns() }
                if rows { pixels.flipRows() }
                pixels.turn(quarters: quarters)
            }
            #expect(crop(image, size: size, orientation) == moved, "\(columns), \(rows), \(quarters)")
        }
    }

    @Test func `flips after a turn are those of the turned crop`() {
        let image = image(bands: 1, height: 30, width: 30)
        var orientation = Orientation()
        orientation.turn(quarters: 1)
        orientation.flipRows()
        orientation.turn(quarters: 3)
        orientation.flipColumns()
        // A turn, the mirror of rows, the turn back: the mirror of columns; with another one, nothing.
        #expect(crop(image, size: 16, orientation) == crop(image, size: 16))
    }

    @Test(arguments: [SampleType.uint8, .uint16])
    func `a tile is read as its floats are`(type: SampleType) throws {
        var recipe = try recipe(named: "smoke")
        recipe.crops.blur.firstGlobal = 1
        let layout = PixelLayout(
            bands: BandInfo.rgb, sampleType: type, tileSize: 60, gsd: nil,
            stretch: type == .uint8 ? .none : .fixed(low: 30, high: 200))
        let maker = try CropMaker(recipe: recipe, layout: layout)
        let values = image(bands: 3, height: 60, width: 70).values.map { UInt8($0 * 255) }
        func crops(_ validity: [Bool]?) throws -> [Float] {
            let tile = PixelBuffer(
                bands: 3, height: 60, width: 70,
                samples: type == .uint8 ? .uint8(values) : .uint16(values.map(UInt16.init)), validity: validity)
            let global = try CropStorage(count: 2 * maker.globalSamples)
            let local = try CropStorage(count: 4 * maker.localSamples)
            try maker.crops(
                of: tile, step: 1, sample: 2, global: { global.base + $0 * maker.globalSamples },
                local: { local.base + $0 * maker.localSamples }, larger: { _ in global.base })
            return global.values + local.values
        }
        let plain = try crops(nil)
        #expect(try crops([Bool](repeating: true, count: 4200)) == plain)
        // A tile with one hole is brought to floats as a whole. The hole is in a corner that few crops see.
        var validity = [Bool](repeating: true, count: 4200)
        validity[0] = false
        let differences = zip(try crops(validity), plain).map { abs($0 - $1) }
        #expect(differences.count { $0 > 1e-4 } < plain.count / 4)
    }
}
