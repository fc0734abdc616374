// LoveDA, iSAID, EuroSAT and UC Merced as published loaders read them: the same images, splits, classes and pixels, and the same score.
import Benchmarks
import Files
import Geo
import Measures
import Testing

/// Pixels of files of 8 bits, red, green and blue.
private func colours(_ paths: [String]) -> RasterPixels {
    RasterPixels(
        paths, layout: PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 1, gsd: nil, stretch: .none))
}

private func whole(_ size: (width: Int, height: Int)) -> PixelWindow {
    PixelWindow(column: 0, row: 0, width: size.width, height: size.height)
}

/// Splits by the names that loaders give them, with what they hold.
private func bySplit(_ splits: [String: [SetLoaders.Image]]) throws -> [(split: BenchmarkSplit, name: String)] {
    try splits.keys.sorted().map { (try #require(BenchmarkSplit(named: $0)), $0) }
}

struct SetLoaderTests {
    private let golden: SetLoaders

    init() throws { golden = try SetLoaders.load() }

    /// Compares the pixels of an image of 8 bits.
    private func agree(_ pixels: RasterPixels, _ index: Int, with known: SetLoaders.Image) throws {
        let size = try pixels.size(index)
        if let shape = known.shape { #expect(shape == [3, size.height, size.width], "\(known.name)") }
        guard case .uint8(let samples) = try pixels.pixels(index, window: whole(size)).samples else {
            Issue.record("\(known.name) is not of 8 bits")
            return
        }
        let plane = size.width * size.height
        #expect(
            (0..<3).map { band in samples[band * plane..<(band + 1) * plane].reduce(0) { $0 + Int($1) } } == known.sums,
            "\(known.name)")
        #expect(SHA256.hex(of: samples) == known.sha256, "\(known.name)")
    }

    /// Compares the images of some splits, and their masks.
    ///
    /// - Parameters:
    ///   - name: What the loader calls an image of a name.
    ///   - stored: What the loader gives for classes.
    /// - Returns: The number of images and masks compared.
    private func agree(
        _ set: SegmentationSet, with splits: [String: [SetLoaders.Image]], name: (String) -> String,
        stored: ([UInt8]) -> [UInt8]
    ) throws -> Int {
        let pixels = colours(set.images.map(\.path))
        var compared = 0
        for (split, key) in try bySplit(splits) {
            let images = try #require(splits[key])
            let indices = set.indices(of: split)
            #expect(Set(indices.map { name(set.images[$0].name) }) == Set(images.map(\.name)), "\(key)")
            #expect(indices.count == images.count, "\(key)")
            for index in indices {
                let known = try #require(images.first { $0.name == name(set.images[index].name) })
                try agree(pixels, index, with: known)
                compared += 1
                #expect(set.images[index].isLabelled == (known.maskSha256 != nil), "\(known.name)")
                guard set.images[index].isLabelled else { continue }
                let size = try set.masks.maskSize(index)
                #expect(try pixels.size(index) == size, "\(known.name)")
                let mask = stored(try set.masks.classes(index, window: whole(size)))
                #expect(SHA256.hex(of: mask) == known.maskSha256, "\(known.name)")
                #expect(mask.reduce(0) { $0 + Int($1) } == known.maskSum, "\(known.name)")
                #expect(Set(mask.map(Int.init)).sorted() == known.maskValues, "\(known.name)")
                compared += 1
            }
        }
        return compared
    }

    @Test func `LoveDA is what torchgeo reads, whose masks keep their values`() throws {
        let set = try SegmentationSet.loveDA(GeoBenchFixture.folder + "/loveda")
        let known = golden.torchgeo.loveda
        #expect(set.images.count == 11 && known.splits.keys.sorted() == ["test", "train", "val"] && set.notes.isEmpty)
        // 255 becomes 0, which LoveDA's files have for pixels without a label.
        let compared = try agree(set, with: known.splits, name: { $0 }, stored: { $0.map { $0 &+ 1 } })
        #expect(compared == 11 + 8)
        #expect(set.classes == Array(known.classes.dropLast()) && known.classes.last == "no-data")
    }

    @Test func `LoveDA is what mmsegmentation reads, whose masks count from 0`() throws {
        let set = try SegmentationSet.loveDA(GeoBenchFixture.folder + "/loveda")
        let known = golden.mmseg.loveda
        let compared = try agree(
            set, with: known.splits, name: { String($0.split(separator: "/").last ?? "") }, stored: { $0 })
        #expect(compared == 8 + 8 && known.splits.keys.sorted() == ["train", "val"])
        #expect(set.classes == known.classes.map { $0 == "agricultural" ? "agriculture" : $0 })
    }

    @Test func `patches of iSAID are what mmsegmentation reads`() throws {
        let set = try SegmentationSet.iSAID(GeoBenchFixture.folder + "/isaid-patches")
        let known = golden.mmseg.isaidPatches
        #expect(set.name == "isaid-patches" && set.images.count == 22)
        let compared = try agree(
            set, with: known.splits, name: { String($0.split(separator: "/").last ?? "") }, stored: { $0 })
        #expect(compared == known.files && known.splits.keys.sorted() == ["test", "train", "val"])
        let names = known.classes.map {
            $0.lowercased().replacing("_", with: " ").replacing("store tank", with: "storage tank")
        }
        #expect(set.classes == names)
    }

    @Test func `colours of iSAID are the classes that mmsegmentation makes of them`() throws {
        let set = try SegmentationSet.iSAID(GeoBenchFixture.folder + "/isaid")
        let known = golden.mmseg.isaid.masks
        let labelled = set.images.indices.filter { set.images[$0].isLabelled }
        #expect(set.name == "isaid" && set.images.count == 6 && known.count == 5)
        #expect(Set(labelled.map { set.images[$0].name }) == Set(known.keys))
        #expect(set.images.allSatisfy { ($0.split == .test) == $0.name.hasPrefix("test/") })
        let pixels = colours(set.images.map(\.path))
        for index in labelled {
            let mask = try #require(known[set.images[index].name])
            let size = try set.masks.maskSize(index)
            #expect(mask.shape == [size.height, size.width])
            #expect(try pixels.size(index) == size)
            let classes = try set.masks.classes(index, window: whole(size))
            #expect(SHA256.hex(of: classes) == mask.maskSha256, "\(set.images[index].name)")
            #expect(classes.reduce(0) { $0 + Int($1) } == mask.maskSum)
            #expect(Set(classes.map(Int.init)).sorted() == mask.maskValues)
        }
        // An image to test on is not cut into patches.
        let test = try #require(golden.mmseg.isaidPatches.splits["test"]?.first)
        let index = try #require(set.images.firstIndex { $0.name == "test/\(test.name)" })
        try agree(pixels, index, with: test)
        #expect(!set.images[index].isLabelled)
    }

    /// Compares names, splits and labels, and hands over each image with what is known of it.
    private func agree(
        _ set: SampleSet, with known: SetLoaders.Listed, _ image: (Int, SetLoaders.Image) throws -> Void
    ) throws {
        #expect(set.classes == known.classes && set.notes.isEmpty && !set.isMultiLabel)
        #expect(set.samples.count == known.splits.values.reduce(0) { $0 + $1.count })
        for (split, key) in try bySplit(known.splits) {
            let images = try #require(known.splits[key])
            let indices = set.indices(of: split)
            #expect(Set(indices.map { set.samples[$0].name }) == Set(images.map(\.name)) && !images.isEmpty, "\(key)")
            for index in indices {
                let sample = set.samples[index]
                let found = try #require(images.first { $0.name == sample.name })
                #expect(sample.classes == [found.label], "\(sample.name)")
                try image(index, found)
            }
        }
    }

    @Test func `EuroSAT is what torchgeo reads, in all 13 bands`() throws {
        let set = try KnownSet.eurosat.read(GeoBenchFixture.folder + "/eurosat")
        let bands = (1...13).map { BandInfo(name: "\($0)") }
        let pixels = RasterPixels(
            set.samples.map(\.path),
            layout: PixelLayout(
                bands: bands, sampleType: .uint8, tileSize: 1, gsd: 10, stretch: .fixed(low: 0, high: 3000)),
            bands: Array(1...13))
        #expect(set.samples.count == 40 && set.classCounts(.train) == [Int](repeating: 2, count: 10))
        try agree(set, with: golden.torchgeo.eurosat) { index, known in
            let size = try pixels.size(index)
            #expect(known.shape == [13, size.height, size.width])
            let values = try pixels.values(index)
            #expect(values.map { Int($0.reduce(0, +)) } == known.sums, "\(known.name)")
            let bytes = values.flatMap { $0.compactMap { UInt16(exactly: $0) }.flatMap { littleEndian($0) } }
            #expect(SHA256.hex(of: bytes) == known.sha256, "\(known.name)")
        }
    }

    @Test func `UC Merced is what torchgeo reads before it resizes`() throws {
        let set = try KnownSet.ucMerced.read(GeoBenchFixture.folder + "/ucmerced")
        let pixels = colours(set.samples.map(\.path))
        #expect(set.samples.count == 63 && set.classCounts(.test) == [Int](repeating: 1, count: 21))
        try agree(set, with: golden.torchgeo.ucmerced) { try agree(pixels, $0, with: $1) }
        let low = try #require(set.samples.firstIndex { $0.name == "harbor/harbor42.tif" })
        #expect(try pixels.size(low) == (8, 7))
    }

    @Test func `predictions for LoveDA have the score that mmsegmentation gives them`() throws {
        let set = try SegmentationSet.loveDA(GeoBenchFixture.folder + "/loveda")
        let scored = set.indices(of: .validation)
        let predictions = try PredictionFolder(
            GeoBenchFixture.folder + "/loveda-predictions", of: set, images: scored)
        let tally = try compare(predictions, with: set, images: scored)
        let (known, whole) = (golden.mmseg.loveda.score, tally.whole)
        #expect(predictions.notes.isEmpty && tally.warning == nil && tally.images.count == 4)
        let both = set.classes.indices.map { whole.count(truth: $0, prediction: $0) }
        let predicted = set.classes.indices.map { whole.predictionCount(of: $0) }
        let labelled = set.classes.indices.map { whole.truthCount(of: $0) }
        #expect(both == known.intersect && predicted == known.predicted && labelled == known.labelled)
        #expect(set.classes.indices.map { predicted[$0] + labelled[$0] - both[$0] } == known.union)

        let figures = SegmentationFigures(tally, absent: .leftOut, bootstrap: Bootstrap(draws: 20))
        func figure(_ metric: SegmentationMetric) -> Double? { figures.intervals(of: metric)[0].interval.estimate }
        let each = figures.intervals(of: .classIoU)
        #expect(each.map(\.name) == set.classes.map { "iou_\($0)" })
        // mmsegmentation divides in single precision; its numbers of pixels are exact.
        let exact = zip(known.intersect, known.union).map { $1 > 0 ? Double($0) / Double($1) : nil }
        for (found, (quotient, single)) in zip(each, zip(exact, known.iou)) {
            #expect(found.interval.estimate.map(Float.init) == single.map(Float.init), "\(found.name)")
            guard let quotient else {
                #expect(found.interval.estimate == nil && found.name == "iou_barren")
                continue
            }
            #expect(abs((found.interval.estimate ?? 0) - quotient) < 1e-12, "\(found.name)")
        }
        // Barren land is neither in these masks nor in the predictions.
        let present = exact.compactMap(\.self)
        let mean = present.reduce(0, +) / Double(present.count)
        let accuracy = Double(known.intersect.reduce(0, +)) / Double(known.labelled.reduce(0, +))
        #expect(present.count == 6 && abs((figure(.meanIoU) ?? 0) - mean) < 1e-12)
        #expect(abs((figure(.overallAccuracy) ?? 0) - accuracy) < 1e-12)
        #expect(figure(.meanIoU).map(Float.init) == Float(known.miou))
        #expect(figure(.overallAccuracy).map(Float.init) == Float(known.accuracy))
    }

    @Test func `which set a folder holds is seen`() throws {
        for (folder, benchmark, count) in [
            ("loveda", "loveda", 11), ("isaid", "isaid", 6), ("isaid-patches", "isaid", 22), ("eurosat", "eurosat", 40),
            ("ucmerced", "ucmerced", 63), ("geobench", "", 12),
        ] {
            switch try FoundSet.at("\(GeoBenchFixture.folder)/\(folder)") {
            case .masks(let set, let name): #expect(name == benchmark && set.images.count == count)
            case .samples(let set, let name): #expect(name == benchmark && set.samples.count == count)
            case .geoBench(let tasks): #expect(benchmark.isEmpty && tasks.tasks.count == count)
            }
        }
    }
}
