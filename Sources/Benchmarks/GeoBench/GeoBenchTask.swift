// What is known of a task of GEO-Bench before any of its samples is opened.

/// A band of a task: the name that files give it, and what its pixels show.
public struct GeoBenchBand: Sendable, Hashable {
    /// Its full name, such as `04 - Red`; arrays of samples have this name, perhaps followed by a date.
    public let name: String
    /// What its pixels show, by STAC's common name if there is one: `red`, `nir`, `swir16`; otherwise a name such as `vh-real`.
    ///
    /// Not always what the full name says: the published files of two tasks mix names up, see `GeoBenchTask.caveats`.
    public let shortName: String

    /// Names a band.
    public init(_ name: String, _ shortName: String) {
        self.name = name
        self.shortName = shortName
    }
}

/// A task of GEO-Bench v1 (Lacoste and others 2023): what is asked of an image, of which bands, and how answers are scored.
public struct GeoBenchTask: Sendable, Hashable {
    /// What is asked of an image.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The one class that it is of.
        case oneClass
        /// All classes that it shows.
        case manyLabels
        /// The class of each pixel.
        case mask
    }

    /// The metric with which the benchmark's authors score a task.
    public enum Metric: String, Sendable, Hashable, CaseIterable {
        /// Share of the samples whose class is right.
        case accuracy
        /// F1 over all pairs of sample and class together, at a probability of 0.5.
        case microF1
        /// Mean over the classes of intersection over union, over all pixels of the split together; `noDataClass` counts as others do.
        case meanIoU
    }

    /// Its name, which is that of its folder: `m-eurosat`.
    public let name: String
    /// What is asked.
    public let kind: Kind
    /// Names of the classes in the order of their indices; their numbers where no name is known.
    public let classes: [String]
    /// Its bands in their order.
    public let bands: [GeoBenchBand]
    /// Metres per pixel of the sharpest bands.
    public let gsdMetres: Double
    /// Side of the largest bands in pixels, as the task states it; some samples are cropped to less.
    public let patchSize: Int
    /// What it is scored by.
    public let metric: Metric
    /// Classes that do not occur in the published test split, so that published means may leave them out.
    public let classesAbsentFromTest: [Int]
    /// The class of pixels without data; `nil` where there is none.
    public let noDataClass: Int?
    /// What users of its bands should know, one sentence each.
    public let caveats: [String]

    /// Describes a task.
    init(
        _ name: String, _ kind: Kind, classes: [String], bands: [GeoBenchBand], gsdMetres: Double, patchSize: Int,
        classesAbsentFromTest: [Int] = [], noDataClass: Int? = nil, caveats: [String] = []
    ) {
        self.name = name
        self.kind = kind
        self.classes = classes
        self.bands = bands
        self.gsdMetres = gsdMetres
        self.patchSize = patchSize
        self.metric =
            switch kind {
            case .oneClass: .accuracy
            case .manyLabels: .microF1
            case .mask: .meanIoU
            }
        self.classesAbsentFromTest = classesAbsentFromTest
        self.noDataClass = noDataClass
        self.caveats = caveats
    }

    /// The built-in description of a task; `nil` for a name that GEO-Bench v1 does not have.
    public static func named(_ name: String) -> GeoBenchTask? { all.first { $0.name == name } }

    /// The band of a full or a short name; `nil` where there is none.
    public func band(_ name: String) -> GeoBenchBand? {
        bands.first { $0.name == name } ?? bands.first { $0.shortName == name }
    }

    /// Numbers as names of classes.
    static func numbers(_ count: Int) -> [String] { (0..<max(count, 0)).map { "\($0)" } }
}
