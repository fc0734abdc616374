// The samples of a classification benchmark: which file, which classes, which split.
public import Telemetry

/// One labelled image file.
public struct BenchmarkSample: Sendable, Hashable {
    /// What it is called in results and lists: its path inside the benchmark.
    public let name: String
    /// The file.
    public let path: String
    /// Indices of its classes: one, or any number where a set is multi-label.
    public let classes: [Int]
    /// What it is for; `nil` where the benchmark does not say.
    public var split: BenchmarkSplit?
    /// What it belongs to, such as a scene or a site, which must not be in two splits; `nil` if unknown.
    public var group: String?

    /// Describes a sample.
    public init(name: String, path: String, classes: [Int], split: BenchmarkSplit? = nil, group: String? = nil) {
        self.name = name
        self.path = path
        self.classes = classes
        self.split = split
        self.group = group
    }
}

/// The samples of a classification benchmark, checked.
public struct SampleSet: Sendable, Hashable {
    /// What the set is called, such as `eurosat`.
    public let name: String
    /// Names of the classes, in the order of their indices.
    public let classes: [String]
    /// Whether a sample may have any number of classes.
    public let isMultiLabel: Bool
    /// The samples, in an order that does not depend on the file system.
    public let samples: [BenchmarkSample]
    /// What the bands of its files show, in their order, if only the set's publication says so; otherwise empty.
    public var bandNames: [String] = []
    /// What the user should know: files passed over and the like.
    public let notes: [String]

    /// Checks samples.
    ///
    /// - Parameter place: The folder or the list that they come from, for errors.
    /// - Throws: `BenchmarksError`: `tooFew` without a sample or with fewer than two classes; `badLabels` for two samples of one name, a
    ///   class out of range, and a sample without exactly one class in a set that is not multi-label.
    public init(
        name: String, classes: [String], isMultiLabel: Bool = false, samples: [BenchmarkSample], notes: [String] = [],
        in place: String
    ) throws(BenchmarksError) {
        guard !samples.isEmpty else {
            throw BenchmarksError(.tooFew, "there are no samples", in: place, why: notes)
        }
        guard classes.count > 1 else {
            throw BenchmarksError(
                .tooFew, "all samples are of one class, '\(classes.first ?? "")'", in: place,
                why: ["a probe tells classes apart, and needs two or more"])
        }
        var seen: [String: BenchmarkSplit?] = [:]
        for sample in samples {
            if let before = seen.updateValue(sample.split, forKey: sample.name) {
                let isInTwo = before != nil && sample.split != nil && before != sample.split
                throw BenchmarksError(
                    .badLabels,
                    isInTwo
                        ? "the sample '\(sample.name)' is in two splits, \(before?.rawValue ?? "") and \(sample.split?.rawValue ?? "")"
                        : "two samples have the same name, '\(sample.name)'", in: place,
                    try: isInTwo ? "leave it in one of them: a score of trained samples says nothing" : nil)
            }
            if let wrong = sample.classes.first(where: { !classes.indices.contains($0) }) {
                throw BenchmarksError(
                    .badLabels,
                    "the sample '\(sample.name)' has the class \(wrong); expected 0 to \(classes.count - 1)",
                    in: place)
            }
            guard isMultiLabel || sample.classes.count == 1 else {
                throw BenchmarksError(
                    .badLabels,
                    "the sample '\(sample.name)' has \(counted(sample.classes.count, "classes")); expected one",
                    in: place)
            }
        }
        self.name = name
        self.classes = classes
        self.isMultiLabel = isMultiLabel
        self.samples = samples
        self.notes = notes
    }

    /// Number of samples of each class in a split, or in all where `split` is `nil`.
    public func classCounts(_ split: BenchmarkSplit? = nil) -> [Int] {
        var counts = [Int](repeating: 0, count: classes.count)
        for sample in samples where split == nil || sample.split == split {
            for index in sample.classes { counts[index] += 1 }
        }
        return counts
    }

    /// SHA-256 of all that is known of the samples: names, classes, splits and groups; not where their files are.
    public var hash: String {
        var hash = TextHash()
        hash.add(classes + [isMultiLabel ? "many" : "one"])
        for sample in samples {
            hash.add(
                [sample.name, sample.split?.rawValue ?? "", sample.group.map { "group \($0)" } ?? ""]
                    + sample.classes.map { "\($0)" })
        }
        return hash.text
    }

    /// Indices of the samples of a split.
    public func indices(of split: BenchmarkSplit) -> [Int] { samples.indices.filter { samples[$0].split == split } }

    /// The same set with other splits or groups.
    func replacing(_ samples: [BenchmarkSample], in place: String) throws(BenchmarksError) -> SampleSet {
        try SampleSet(
            name: name, classes: classes, isMultiLabel: isMultiLabel, samples: samples, notes: notes, in: place)
    }
}
