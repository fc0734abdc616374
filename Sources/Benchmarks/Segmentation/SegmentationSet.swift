// The images of a segmentation benchmark: which file, what for, and where the class of each pixel is found.
internal import Files
public import Geo
public import Telemetry

/// One image of a segmentation set.
public struct SegmentationImage: Sendable, Hashable {
    /// Its name in results and lists: its path inside the set, without the extension.
    public let name: String
    /// The file, or the part of one.
    public let path: String
    /// What it is for.
    public let split: BenchmarkSplit
    /// Whether the class of each pixel is known; benchmarks keep some masks secret.
    public let isLabelled: Bool

    /// Describes an image.
    public init(name: String, path: String, split: BenchmarkSplit, isLabelled: Bool = true) {
        self.name = name
        self.path = path
        self.split = split
        self.isLabelled = isLabelled
    }
}

/// Where the class of each pixel of some images is found.
///
/// Callable from any thread.
public protocol MaskSource: Sendable {
    /// The size of an image's mask.
    func maskSize(_ image: Int) throws -> (width: Int, height: Int)
    /// The index of the class of each pixel of a window, row by row; 255 where there is no label.
    func classes(_ image: Int, window: PixelWindow) throws -> [UInt8]
    /// What decides the classes of an image: names, sizes, dates.
    func maskStamps(_ image: Int) -> [String]
}

/// A segmentation benchmark as it is on disk.
public struct SegmentationSet: Sendable {
    /// What it is called, such as `loveda`.
    public let name: String
    /// Its classes: ids are their indices, which are what predictions hold; the background is named where there is one.
    public let legend: Legend
    /// What stands for no label in masks, in words; empty where all pixels are labelled.
    public let unlabelled: String
    /// Metres per pixel.
    public let gsd: Double
    /// The images, in an order that does not depend on the file system.
    public let images: [SegmentationImage]
    /// Where the classes of their pixels are.
    public let masks: any MaskSource
    /// What the user should know.
    public let notes: [String]

    /// Checks images.
    ///
    /// - Throws: `BenchmarksError`: `tooFew` without a labelled image, `badLabels` for two images of one name.
    public init(
        name: String, legend: Legend, unlabelled: String, gsd: Double, images: [SegmentationImage],
        masks: any MaskSource, notes: [String] = [], in place: String
    ) throws(BenchmarksError) {
        guard images.contains(where: \.isLabelled) else {
            throw BenchmarksError(.tooFew, "there are no labelled images", in: place, why: notes)
        }
        var seen: Set<String> = []
        for image in images where !seen.insert(image.name).inserted {
            throw BenchmarksError(.badLabels, "two images have the same name, '\(image.name)'", in: place)
        }
        self.name = name
        self.legend = legend
        self.unlabelled = unlabelled
        self.gsd = gsd
        self.images = images
        self.masks = masks
        self.notes = notes
    }

    /// Names of the classes, in the order of their indices.
    public var classes: [String] { legend.classes.map(\.name) }

    /// The index of the background; `nil` where there is none.
    public var background: Int? { legend.background.flatMap { id in legend.classes.firstIndex { $0.id == id } } }

    /// Indices of the images of a split.
    public func indices(of split: BenchmarkSplit) -> [Int] { images.indices.filter { images[$0].split == split } }

    /// SHA-256 of the names of the classes, and of the names and splits of some images.
    public func hash(_ indices: [Int]) -> String {
        var hash = TextHash()
        hash.add(classes)
        for index in indices { hash.add([images[index].name, images[index].split.rawValue]) }
        return hash.text
    }

    /// What the files of predictions are called, without their ending: the last part of each name where these are unique, as for LoveDA's
    /// server; else the last two.
    public func predictionNames() -> [String] {
        func tail(_ name: String, _ count: Int) -> String {
            name.split(separator: "/").suffix(count).joined(separator: "/")
        }
        for count in 1...2 {
            let names = images.map { tail($0.name, count) }
            if Set(names).count == names.count { return names }
        }
        return images.map(\.name)
    }
}

extension Legend {
    /// The legend of a set's classes, whose ids are their indices.
    ///
    /// - Parameter background: The index of the background; `nil` where there is none.
    static func indexed(_ classes: [(name: String, colour: [UInt8])], background: Int? = nil, name: String) -> Legend {
        Legend(
            classes.enumerated().map { LegendClass(id: UInt8($0), name: $1.name, colour: $1.colour) },
            background: background.map { UInt8($0) }, name: name)
    }
}
