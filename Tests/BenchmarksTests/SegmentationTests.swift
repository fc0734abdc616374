// Sets of images with masks: LoveDA, iSAID, predictions of them, and what is counted.
import Benchmarks
import Foundation
import Geo
import Measures
import Raster
import Telemetry
import TestSupport
import Testing

/// Writes a picture, and the folders that it is in.
private func paint(
    _ folder: TemporaryFolder, _ name: String, _ width: Int, _ height: Int, bands: Int = 1, _ value: (Int) -> [UInt8]
) throws {
    let url = URL(filePath: folder.file(name))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    let pixels = (0..<width * height).map(value)
    let samples = (0..<bands).flatMap { band in pixels.map { $0[band] } }
    try writePNG(
        PixelBuffer(bands: bands, height: height, width: width, samples: .uint8(samples)), to: url.path)
}

private func failure(_ work: () throws -> Void) -> BenchmarksError? {
    do {
        try work()
        return nil
    } catch { return error as? BenchmarksError }
}

private func whole(_ width: Int, _ height: Int) -> PixelWindow {
    PixelWindow(column: 0, row: 0, width: width, height: height)
}

/// A LoveDA of one image of 8 x 2 pixels for each split and domain; masks run from 0 to 7.
private func loveDA(_ folder: TemporaryFolder) throws {
    for (number, place) in ["Train/Urban", "Train/Rural", "Val/Urban", "Val/Rural"].enumerated() {
        try paint(folder, "set/\(place)/images_png/\(number).png", 8, 2, bands: 3) { [UInt8($0), 1, 2] }
        try paint(folder, "set/\(place)/masks_png/\(number).png", 8, 2) { [UInt8($0 % 8)] }
    }
    try paint(folder, "set/Test/Urban/images_png/9.png", 8, 2, bands: 3) { [UInt8($0), 1, 2] }
}

struct LoveDATests {
    private let folder = TemporaryFolder()

    @Test func `classes count from background to agriculture, and 0 in masks is no label`() throws {
        try loveDA(folder)
        let set = try SegmentationSet.loveDA(folder.file("set/"))
        // Where names are counted from the end of the masks' values, each class is taken for its neighbour.
        #expect(set.classes == ["background", "building", "road", "water", "barren", "forest", "agriculture"])
        #expect(set.legend.classes.map(\.id) == [0, 1, 2, 3, 4, 5, 6] && set.background == 0)
        #expect(try set.masks.classes(0, window: whole(8, 2)) == [255, 0, 1, 2, 3, 4, 5, 6, 255, 0, 1, 2, 3, 4, 5, 6])
        #expect(try set.masks.classes(0, window: PixelWindow(column: 6, row: 1, width: 2, height: 1)) == [5, 6])
        let names = ["Train/Rural/1", "Train/Urban/0", "Val/Rural/3", "Val/Urban/2", "Test/Urban/9"]
        #expect(set.images.map(\.name) == names)
        #expect(set.images.map(\.split) == [.train, .train, .validation, .validation, .test])
        #expect(set.images.map(\.isLabelled) == [true, true, true, true, false])
        #expect(set.predictionNames() == ["1", "0", "3", "2", "9"])
        #expect(set.gsd == 0.3 && set.unlabelled == "0")
    }

    @Test func `images whose numbers are not unique keep their domain in predictions`() throws {
        try loveDA(folder)
        try paint(folder, "set/Val/Urban/images_png/3.png", 8, 2, bands: 3) { _ in [0, 0, 0] }
        try paint(folder, "set/Val/Urban/masks_png/3.png", 8, 2) { _ in [1] }
        let names = try SegmentationSet.loveDA(folder.file("set")).predictionNames()
        #expect(names.contains("Rural/3") && names.contains("Urban/3"))
    }

    @Test func `what is no LoveDA is refused`() throws {
        try loveDA(folder)
        try FileManager.default.removeItem(atPath: folder.file("set/Val/Rural/masks_png/3.png"))
        let missing = failure { _ = try SegmentationSet.loveDA(folder.file("set")) }
        #expect(missing?.code == .badLabels && missing?.place == folder.file("set/Val/Rural/images_png/3.png"))
        #expect(failure { _ = try SegmentationSet.loveDA(folder.file("nowhere")) }?.code == .notFound)
        let empty = failure { _ = try SegmentationSet.loveDA(folder.file("set/Train")) }
        #expect(empty?.code == .badForm && empty?.remedy == "give the folder that holds Train and Val")
        try paint(folder, "set/Val/Rural/masks_png/3.png", 8, 2) { [$0 < 3 ? 9 : 1] }
        let set = try SegmentationSet.loveDA(folder.file("set"))
        let wrong = failure { _ = try set.masks.classes(2, window: whole(8, 2)) }
        #expect(wrong?.what == "the value 9 stands for no class (3 pixels)")
        #expect(wrong?.causes == ["classes are 1 2 3 4 5 6 7, and no label 0"])
    }
}

struct ISAIDTests {
    private let folder = TemporaryFolder()

    @Test func `masks in colours, next to images or in a folder of their own`() throws {
        let colours: [[UInt8]] = [[0, 0, 0], [0, 0, 63], [0, 127, 255], [0, 100, 155]]
        for split in ["train", "val"] {
            try paint(folder, "set/\(split)/images/P1.png", 4, 3, bands: 3) { _ in [1, 2, 3] }
            let mask =
                split == "train" ? "images/P1_instance_color_RGB" : "Semantic_masks/images/P1_instance_color_RGB"
            try paint(folder, "set/\(split)/\(mask).png", 4, 3, bands: 3) { colours[$0 % 4] }
            try paint(folder, "set/\(split)/images/P1_instance_id_RGB.png", 4, 3, bands: 3) { _ in [9, 9, 9] }
        }
        try paint(folder, "set/test/images/P2.png", 4, 3, bands: 3) { _ in [1, 2, 3] }
        let set = try SegmentationSet.iSAID(folder.file("set"))
        #expect(set.name == "isaid" && set.classes.count == 16 && set.background == 0 && set.unlabelled.isEmpty)
        #expect(set.images.map(\.name) == ["train/P1", "val/P1", "test/P2"])
        for image in 0..<2 {
            #expect(try set.masks.classes(image, window: whole(4, 3)) == [0, 1, 14, 15, 0, 1, 14, 15, 0, 1, 14, 15])
        }
        try paint(folder, "set/val/images/P1_instance_color_RGB.png", 4, 3, bands: 3) { [0, 0, $0 == 5 ? 64 : 0] }
        let changed = try SegmentationSet.iSAID(folder.file("set"))
        let wrong = failure { _ = try changed.masks.classes(1, window: whole(4, 3)) }
        #expect(wrong?.what == "the colour 0,0,64 stands for no class (1 pixel)" && wrong?.code == .badLabels)
    }

    @Test func `patches hold values, and 255 where there is no image`() throws {
        for split in ["train", "val"] {
            try paint(folder, "set/img_dir/\(split)/P1_0_4_0_4.png", 4, 4, bands: 3) { _ in [1, 2, 3] }
            try paint(folder, "set/ann_dir/\(split)/P1_0_4_0_4_instance_color_RGB.png", 4, 4) {
                [$0 % 4 == 3 ? 255 : UInt8($0 / 4 * 5)]
            }
        }
        let set = try SegmentationSet.iSAID(folder.file("set"))
        #expect(set.name == "isaid-patches" && set.unlabelled == "255")
        #expect(
            try set.masks.classes(1, window: whole(4, 4))
                == [0, 0, 0, 255, 5, 5, 5, 255, 10, 10, 10, 255, 15, 15, 15, 255])
    }
}

struct PredictionTests {
    private let folder = TemporaryFolder()
    private let loveda: SegmentationSet

    init() throws {
        try loveDA(folder)
        loveda = try SegmentationSet.loveDA(folder.file("set"))
    }

    private var scored: [Int] { loveda.indices(of: .validation) }

    @Test func `predictions are compared with masks image by image`() throws {
        // Right but for one pixel of each class 6 in one image, where masks have a label.
        try paint(folder, "mine/2.png", 8, 2) { [$0 % 8 == 0 ? 3 : UInt8($0 % 8 - 1)] }
        try paint(folder, "mine/3.png", 8, 2) { [$0 % 8 == 0 || $0 == 7 ? 0 : UInt8($0 % 8 - 1)] }
        let tally = try compare(
            try PredictionFolder(folder.file("mine"), of: loveda, images: scored), with: loveda, images: scored)
        #expect(tally.images.count == 2 && tally.whole.count == 28 && tally.warning == nil)
        #expect(tally.whole.iou(of: 6) == 0.75 && tally.whole.iou(of: 0) == 0.8)
        #expect(tally.images[1].overallAccuracy == 1 && tally.images[0].count(truth: 6, prediction: 0) == 1)
        let figures = SegmentationFigures(tally, absent: .leftOut, bootstrap: Bootstrap(draws: 50))
        let mean = figures.intervals(of: .meanIoU)
        #expect(mean.count == 1 && mean[0].name == "miou")
        #expect(abs((mean[0].interval.estimate ?? 0) - (5 + 0.75 + 0.8) / 7) < 1e-12)
        let without = figures.intervals(of: .meanIoUWithoutBackground)[0].interval.estimate
        #expect(abs((without ?? 0) - 5.75 / 6) < 1e-12)
        let each = figures.intervals(of: .classIoU)
        #expect(each.map(\.name).last == "iou_agriculture" && each.last?.interval.estimate == 0.75)
    }

    @Test func `a folder for each domain is taken as well`() throws {
        try paint(folder, "mine/Urban/2.png", 8, 2) { _ in [0] }
        try paint(folder, "mine/Val/x.png", 8, 2) { _ in [0] }
        try paint(folder, "mine/Rural/3.png", 8, 2) { _ in [1] }
        let predictions = try PredictionFolder(folder.file("mine"), of: loveda, images: scored)
        #expect(predictions.notes.count == 1 && predictions.file(scored[1]) == folder.file("mine/Urban/2.png"))
    }

    @Test func `files that count from 1 are named, and read when that is said`() throws {
        for name in ["2", "3"] { try paint(folder, "mine/\(name).png", 8, 2) { [UInt8(max($0 % 8, 1))] } }
        let plain = try PredictionFolder(folder.file("mine"), of: loveda, images: scored)
        let error = failure { _ = try compare(plain, with: loveda, images: scored) }
        #expect(error?.code == .badLabels && error?.what == "the value 7 stands for no class (2 pixels)")
        #expect(error?.remedy?.hasPrefix("\(Setting.firstClass) 1 if they count from 1") == true)
        let shifted = try PredictionFolder(folder.file("mine"), of: loveda, images: scored, firstClass: 1)
        #expect(try compare(shifted, with: loveda, images: scored).whole.overallAccuracy == 1)
    }

    @Test func `files that count from 1 without the last class are suspicious`() throws {
        for name in ["2", "3"] { try paint(folder, "mine/\(name).png", 8, 2) { [UInt8(1 + $0 % 4)] } }
        let tally = try compare(
            try PredictionFolder(folder.file("mine"), of: loveda, images: scored), with: loveda, images: scored)
        #expect(tally.warning == "all images have the same prediction")
        try paint(folder, "mine/2.png", 8, 2) { [UInt8(1 + $0 % 5)] }
        let other = try compare(
            try PredictionFolder(folder.file("mine"), of: loveda, images: scored), with: loveda, images: scored)
        #expect(other.warning == "no pixel is predicted as 'background'; predictions count classes from 0")
        for name in ["2", "3"] { try paint(folder, "mine/\(name).png", 8, 2) { _ in [4] } }
        let constant = try compare(
            try PredictionFolder(folder.file("mine"), of: loveda, images: scored), with: loveda, images: scored)
        #expect(constant.warning == "all pixels are predicted as 'barren'")
    }

    @Test func `missing files, two files and another size are refused`() throws {
        #expect(failure { _ = try PredictionFolder(folder.file("no"), of: loveda, images: scored) }?.code == .notFound)
        try paint(folder, "mine/2.png", 8, 2) { _ in [0] }
        let missing = failure { _ = try PredictionFolder(folder.file("mine"), of: loveda, images: scored) }
        #expect(missing?.what == "1 of 2 images have no prediction: 3.png" && missing?.code == .badForm)
        try paint(folder, "mine/3.png", 4, 4) { _ in [0] }
        let sized = try PredictionFolder(folder.file("mine"), of: loveda, images: scored)
        let size = failure { _ = try compare(sized, with: loveda, images: scored) }
        #expect(size?.what == "the prediction has 4 x 4 pixels; its mask has 8 x 2")
        try paint(folder, "mine/3.bmp.png", 8, 2) { _ in [0] }
        try FileManager.default.moveItem(atPath: folder.file("mine/3.bmp.png"), toPath: folder.file("mine/3.bmp"))
        let two = failure { _ = try PredictionFolder(folder.file("mine"), of: loveda, images: scored) }
        #expect(two?.causes == ["3.bmp", "3.png"])
    }

    @Test func `what is written is what is read`() throws {
        let writer = try PredictionWriter(folder.file("out"), of: loveda)
        let truths: [[UInt8]] = scored.indices.map { image in (0..<16).map { UInt8(($0 + image) % 7) } }
        for (index, image) in scored.enumerated() {
            let file = try writer.begin(image, width: 8, height: 2)
            file.write([UInt8](truths[index][8...]), PixelWindow(column: 0, row: 1, width: 8, height: 1))
            for column in 0..<8 {
                file.write([truths[index][column]], PixelWindow(column: column, row: 0, width: 1, height: 1))
            }
            try file.finish()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("out")).sorted() == ["2.png", "3.png"])
        for (name, truth) in zip(["3", "2"], truths) {
            let reader = try RasterReader(path: folder.file("out/\(name).png"))
            #expect(try reader.read(whole(8, 2)).samples == .uint8(truth))
        }
    }
}

struct SegmentationFiguresTests {
    /// A set of three classes of which the last is in no mask.
    private func tally(_ predictions: [UInt8], _ truths: [UInt8]) throws -> SegmentationTally {
        struct NoMasks: MaskSource {
            func maskSize(_ image: Int) -> (width: Int, height: Int) { (0, 0) }
            func classes(_ image: Int, window: PixelWindow) -> [UInt8] { [] }
            func maskStamps(_ image: Int) -> [String] { [] }
        }
        let classes = (0..<3).map { LegendClass(id: UInt8($0), name: "c\($0)", colour: [0, 0, UInt8($0)]) }
        let set = try SegmentationSet(
            name: "x", legend: Legend(classes), unlabelled: "", gsd: 1,
            images: [SegmentationImage(name: "a", path: "a", split: .test)], masks: NoMasks(), in: "x")
        var tally = SegmentationTally(set)
        tally.addImage { $0(predictions, truths) }
        return tally
    }

    @Test func `an absent class is left out, or counts as 0`() throws {
        let tally = try tally([0, 0, 1, 1], [0, 1, 1, 255])
        func value(_ metric: SegmentationMetric, _ absent: AbsentClass) -> Double? {
            SegmentationFigures(tally, absent: absent, bootstrap: Bootstrap(draws: 20)).intervals(of: metric)[0]
                .interval
                .estimate
        }
        let third = 1.0 / 3
        #expect(value(.meanIoU, .leftOut) == 0.5)
        #expect(value(.meanIoU, .zero) == third)
    }

    @Test func `a class that is predicted but in no truth counts against all classes, not against those present`()
        throws
    {
        // As with cashew plantations, whose masks to test on never hold the class 0.
        let tally = try tally([0, 2, 1, 1], [0, 1, 1, 1])
        let figures = SegmentationFigures(tally, absent: .leftOut, bootstrap: Bootstrap(draws: 20))
        let sum = 1 + 2.0 / 3
        #expect(figures.intervals(of: .meanIoU)[0].interval.estimate == sum / 3)
        #expect(figures.intervals(of: .meanIoUOfPresent)[0].interval.estimate == sum / 2)
    }
}
