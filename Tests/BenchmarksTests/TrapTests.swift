// Traps that published sets set: classes counted from 0 or 1, a class that never occurs, a head that predicts one class.
import Benchmarks
import Geo
import Measures
import Raster
import Telemetry
import TestSupport
import Testing

private func whole(_ size: (width: Int, height: Int)) -> PixelWindow {
    PixelWindow(column: 0, row: 0, width: size.width, height: size.height)
}

/// The values of a raster of 8 bits, as they are stored.
private func stored(_ path: String) throws -> PixelBuffer {
    let reader = try RasterReader(path: path, options: RasterOpenOptions(expandPalette: false))
    return try reader.read(whole((reader.grid.width, reader.grid.height)))
}

private func bytes(_ pixels: PixelBuffer) -> [UInt8] {
    guard case .uint8(let samples) = pixels.samples else { return [] }
    return samples
}

/// LoveDA's classes, and predictions of them.
struct LoveDATrapTests {
    private let folder = TemporaryFolder()
    private let golden: SetLoaders
    private let set: SegmentationSet
    private let scored: [Int]

    init() throws {
        golden = try SetLoaders.load()
        set = try SegmentationSet.loveDA(GeoBenchFixture.folder + "/loveda")
        scored = set.indices(of: .validation)
    }

    /// Writes the predictions of the fixtures with other values.
    private func predictions(_ change: (UInt8) -> UInt8) throws -> String {
        for index in scored {
            let name = "\(set.predictionNames()[index]).png"
            let pixels = try stored("\(GeoBenchFixture.folder)/loveda-predictions/\(name)")
            let changed = PixelBuffer(
                bands: 1, height: pixels.height, width: pixels.width, samples: .uint8(bytes(pixels).map(change)))
            try writePNG(changed, to: folder.file(name))
        }
        return folder.path
    }

    private func tally(_ path: String, firstClass: Int = 0) throws -> SegmentationTally {
        let predictions = try PredictionFolder(path, of: set, images: scored, firstClass: firstClass)
        return try compare(predictions, with: set, images: scored)
    }

    @Test func `masks of LoveDA count from 1, and their 1 is background, not building`() throws {
        var seen: Set<UInt8> = []
        for index in set.images.indices where set.images[index].isLabelled {
            let path = set.images[index].path.replacing("/images_png/", with: "/masks_png/")
            let values = bytes(try stored(path))
            seen.formUnion(values)
            let size = try set.masks.maskSize(index)
            let classes = try set.masks.classes(index, window: whole(size))
            #expect(classes == values.map { $0 == 0 ? 255 : $0 - 1 } && classes.count == size.width * size.height)
        }
        #expect(seen == [0, 1, 2, 3, 4, 5, 6, 7])
        // torchgeo's names, taken by the values of its own masks, are those of the neighbours.
        let shifted = golden.torchgeo.loveda.classes
        try #require(shifted.count == 8)
        #expect(shifted[1] == "building" && set.classes[1 - 1] == "background")
        #expect(shifted[7] == "no-data" && set.classes[7 - 1] == "agriculture")
    }

    @Test func `what is written for LoveDA's server counts from 0 to 6, in files that are called by their numbers`()
        throws
    {
        let writer = try PredictionWriter(folder.path, of: set)
        for index in scored {
            let size = try set.masks.maskSize(index)
            let file = try writer.begin(index, width: size.width, height: size.height)
            // Each pixel has a class in a submission, those without a label too; barren land shall be there.
            let classes = try set.masks.classes(index, window: whole(size)).map { $0 == 255 ? 4 : $0 }
            file.write(classes, whole(size))
            try file.finish()
        }
        #expect(folder.contents == ["2522.png", "2530.png", "3514.png", "4190.png"])
        let values = try folder.contents.map { Set(bytes(try stored(folder.file($0)))) }
        #expect(values.reduce([]) { $0.union($1) } == [0, 1, 2, 3, 4, 5, 6])
        let tally = try tally(folder.path)
        #expect(tally.whole.overallAccuracy == 1 && tally.warning == nil)
        #expect(tally.whole.count == golden.mmseg.loveda.score.labelled.reduce(0, +))
    }

    @Test func `predictions that count from 1, as mmsegmentation writes them, are refused with the remedy`() throws {
        let path = try predictions { $0 + 1 }
        let error = MadeTask.failure { _ = try tally(path) }
        #expect(error?.code == .badLabels && error?.what.hasPrefix("the value 7 stands for no class (") == true)
        #expect(error?.causes.first?.contains("predictions hold 0 ('background') to 6 ('agriculture')") == true)
        #expect(error?.remedy?.hasPrefix("\(Setting.firstClass) 1 if they count from 1") == true)
    }

    @Test func `predictions that count from 1 have the right score once that is said`() throws {
        let tally = try tally(try predictions { $0 + 1 }, firstClass: 1)
        let known = golden.mmseg.loveda.score
        #expect(set.classes.indices.map { tally.whole.count(truth: $0, prediction: $0) } == known.intersect)
        #expect(set.classes.indices.map { tally.whole.predictionCount(of: $0) } == known.predicted)
        #expect(tally.warning == nil)
    }

    @Test func `predictions that count from 1 and never name the last class are warned of`() throws {
        // No value is out of range, yet each pixel of another class than the last is taken for its neighbour.
        let tally = try tally(try predictions { min($0, 5) + 1 })
        #expect(tally.warning == "no pixel is predicted as 'background'; predictions count classes from 0")
        let accuracy = tally.whole.overallAccuracy ?? 1
        #expect(accuracy < 0.1 && golden.mmseg.loveda.score.accuracy > 0.9)
        #expect(try self.tally(try predictions { min($0, 5) + 1 }, firstClass: 1).warning == nil)
    }

    @Test func `predictions that count from 0 are refused where they are said to count from 1`() throws {
        let error = MadeTask.failure { _ = try tally(try predictions { $0 }, firstClass: 1) }
        #expect(error?.code == .badLabels && error?.what.hasPrefix("the value 0 stands for no class (") == true)
        #expect(error?.causes.first?.contains("predictions hold 1 ('background') to 7 ('agriculture')") == true)
    }

    @Test func `a head that predicts one class, whichever it is, is warned of`() throws {
        for (index, name) in set.classes.enumerated() {
            let tally = try tally(try predictions { _ in UInt8(index) })
            #expect(tally.warning == "all pixels are predicted as '\(name)'")
        }
        #expect(try tally(GeoBenchFixture.folder + "/loveda-predictions").warning == nil)
    }

    @Test func `a head that says the same of all images is warned of`() throws {
        var tally = SegmentationTally(set)
        for index in scored {
            let size = try set.masks.maskSize(index)
            let truths = try set.masks.classes(index, window: whole(size))
            tally.addImage { add in add(truths.indices.map { UInt8($0 % 7) }, truths) }
        }
        #expect(tally.warning == "all images have the same prediction")
    }

    @Test func `one class in all masks is no reason to warn`() {
        var tally = SegmentationTally(set)
        for _ in 0..<2 { tally.addImage { add in add([3, 3, 3], [3, 255, 3]) } }
        #expect(tally.warning == nil && tally.whole.count == 4)
    }
}

/// m-cashew-plant declares seven classes; no mask of its published test split has the first.
struct CashewTrapTests {
    private let task: GeoBenchSet
    private let set: SegmentationSet

    init() throws {
        task = try GeoBenchSet(GeoBenchFixture.path("m-cashew-plant"))
        set = try task.segmentationSet()
    }

    private func figure(_ tally: SegmentationTally, _ metric: SegmentationMetric, _ absent: AbsentClass) -> Double? {
        SegmentationFigures(tally, absent: absent, bootstrap: Bootstrap(draws: 20)).intervals(of: metric)[0].interval
            .estimate
    }

    /// Two images of 600 pixels whose truth has the classes 1 to 6; a fifth of the predictions is another one of these.
    private func drawn() -> (truths: [[UInt8]], predictions: [[UInt8]]) {
        var stream = SeededStream(seed: 7)
        let truths = (0..<2).map { _ in (0..<600).map { _ in UInt8(1 + stream.below(6)) } }
        let predictions = truths.map { truth in
            truth.map { stream.below(5) == 0 ? UInt8(1 + stream.below(6)) : $0 }
        }
        return (truths, predictions)
    }

    private func tally(_ truths: [[UInt8]], _ predictions: [[UInt8]]) -> SegmentationTally {
        var tally = SegmentationTally(set)
        for (truth, prediction) in zip(truths, predictions) { tally.addImage { $0(prediction, truth) } }
        return tally
    }

    /// IoU of a class, counted pixel by pixel.
    private func iou(_ index: UInt8, _ truths: [[UInt8]], _ predictions: [[UInt8]]) -> Double {
        let pairs = zip(truths, predictions).flatMap { zip($0, $1).map { ($0 == index, $1 == index) } }
        return Double(pairs.count { $0 && $1 }) / Double(pairs.count { $0 || $1 })
    }

    private func isClose(_ found: Double?, _ expected: Double) -> Bool { abs((found ?? .infinity) - expected) < 1e-12 }

    @Test func `seven classes are declared, six are in the test split, and the user is told`() throws {
        #expect(set.classes.count == 7 && set.background == nil && set.unlabelled.isEmpty)
        #expect(task.task.classesAbsentFromTest == [0] && task.task.noDataClass == 0)
        #expect(!task.classes(in: .test).contains(0) && task.classes(in: .train).contains(0))
        #expect(set.notes.contains { $0.hasPrefix("the test split lacks ") && $0.contains("0 (no data)") })
        let others = GeoBenchTask.all.filter { !$0.classesAbsentFromTest.isEmpty }.map(\.name)
        #expect(others == ["m-cashew-plant"])
    }

    @Test func `an absent class is left out of the mean, or is a 0 in it`() {
        let (truths, predictions) = drawn()
        let tally = tally(truths, predictions)
        let sum = (1...6).reduce(0) { $0 + iou(UInt8($1), truths, predictions) }
        #expect(tally.whole.iou(of: 0) == nil && sum > 3 && sum < 5.9)
        #expect(isClose(figure(tally, .meanIoU, .leftOut), sum / 6))
        #expect(isClose(figure(tally, .meanIoU, .zero), sum / 7))
        // Six classes, as DINOv3 and others report it, whatever counts for the seventh.
        #expect(isClose(figure(tally, .meanIoUOfPresent, .leftOut), sum / 6))
        #expect(isClose(figure(tally, .meanIoUOfPresent, .zero), sum / 6))
    }

    @Test func `one pixel predicted as the absent class costs a seventh of the mean, unless six classes are asked for`()
    {
        let (truths, drawn) = drawn()
        var predictions = drawn
        predictions[1][0] = 0
        let tally = tally(truths, predictions)
        let sum = (1...6).reduce(0) { $0 + iou(UInt8($1), truths, predictions) }
        #expect(tally.whole.iou(of: 0) == 0)
        for absent in AbsentClass.allCases {
            #expect(isClose(figure(tally, .meanIoU, absent), sum / 7), "\(absent)")
            #expect(isClose(figure(tally, .meanIoUOfPresent, absent), sum / 6), "\(absent)")
        }
    }

    @Test func `masks and files of predictions lead to the same figures`() throws {
        let folder = TemporaryFolder()
        let scored = set.indices(of: .test)
        let writer = try PredictionWriter(folder.path, of: set)
        var truths: [[UInt8]] = []
        var predictions: [[UInt8]] = []
        for index in scored {
            let size = try set.masks.maskSize(index)
            let truth = try set.masks.classes(index, window: whole(size))
            // Whatever is planted is said to be well managed.
            let prediction = truth.map { (2...3).contains($0) ? 1 : $0 }
            let file = try writer.begin(index, width: size.width, height: size.height)
            file.write(prediction, whole(size))
            try file.finish()
            truths.append(truth)
            predictions.append(prediction)
        }
        let present = Set(truths.joined()).sorted()
        #expect(present == [1, 2, 3, 5, 6])
        let tally = try compare(
            try PredictionFolder(folder.path, of: set, images: scored), with: set, images: scored)
        let sum = present.reduce(0) { $0 + iou($1, truths, predictions) }
        #expect(sum > 2 && sum < 3 && tally.warning == nil)
        #expect(isClose(figure(tally, .meanIoU, .leftOut), sum / 5))
        #expect(isClose(figure(tally, .meanIoU, .zero), sum / 7))
        #expect(isClose(figure(tally, .meanIoUOfPresent, .zero), sum / 5))
    }

    @Test func `a head that predicts one class is warned of here, too`() throws {
        var tally = SegmentationTally(set)
        for index in set.indices(of: .test) {
            let size = try set.masks.maskSize(index)
            let truths = try set.masks.classes(index, window: whole(size))
            tally.addImage { $0([UInt8](repeating: 5, count: truths.count), truths) }
        }
        #expect(tally.warning == "all pixels are predicted as 'background'")
    }
}
