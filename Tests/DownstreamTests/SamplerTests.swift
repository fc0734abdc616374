// Blocks, crops and pixels: what the trainer sees and what it must not see.
import Backbone
import Downstream
import Geo
import Telemetry
import Testing
import Torch

struct SpatialBlocksTests {
    private let blocks = SpatialBlocks(block: 16, gsd: 1, share: 0.3, seed: 3)
    private let crs = CoordinateReferenceSystem("EPSG:32633")

    @Test func `a block is wholly on one side and the share is kept`() {
        let grid = Grid(
            crs: crs, transform: GeoTransform(originX: 0, originY: 0, pixelSize: 1), width: 640, height: 640)
        let held = blocks.heldOut(grid.window, of: grid, pair: 0)
        for row in stride(from: 0, to: 640, by: 16) {
            for column in stride(from: 0, to: 640, by: 16) {
                let first = held[row * 640 + column]
                #expect(held[(row + 15) * 640 + column + 15] == first)
                #expect(held[(row + 7) * 640 + column + 3] == first)
            }
        }
        let share = Double(held.count { $0 }) / Double(held.count)
        // 1600 blocks: a deviation of 0.011.
        #expect((share - 0.3).magnitude < 0.05)
    }

    @Test func `images that overlap agree about the ground`() {
        let first = Grid(
            crs: crs, transform: GeoTransform(originX: -1000.5, originY: 77.25, pixelSize: 1), width: 90, height: 90)
        let second = first.grid(of: PixelWindow(column: 37, row: 21, width: 50, height: 50))
        let whole = blocks.heldOut(PixelWindow(column: 37, row: 21, width: 50, height: 50), of: first, pair: 0)
        #expect(blocks.heldOut(second.window, of: second, pair: 5) == whole)
        #expect(whole.contains(true) && whole.contains(false))
    }

    @Test func `images without a CRS have blocks of their own`() {
        let grid = Grid(
            crs: nil, transform: GeoTransform(originX: 0, originY: 0, pixelSize: 1), width: 160, height: 160)
        let first = blocks.heldOut(grid.window, of: grid, pair: 0)
        #expect(first == blocks.heldOut(grid.window, of: grid, pair: 0))
        #expect(first != blocks.heldOut(grid.window, of: grid, pair: 1))
    }

    @Test func `images of other pixels and places agree about the ground`() throws {
        // One degree of longitude and latitude each, in 1000 and in 700 pixels, the second turned upside down.
        let blocks = SpatialBlocks(block: 5000, gsd: 100, share: 0.4, seed: 3)
        let first = try #require(
            GroundPlaces(width: 1000, height: 1000) { nodes in
                nodes.map { (longitude: 10 + $0.column / 1000, latitude: 50 - $0.row / 1000) }
            })
        let second = try #require(
            GroundPlaces(width: 700, height: 700, step: 64) { nodes in
                nodes.map { (longitude: 370 + $0.column / 700, latitude: 49 + $0.row / 700) }
            })
        let a = blocks.heldOut(PixelWindow(column: 0, row: 0, width: 1000, height: 1000), at: first)
        let b = blocks.heldOut(PixelWindow(column: 0, row: 0, width: 700, height: 700), at: second)
        #expect(a.contains(true) && a.contains(false))
        var differing = 0
        for row in 0..<700 {
            for column in 0..<700 {
                let (x, y) = ((Double(column) + 0.5) / 700 * 1000, (1 - (Double(row) + 0.5) / 700) * 1000)
                if a[Int(y) * 1000 + Int(x)] != b[row * 700 + column] { differing += 1 }
            }
        }
        // Only pixels that an edge of a block passes through.
        #expect(Double(differing) < 0.01 * 490_000, "\(differing)")
        // A window says what the whole says.
        let part = PixelWindow(column: 411, row: 77, width: 50, height: 60)
        let cut = blocks.heldOut(part, at: first)
        for row in 0..<60 {
            for column in 0..<50 { #expect(cut[row * 50 + column] == a[(77 + row) * 1000 + 411 + column]) }
        }
    }

    @Test func `another seed holds out other ground`() {
        let grid = Grid(
            crs: crs, transform: GeoTransform(originX: 0, originY: 0, pixelSize: 1), width: 160, height: 160)
        let other = SpatialBlocks(block: 16, gsd: 1, share: 0.3, seed: 4)
        #expect(blocks.heldOut(grid.window, of: grid, pair: 0) != other.heldOut(grid.window, of: grid, pair: 0))
    }
}

struct CropSamplerTests {
    private func sampler(_ source: PairsInMemory, _ change: (inout CanopyRecipe) -> Void = { _ in }) throws
        -> CropSampler
    {
        var recipe = tinyRecipe()
        change(&recipe)
        return try canopySampler(source, recipe)
    }

    @Test func `a crop follows from its place in training`() throws {
        let sampler = try sampler(madePairs())
        let (a, b, c) = (try sampler.crop([1, 5, 0]), try sampler.crop([1, 5, 0]), try sampler.crop([1, 5, 1]))
        #expect(a.image.shape == [3, 32, 32] && a.target.shape == [1, 32, 32] && a.valid.shape == [1, 32, 32])
        #expect(a.image.bytes() == b.image.bytes() && a.target.bytes() == b.target.bytes())
        #expect(a.image.bytes() != c.image.bytes())
    }

    @Test func `image and heights are laid the same way`() throws {
        let sampler = try sampler(madePairs()) { $0.validation.share = 0 }
        for step in 0..<24 {
            let crop = try sampler.crop([step])
            // Height is 15 + 15 w where green is 128 - 100 w, rounded down.
            let green = (crop.image.select(dim: 0, index: 1) * 0.25 + 0.5) * 255.0
            let expected = (green - 127.5) * -0.15 + 15
            let difference = (expected - crop.target.select(dim: 0, index: 0)).abs().max().item()
            #expect(difference < 0.1, "step \(step)")
            #expect(crop.valid.sum().item() == 1024)
        }
    }

    @Test func `held-out ground and missing heights do not count`() throws {
        var source = madePairs(1)
        var heights = source.pairs[0].height.floats()
        var validity = [Bool](repeating: true, count: heights.count)
        for index in heights.indices {
            switch index % 7 {
            case 0: heights[index] = .nan
            case 1: heights[index] = 400
            case 2: heights[index] = -9999
            case 3: validity[index] = false
            case 4: heights[index] = -2
            default: break
            }
        }
        source.pairs[0].height.samples = .float32(heights)
        source.pairs[0].height.validity = validity
        let target = HeadTarget(heights: source.pairs[0].height, highest: 100)
        for index in heights.indices {
            #expect(target.valid[index] == (index % 7 >= 4 ? 1 : 0))
            #expect(target.values[index].isFinite && target.values[index] >= 0)
        }
        #expect(target.values[4] == 0)
        let sampler = try sampler(source) {
            $0.validation.share = 0.5
            $0.minimumValid = 0.05
            $0.augmentation.flips = false
            $0.augmentation.turns = false
        }
        let grid = source.pairs[0].grid
        let held = sampler.heldOut(0, grid.window)
        #expect(held.contains(true) && held.contains(false))
        let masked = HeadTarget(heights: source.pairs[0].height, highest: 100, excluded: held)
        #expect(zip(masked.valid, held).allSatisfy { !$1 || $0 == 0 })
        #expect(try sampler.crop([1]).valid.sum().item() > 0)
    }

    @Test func `pairs that cannot be trained on are errors`() throws {
        var none = madePairs(0)
        #expect(throws: DownstreamError.self) { try sampler(none) }
        let small = try #require(throws: DownstreamError.self) { try sampler(madePairs(1, side: 31)) }
        #expect(small.code == .badPairs)
        #expect(small.what.contains("32 x 32") && small.what.contains("31 x 31"))
        none = madePairs(4)
        for pair in none.pairs.indices {
            none.pairs[pair].height.samples = .float32([Float](repeating: .nan, count: 96 * 96))
        }
        let empty = try #require(throws: DownstreamError.self) { try sampler(none).crop([0]) }
        #expect(empty.code == .badPairs && empty.what == "32 crops in a row had no pixel to train on")
        // The first three pairs.
        #expect(empty.place == "pair 0, pair 1, pair 2")
        var bands = madePairs(1)
        bands.pairs[0].image = PixelBuffer(
            bands: 1, height: 96, width: 96, samples: .uint8([UInt8](repeating: 0, count: 96 * 96)))
        let wrong = try #require(throws: DownstreamError.self) { try sampler(bands).crop([0]) }
        #expect(wrong.what == "expected pixels of 3 bands, as the weights take; found 1")
    }

    @Test func `validation windows hold held-out ground and cover a pair`() throws {
        let sampler = try sampler(madePairs(2, side: 100)) { $0.validation.windows = 1000 }
        let windows = Array(sampler.lattice())
        #expect(windows.count == 2 * 16)
        var seen = [Bool](repeating: false, count: 10_000)
        for (pair, window) in windows where pair == 1 {
            #expect(PixelWindow(column: 0, row: 0, width: 100, height: 100).contains(window))
            for row in window.row..<window.row + 32 {
                for column in window.column..<window.column + 32 { seen[row * 100 + column] = true }
            }
        }
        #expect(seen.allSatisfy { $0 })
        for (pair, window) in sampler.validationWindows() {
            #expect(sampler.heldOut(pair, window).contains(true))
        }
    }
}

struct HeldOutPairTests {
    /// Four pairs, of which the second and the last are held out as a whole; their heights are 50 m more.
    private static func source() -> PairsInMemory {
        var source = madePairs(4)
        for index in source.pairs.indices {
            let isHeldOut = index % 2 == 1
            source.pairs[index].isHeldOut = isHeldOut
            guard isHeldOut else { continue }
            source.pairs[index].height.samples = .float32(source.pairs[index].height.floats().map { $0 + 50 })
        }
        return source
    }

    private func sampler(_ source: PairsInMemory, _ change: (inout CanopyRecipe) -> Void = { _ in }) throws
        -> CropSampler
    {
        var recipe = tinyRecipe()
        recipe.bins.maxHeight = 100
        change(&recipe)
        return try canopySampler(source, recipe)
    }

    @Test func `pairs that are held out give no crop, and the others give all of their ground`() throws {
        let sampler = try sampler(Self.source()) { $0.validation.share = 0.9 }
        for step in 0..<64 {
            let crop = try sampler.crop([step])
            #expect(crop.target.max().item() <= 30.5, "step \(step)")
            #expect(crop.valid.sum().item() == 1024, "blocks are held out of a pair that is trained on")
        }
        let window = PixelWindow(column: 3, row: 5, width: 32, height: 32)
        for pair in 0..<4 {
            #expect(sampler.heldOut(pair, window) == [Bool](repeating: pair % 2 == 1, count: 1024))
        }
    }

    @Test func `all windows of held-out pairs and no others are scored, and a few of them come from several`() throws {
        let all = try sampler(Self.source()) { $0.validation.windows = 1000 }.validationWindows()
        #expect(all.count == 2 * 9 && Set(all.map(\.pair)) == [1, 3])
        let some = try sampler(Self.source()) { $0.validation.windows = 8 }.validationWindows()
        #expect(some.count == 8 && Set(some.map(\.pair)) == [1, 3])
    }

    @Test func `small pairs may be held out, and pairs to train on must be there and large enough`() throws {
        var none = Self.source()
        for index in none.pairs.indices { none.pairs[index].isHeldOut = true }
        let error = try #require(throws: DownstreamError.self) { try sampler(none) }
        #expect(error.code == .badPairs && error.what.contains("every pair is held out"))
        var small = madePairs(1, side: 31)
        small.pairs[0].isHeldOut = false
        small.pairs += madePairs(1).pairs
        small.pairs[1].isHeldOut = true
        let size = try #require(throws: DownstreamError.self) { try sampler(small) }
        #expect(size.what.contains("the largest has 31 x 31"))
    }
}

struct PixelTensorsTests {
    @Test func `a block may be tapped twice`() {
        let network = VisionTransformer(tinyBackbone(), generator: Generator(seed: 4))
        let image = wave([1, 3, 16, 24], 0.1)
        let taps = network.taps(image, [0, 0, 2, 3])
        #expect(taps.count == 4)
        #expect(taps[0].map.bytes() == taps[1].map.bytes())
        #expect(taps[1].map.bytes() != taps[2].map.bytes())
        #expect(taps[3].map.shape == [1, 16, 2, 3])
    }

    @Test func `pixels are scaled, centred and masked`() throws {
        let normalizer = PixelNormalizer(mean: [0.5, 0.2], std: [0.25, 0.1])
        let pixels = PixelBuffer(
            bands: 2, height: 1, width: 2, samples: .uint8([0, 255, 51, 102]), validity: [true, false])
        expectClose(try normalizer(pixels).doubles(), [-2, 0, 0, 0], absolute: 1e-6)
        var all = pixels
        all.validity = nil
        expectClose(try normalizer(all).doubles(), [-2, 2, 0, 2], absolute: 1e-6)
        let wide = PixelBuffer(bands: 2, height: 1, width: 1, samples: .uint16([1, 2]))
        let error = try #require(throws: DownstreamError.self) { try normalizer(wide, place: "window 3") }
        #expect(error.what == "expected 8-bit pixels; found uint16")
        #expect(error.place == "window 3")
    }

    @Test func `there are eight ways to lay a square`() {
        let square = Tensor([1, 2, 3, 4], shape: [1, 2, 2])
        let ways = (0..<8).map { laid(square, symmetry: $0).ints() }
        #expect(Set(ways).count == 8)
        var augmentation = CropAugmentation()
        #expect(augmentation.symmetries == Array(0..<8))
        augmentation.flips = false
        // Turns keep the order around the square: 1 2 4 3.
        for symmetry in augmentation.symmetries {
            let way = ways[symmetry]
            let around = [way[0], way[1], way[3], way[2]]
            let start = around.firstIndex(of: 1) ?? 0
            #expect((0..<4).map { around[(start + $0) % 4] } == [1, 2, 4, 3])
        }
        augmentation.turns = false
        #expect(augmentation.symmetries == [0])
        augmentation.flips = true
        #expect(augmentation.symmetries.map { ways[$0] } == [[1, 2, 3, 4], [2, 1, 4, 3]])
    }
}
