// Few of many samples, the same share or number of each class, by a seed.
internal import Backbone
internal import Telemetry

/// How many samples are taken.
package enum FewShot: Sendable, Hashable {
    /// So many of each class; all of a class that has fewer.
    case perClass(Int)
    /// This share of each class, rounded, but one sample or more of each that has any; a share of all samples where they have labels.
    case share(Double)

    /// The samples that are taken, by rising index.
    ///
    /// The samples of a class are put in an order that follows from the seed and the class alone, and the first ones are taken: fewer
    /// shots of the same seed are among more shots.
    ///
    /// - Parameters:
    ///   - truth: Of the samples that are chosen from.
    ///   - seed: Another one makes another choice.
    /// - Throws: `DownstreamError` (`badRecipe`) for a number below 1 or a share that is not above 0 and at most 1, or for a number of
    ///   samples per class where they have labels; (`badPairs`) for a class that is not below the number of classes.
    package func chosen(from truth: ProbeLabels, seed: UInt64) throws(DownstreamError) -> [Int] {
        switch self {
        case .perClass(let number) where number < 1:
            throw DownstreamError(.badRecipe, "\(number) samples of each class; expected 1 or more")
        case .share(let share) where !(share > 0 && share <= 1):
            throw DownstreamError(.badRecipe, "a share of \(share) of the samples; expected above 0 and at most 1")
        case .perClass, .share: break
        }
        var groups: [[Int]] = []
        switch truth {
        case .classes(let classes, let count):
            groups = [[Int]](repeating: [], count: count)
            for (index, name) in classes.enumerated() {
                guard groups.indices.contains(name) else {
                    throw DownstreamError(
                        .badPairs, "sample \(index) is of class \(name); expected a class from 0 to \(count - 1)")
                }
                groups[name].append(index)
            }
        case .labels:
            guard case .share = self else {
                throw DownstreamError(
                    .badRecipe, "samples with several labels each cannot be counted by class",
                    try: "give a share of the samples")
            }
            groups = [Array(0..<truth.count)]
        }
        var chosen: [Int] = []
        for (name, group) in groups.enumerated() where !group.isEmpty {
            var random = CounterRandom(seed: seed ^ 0x7368_6f74, path: [name])
            chosen += random.permutation(group.count).prefix(count(of: group.count)).map { group[$0] }
        }
        return chosen.sorted()
    }

    /// How many of a class's samples are taken.
    private func count(of samples: Int) -> Int {
        switch self {
        case .perClass(let number): min(number, samples)
        case .share(let share): min(max(Int((share * Double(samples)).rounded()), 1), samples)
        }
    }
}
