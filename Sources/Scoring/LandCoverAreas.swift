// What samples say of the areas of a map's classes.
import Geo
import Measures

/// Areas of the classes of a map, corrected by samples, with their 95 % limits.
///
/// The estimators are those of Olofsson et al. 2014 for samples that were drawn within each class of the map. A class that is mapped
/// but has no sample leaves all areas unknown; one with a single sample leaves their limits unknown. They are `null` then.
public struct LandCoverAreas: Codable, Sendable, Hashable {
    /// The area of one class.
    public struct ClassArea: Codable, Sendable, Hashable {
        /// Its number in maps.
        public var id: UInt8
        /// Its name.
        public var name: String
        /// Its area on the map, square metres.
        public var mapped: Double
        /// Its area by the samples, square metres.
        @UndefinedAsNull public var adjusted: Double?
        /// The lower limit of that; it is not cut off at 0.
        @UndefinedAsNull public var low: Double?
        /// The upper limit of that.
        @UndefinedAsNull public var high: Double?
        /// Of what is mapped as the class, the part that is of it.
        @UndefinedAsNull public var usersAccuracy: Double?
        /// Of the class on the ground, the part that is mapped as it.
        @UndefinedAsNull public var producersAccuracy: Double?

        enum CodingKeys: String, CodingKey {
            case id, name
            case mapped = "mapped_m2"
            case adjusted = "adjusted_m2"
            case low = "low_m2"
            case high = "high_m2"
            case usersAccuracy = "users_accuracy"
            case producersAccuracy = "producers_accuracy"
        }
    }

    /// The classes, in the legend's order.
    public var areas: [ClassArea]
    /// The part of the mapped ground that is mapped rightly.
    @UndefinedAsNull public var overallAccuracy: Double?
    /// Number of samples that count.
    public var samples: Int
    /// Number of samples that do not: beyond the map or the AOI, where it has no class, in one pixel with another, or of an
    /// ignored class.
    public var samplesLeftOut: Int

    /// Reads an estimate.
    init(_ estimate: AreaEstimate, samples: Int, samplesLeftOut: Int, legend: Legend) {
        areas = zip(legend.classes, estimate.classes).map { entry, known in
            ClassArea(
                id: entry.id, name: entry.name, mapped: known.mappedArea, adjusted: known.area?.value,
                low: known.area?.limits?.lowerBound, high: known.area?.limits?.upperBound,
                usersAccuracy: known.usersAccuracy?.value, producersAccuracy: known.producersAccuracy?.value)
        }
        overallAccuracy = estimate.overallAccuracy?.value
        self.samples = samples
        self.samplesLeftOut = samplesLeftOut
    }

    enum CodingKeys: String, CodingKey {
        case areas
        case overallAccuracy = "overall_accuracy"
        case samples
        case samplesLeftOut = "samples_left_out"
    }
}
