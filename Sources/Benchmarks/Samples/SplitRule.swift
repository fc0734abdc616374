// Splits for sets that come without: drawn by a seed, and never through a group.
internal import Files
public import Telemetry

/// How samples without a split are divided.
///
/// Units are drawn: groups where they are known, else single samples. Each unit has a place in an order that depends on the seed and its name
/// alone (SHA-256), so that another machine, another order of the files, and further classes leave a unit's place as it is. Single samples of
/// one class each are divided class by class, so that each split has its share of each class; samples of several labels and groups in their
/// order, until a split has its share of the samples.
public struct SplitRule: Sendable, Hashable, Codable {
    /// Share of the samples that is tested on, 0 to 1.
    public var test: Double
    /// Share of the samples on which hyper-parameters are chosen, 0 to 1.
    public var validation: Double
    /// Where the draw begins.
    public var seed: UInt64

    /// Makes a rule; what `problem` names is refused when it is used.
    public init(test: Double = 0.2, validation: Double = 0.2, seed: UInt64 = 0) {
        self.test = test
        self.validation = validation
        self.seed = seed
    }

    /// What is wrong with the shares; `nil` if nothing.
    public var problem: String? {
        guard (0..<1).contains(test), (0..<1).contains(validation), test > 0, test + validation < 1 else {
            return
                "the shares of test and validation are \(test) and \(validation); expected above 0 and 0 or more, below 1 together"
        }
        return nil
    }

    /// A place in an order without meaning, the same everywhere.
    private func place(of unit: String) -> String { SHA256.hex(of: Array("\(seed)/\(unit)".utf8)) }

    /// Splits for units in their order, each with its number of samples: the test first, then validation.
    ///
    /// A split is full once a further unit would take it farther from its share than it is.
    private func divided(_ sizes: [Int]) -> [BenchmarkSplit] {
        let total = Double(sizes.reduce(0, +))
        var answer: [BenchmarkSplit] = []
        var (inTest, inValidation) = (0.0, 0.0)
        for size in sizes.map(Double.init) {
            if isNearer(inTest, size, total * test) {
                inTest += size
                answer.append(.test)
            } else if isNearer(inValidation, size, total * validation) {
                inValidation += size
                answer.append(.validation)
            } else {
                answer.append(.train)
            }
        }
        return answer
    }

    /// Whether a sum is nearer to its goal with one more unit.
    private func isNearer(_ sum: Double, _ size: Double, _ goal: Double) -> Bool {
        abs(sum + size - goal) < abs(sum - goal)
    }

    /// A split for every sample; one that was asked for may stay empty.
    private func assigned(_ samples: [BenchmarkSample], isMultiLabel: Bool) -> [BenchmarkSplit] {
        var answer = [BenchmarkSplit](repeating: .train, count: samples.count)
        // Strata of units; a unit is the indices of its samples.
        var strata: [String: [String: [Int]]] = [:]
        for (index, sample) in samples.enumerated() {
            // Combinations of labels are too many to be strata.
            let stratum =
                sample.group != nil ? "groups" : isMultiLabel ? "samples" : "class \(sample.classes.first ?? -1)"
            strata[stratum, default: [:]][unit(of: sample), default: []].append(index)
        }
        for stratum in strata.values {
            let ordered = stratum.map { (place: place(of: $0), indices: $1) }.sorted { $0.place < $1.place }
            for (unit, split) in zip(ordered, divided(ordered.map(\.indices.count))) {
                for index in unit.indices { answer[index] = split }
            }
        }
        return answer
    }

    /// What is drawn as a whole.
    private func unit(of sample: BenchmarkSample) -> String {
        sample.group.map { "group/\($0)" } ?? "sample/\(sample.name)"
    }

    /// A split for every sample.
    ///
    /// - Parameter place: Where the set is, for errors.
    /// - Throws: `BenchmarksError`: `badForm` for shares that make no sense; `tooFew` where a split that was asked for stays empty.
    func splits(
        _ samples: [BenchmarkSample], isMultiLabel: Bool, in place: String
    ) throws(BenchmarksError) -> [BenchmarkSplit] {
        if let problem { throw BenchmarksError(.badForm, problem, in: place) }
        let answer = assigned(samples, isMultiLabel: isMultiLabel)
        let wanted: [BenchmarkSplit] = validation > 0 ? [.train, .validation, .test] : [.train, .test]
        for split in wanted where !answer.contains(split) {
            let groups = Set(samples.compactMap(\.group)).count
            throw BenchmarksError(
                .tooFew, "no sample is left for the split \(split.rawValue)", in: place,
                why: [
                    "there are \(counted(samples.count, "samples"))"
                        + (groups > 0 ? " in \(counted(groups, "groups"))" : "")
                ],
                try: "give a larger share, finer groups, or a list that names the splits")
        }
        return answer
    }

    /// The share `test` of some samples: one sample or group at least, where there are two or more.
    ///
    /// - Returns: Their indices, rising.
    package func part(of samples: [BenchmarkSample], isMultiLabel: Bool) -> [Int] {
        let answer = assigned(samples, isMultiLabel: isMultiLabel)
        let drawn = answer.indices.filter { answer[$0] == .test }
        guard drawn.isEmpty else { return drawn }
        let units = Dictionary(grouping: samples.indices, by: { unit(of: samples[$0]) })
        let first = units.min { place(of: $0.key) < place(of: $1.key) }
        return units.count > 1 ? (first?.value ?? []).sorted() : []
    }
}

extension SampleSet {
    /// The set with a split for every sample: its own, or those of a rule where it has none.
    ///
    /// - Throws: `BenchmarksError`: `badLabels` where only some samples have a split, and where a group is in two of them; what `SplitRule` throws.
    public func divided(by rule: SplitRule, in place: String) throws(BenchmarksError) -> SampleSet {
        let without = samples.count(where: { $0.split == nil })
        guard without == 0 || without == samples.count else {
            throw BenchmarksError(
                .badLabels, "\(counted(without, "samples")) of \(samples.count) have no split", in: place,
                try: "name a split for every sample, or for none")
        }
        guard without > 0 else {
            try checkGroups(in: place)
            return self
        }
        var divided = samples
        for (index, split) in try rule.splits(samples, isMultiLabel: isMultiLabel, in: place).enumerated() {
            divided[index].split = split
        }
        return try replacing(divided, in: place)
    }

    /// Refuses groups that are in two splits.
    private func checkGroups(in place: String) throws(BenchmarksError) {
        var known: [String: BenchmarkSplit] = [:]
        for sample in samples {
            guard let group = sample.group, let split = sample.split else { continue }
            if let other = known[group], other != split {
                throw BenchmarksError(
                    .badLabels, "the group '\(group)' is in two splits, \(other.rawValue) and \(split.rawValue)",
                    in: place,
                    why: ["images of one place look alike, so that the score would be of what was trained on"],
                    try: "give each group one split, or leave out the groups")
            }
            known[group] = split
        }
    }

    /// The set with the group of every sample taken from its name.
    ///
    /// - Parameter pattern: A regular expression; its first capture group, or all it matches, is the group's name.
    /// - Throws: `BenchmarksError` (`badForm`) for a pattern that cannot be read, or that a sample's name does not match.
    public func grouped(by pattern: String, in place: String) throws(BenchmarksError) -> SampleSet {
        let expression: Regex<AnyRegexOutput>
        do {
            expression = try Regex(pattern)
        } catch {
            throw BenchmarksError(
                .badForm, "the pattern of groups is not a regular expression: '\(pattern)'", why: ["\(error)"])
        }
        var changed = samples
        for (index, sample) in samples.enumerated() {
            guard let match = try? expression.firstMatch(in: sample.name) else {
                throw BenchmarksError(
                    .badForm, "the name '\(sample.name)' does not match the pattern of groups, '\(pattern)'", in: place,
                    try: "give a pattern that matches every name")
            }
            let captured = match.output.count > 1 ? match.output[1].substring : nil
            changed[index].group = String(captured ?? match.output[0].substring ?? "")
        }
        return try replacing(changed, in: place)
    }
}
