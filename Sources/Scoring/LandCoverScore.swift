// The result of scoring a land-cover map.
import Geo
import Measures

/// How well a map of classes agrees with the truth.
///
/// A pixel counts where truth and map have one, inside the AOI. Where the map is unsure (254) it counts as wrong: it is missing
/// from its true class, and a false alarm of none. Where the map has no value it does not count. What is not defined is
/// `null` in JSON, and means leave it out. With `t` pixels of a class in the truth, `p` in the map and `b` in both: IoU
/// = `b / (t + p - b)`, precision (user's accuracy) = `b / p`, recall (producer's accuracy) = `b / t`, F1 = `2 b / (t + p)`.
public struct LandCoverScore: Codable, Sendable, Hashable {
    /// How well one class is mapped.
    public struct ClassScore: Codable, Sendable, Hashable {
        /// Its number in maps.
        public var id: UInt8
        /// Its name.
        public var name: String
        /// Intersection over union; `nil` where it is absent from both truth and map.
        @UndefinedAsNull public var iou: Double?
        /// Harmonic mean of precision and recall; `nil` where it is absent from both.
        @UndefinedAsNull public var f1: Double?
        /// Of the pixels mapped as the class, the part that is of it; `nil` where it is not mapped.
        @UndefinedAsNull public var precision: Double?
        /// Of the pixels of the class, the part that is mapped as it; `nil` where the truth has none.
        @UndefinedAsNull public var recall: Double?
        /// Its pixels in the truth.
        public var pixels: Int

        enum CodingKeys: String, CodingKey {
            case id, name, iou, f1, precision, recall, pixels
        }
    }

    /// Mean IoU of the classes, the background too; those absent from both truth and map are left out.
    @UndefinedAsNull public var miou: Double?
    /// The same without the legend's background; `nil` where it has none, or no other class is present.
    @UndefinedAsNull public var miouWithoutBackground: Double?
    /// Part of the pixels that are mapped rightly.
    @UndefinedAsNull public var overallAccuracy: Double?
    /// Cohen's kappa; `nil` where truth and map hold one and the same class.
    @UndefinedAsNull public var kappa: Double?
    /// Mean F1 of the classes that are present.
    @UndefinedAsNull public var macroF1: Double?
    /// IoU of the classes, each weighted by its part of the truth's pixels.
    @UndefinedAsNull public var frequencyWeightedIoU: Double?
    /// Mean IoU of the pixels near borders; `nil` without borders, and where the truth is no raster.
    @UndefinedAsNull public var boundaryMIoU: Double?
    /// The distance from a border up to which a pixel counts as near it, in pixels of the truth; `nil` where the truth is no raster.
    @UndefinedAsNull public var boundaryPixels: Int?
    /// Number of pixels that count, unsure ones too.
    public var pixels: Int
    /// Number of them of which the map is unsure.
    public var unsure: Int
    /// Number of pixels inside the AOI and the map's bounds that the truth knows and the map has no value for.
    public var missingInMap: Int
    /// Scores by class, in the legend's order.
    public var classes: [ClassScore]
    /// Pixels by class of the truth (rows) and of the map (columns), in the legend's order; without unsure ones.
    public var confusion: [[Int]]

    /// Reads the counts.
    init(_ confusion: ConfusionTally, boundary: BoundaryTally?, missingInMap: Int, legend: Legend) {
        let background = legend.background.flatMap { legend.index(ofID: $0) }
        miou = confusion.meanIoU
        miouWithoutBackground = background.flatMap { confusion.meanIoU(without: $0) }
        overallAccuracy = confusion.overallAccuracy
        kappa = confusion.kappa
        macroF1 = confusion.macroF1
        frequencyWeightedIoU = confusion.frequencyWeightedIoU
        boundaryMIoU = boundary?.meanIoU
        boundaryPixels = boundary?.distance
        pixels = confusion.count
        unsure = confusion.noneCounts.reduce(0, +)
        self.missingInMap = missingInMap
        classes = legend.classes.enumerated().map { index, entry in
            ClassScore(
                id: entry.id, name: entry.name, iou: confusion.iou(of: index), f1: confusion.f1(of: index),
                precision: confusion.precision(of: index), recall: confusion.recall(of: index),
                pixels: confusion.truthCount(of: index))
        }
        self.confusion = confusion.counts
    }

    enum CodingKeys: String, CodingKey {
        case miou
        case miouWithoutBackground = "miou_no_background"
        case overallAccuracy = "overall_accuracy"
        case kappa
        case macroF1 = "macro_f1"
        case frequencyWeightedIoU = "frequency_weighted_iou"
        case boundaryMIoU = "boundary_miou"
        case boundaryPixels = "boundary_pixels"
        case pixels, unsure
        case missingInMap = "missing_in_map"
        case classes, confusion
    }
}
