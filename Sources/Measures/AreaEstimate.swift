// Areas of classes as a sample of the ground tells them, not as the map does, with how sure one may be of them.

/// Areas and accuracies of a map's classes, estimated from a sample that is stratified by the map.
///
/// The map's own areas are biased by its errors. Someone looks at points of the ground, drawn at random within each class of
/// the map; what they find corrects the areas and gives their standard errors. The estimators and the numbers of equations
/// are those of Olofsson et al. 2014 (Remote Sensing of Environment 148, 42-57). With map class i, reference class j, mapped
/// area `A_i` of a total `A`, `W_i = A_i / A`, sample counts `n_ij` and `n_i = sum over j of n_ij`:
///
///     p_ij   = W_i n_ij / n_i                                          part of the area            (4)
///     O      = sum of p_jj                                             overall accuracy            (1)
///     U_i    = p_ii / sum over j of p_ij = n_ii / n_i                  user's accuracy             (2)
///     P_j    = p_jj / p_j                                              producer's accuracy         (3)
///     V(O)   = sum of W_i^2 U_i (1 - U_i) / (n_i - 1)                                              (5)
///     V(U_i) = U_i (1 - U_i) / (n_i - 1)                                                           (6)
///     V(P_j) = (A_j^2 (1 - P_j)^2 U_j (1 - U_j) / (n_j - 1)                                        (7)
///              + P_j^2 sum over i != j of A_i^2 (n_ij / n_i) (1 - n_ij / n_i) / (n_i - 1)) / (A p_j)^2
///     p_j    = sum over i of p_ij                                      part of the class           (8, 9)
///     S(p_j) = sqrt(sum over i of (W_i p_ij - p_ij^2) / (n_i - 1))                                 (10)
///     area_j = A p_j,   S(area_j) = A S(p_j)                                                       (11)
///
/// A stratum is a class of the map. One without samples says nothing of what is there, so that no area is known while it has
/// an area itself; one with a single sample gives no standard error. Strata without area count for nothing.
public struct AreaEstimate: Sendable, Hashable {
    /// A number with its standard error.
    public struct Value: Sendable, Hashable {
        /// The estimate.
        public let value: Double
        /// Its standard error; `nil` where a stratum that it depends on has a single sample.
        public let standardError: Double?

        /// Half the width of the 95 % interval: 1.96 standard errors, as in the paper.
        public var margin: Double? { standardError.map { 1.96 * $0 } }
        /// The 95 % interval, `value` plus and minus `margin`; it is not cut off at 0 or 1.
        public var limits: ClosedRange<Double>? { margin.map { value - $0...value + $0 } }
    }

    /// Why something of a stratum is not known.
    public enum Gap: String, Sendable, Hashable, Codable {
        /// It has area but no samples.
        case noSamples
        /// It has area and a single sample, of which no variance can be told.
        case oneSample
    }

    /// What is known of one class.
    public struct ClassEstimate: Sendable, Hashable {
        /// Its area on the map, in the unit that was given.
        public let mappedArea: Double
        /// Number of samples where the map shows it.
        public let sampleCount: Int
        /// What its own stratum lacks; `nil` where it has two samples or more, or no area.
        public let gap: Gap?
        /// Its area on the ground, in the unit of `mappedArea`; `nil` while a stratum has no samples.
        public let area: Value?
        /// Of what is mapped as the class, the part that is it; `nil` without samples there.
        public let usersAccuracy: Value?
        /// Of the class on the ground, the part that is mapped as it.
        ///
        /// `nil` while a stratum has no samples, and where no sample found the class.
        public let producersAccuracy: Value?
    }

    /// The classes, in the order that was given.
    public let classes: [ClassEstimate]
    /// The part of the whole area that is mapped rightly; `nil` while a stratum has no samples, or without area.
    public let overallAccuracy: Value?
    /// Estimated parts of the whole area by map class and reference class, `[C, C]`; rows without samples are `nil`.
    public let proportions: [[Double]?]
    /// The whole area, in the unit that was given.
    public let totalArea: Double

    /// Whether every estimate has what it needs; `false` while a stratum with area has fewer than two samples.
    public var isComplete: Bool { classes.allSatisfy { $0.gap == nil } }

    /// Estimates from areas.
    ///
    /// - Parameters:
    ///   - mappedAreas: Area of each class on the map, `[C]`, 0 or more, in any unit.
    ///   - samples: Number of samples by map class (rows) and reference class (columns), `[C, C]`.
    public init(mappedAreas: [Double], samples: [[Int]]) {
        let size = mappedAreas.count
        precondition(
            samples.count == size && samples.allSatisfy { $0.count == size && $0.allSatisfy { $0 >= 0 } },
            "samples are counts by map class and reference class, of \(size) classes each")
        precondition(
            mappedAreas.allSatisfy { $0 >= 0 && $0.isFinite }, "no class has a negative area, got \(mappedAreas)")
        let total = mappedAreas.reduce(0, +)
        let strata = zip(mappedAreas, samples).map { Stratum(area: $0, samples: $1, total: total) }
        totalArea = total
        proportions = strata.map { stratum in
            stratum.sampleCount > 0 || stratum.area == 0 ? stratum.parts.map { stratum.weight * $0 } : nil
        }
        overallAccuracy = Self.overallAccuracy(strata)
        classes = strata.enumerated().map { index, stratum in
            ClassEstimate(
                mappedArea: stratum.area, sampleCount: stratum.sampleCount, gap: stratum.gap,
                area: Self.area(of: index, strata, total: total), usersAccuracy: Self.usersAccuracy(of: index, strata),
                producersAccuracy: Self.producersAccuracy(of: index, strata))
        }
    }

    /// Estimates from numbers of pixels.
    ///
    /// - Parameters:
    ///   - pixelCounts: Number of pixels of each class on the map, `[C]`.
    ///   - pixelArea: Area of a pixel, in the unit that areas shall have.
    ///   - samples: Number of samples by map class (rows) and reference class (columns), `[C, C]`.
    public init(pixelCounts: [Int], pixelArea: Double, samples: [[Int]]) {
        self.init(mappedAreas: pixelCounts.map { Double($0) * pixelArea }, samples: samples)
    }

    /// Estimates from a tally of samples, whose prediction is the map's class and whose truth is the reference's.
    ///
    /// - Parameters:
    ///   - mappedAreas: Area of each class on the map, `[C]`, 0 or more, in any unit.
    ///   - samples: The samples. Each must lie on a class of the map, because the classes are the strata.
    public init(mappedAreas: [Double], samples: ConfusionTally) {
        precondition(
            samples.noneCounts.allSatisfy { $0 == 0 }, "samples lie where the map has no class, which is no stratum")
        let classes = 0..<samples.classCount
        self.init(
            mappedAreas: mappedAreas,
            samples: classes.map { map in classes.map { samples.count(truth: $0, prediction: map) } })
    }

    /// A class of the map with its samples.
    private struct Stratum {
        let area: Double
        /// Its part of the whole area.
        let weight: Double
        let sampleCount: Int
        /// The part of its samples of each reference class; zeros without samples.
        let parts: [Double]

        init(area: Double, samples: [Int], total: Double) {
            self.area = area
            weight = total > 0 ? area / total : 0
            let count = samples.reduce(0, +)
            sampleCount = count
            parts = samples.map { count > 0 ? Double($0) / Double(count) : 0 }
        }

        var gap: Gap? {
            guard area > 0, sampleCount < 2 else { return nil }
            return sampleCount == 0 ? .noSamples : .oneSample
        }

        /// Variance of the mean of a reference class's indicator; 0 where there is no area, `nil` with one sample.
        func variance(of reference: Int) -> Double? {
            if area == 0 { return 0 }
            return sampleCount > 1 ? parts[reference] * (1 - parts[reference]) / Double(sampleCount - 1) : nil
        }
    }

    /// Whether samples lie in every stratum that has area.
    private static func isCovered(_ strata: [Stratum]) -> Bool {
        strata.allSatisfy { $0.gap != .noSamples } && strata.contains { $0.area > 0 }
    }

    /// The root of the sum of the strata's variances; `nil` where one is.
    private static func root(_ variances: [Double?]) -> Double? {
        var sum = 0.0
        for variance in variances {
            guard let variance else { return nil }
            sum += variance
        }
        return sum.squareRoot()
    }

    /// Equations 1 and 5.
    private static func overallAccuracy(_ strata: [Stratum]) -> Value? {
        guard isCovered(strata) else { return nil }
        let indexed = Array(strata.enumerated())
        return Value(
            value: indexed.reduce(0) { $0 + $1.element.weight * $1.element.parts[$1.offset] },
            standardError: root(
                indexed.map { index, stratum in
                    stratum.variance(of: index).map { stratum.weight * stratum.weight * $0 }
                }))
    }

    /// Equations 2 and 6.
    private static func usersAccuracy(of index: Int, _ strata: [Stratum]) -> Value? {
        let (count, part) = (strata[index].sampleCount, strata[index].parts[index])
        guard count > 0 else { return nil }
        let variance = count > 1 ? part * (1 - part) / Double(count - 1) : nil
        return Value(value: part, standardError: variance?.squareRoot())
    }

    /// Equations 8 to 11; `W_i p_ij - p_ij^2` of equation 10 is `W_i^2 q (1 - q)` with `q = n_ij / n_i`.
    private static func area(of index: Int, _ strata: [Stratum], total: Double) -> Value? {
        guard isCovered(strata) else { return nil }
        let part = strata.reduce(0) { $0 + $1.weight * $1.parts[index] }
        let variances = strata.map { stratum in
            stratum.variance(of: index).map { stratum.weight * stratum.weight * $0 }
        }
        return Value(value: total * part, standardError: root(variances).map { total * $0 })
    }

    /// Equations 3 and 7.
    private static func producersAccuracy(of index: Int, _ strata: [Stratum]) -> Value? {
        guard isCovered(strata) else { return nil }
        let found = strata.reduce(0) { $0 + $1.area * $1.parts[index] }
        guard found > 0 else { return nil }
        let accuracy = strata[index].area * strata[index].parts[index] / found
        let variances = strata.enumerated().map { i, stratum -> Double? in
            let factor = stratum.area * (i == index ? 1 - accuracy : accuracy) / found
            return stratum.variance(of: index).map { factor * factor * $0 }
        }
        return Value(value: accuracy, standardError: root(variances))
    }
}
