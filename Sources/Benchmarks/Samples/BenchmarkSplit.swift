// The parts of a benchmark, and the names that folders and lists give them.

/// What a sample of a benchmark is for.
public enum BenchmarkSplit: String, Sendable, Codable, CaseIterable {
    /// Probes and heads are fitted to it.
    case train
    /// Hyper-parameters are chosen on it.
    case validation
    /// Scores are of it.
    case test

    /// Reads a split as folders and lists name it: `train`, `training`, `val`, `valid`, `validation`, `test` or `testing`, in any case.
    ///
    /// `nil` for any other name.
    public init?(named name: String) {
        switch name.lowercased() {
        case "train", "training": self = .train
        case "val", "valid", "validation": self = .validation
        case "test", "testing": self = .test
        default: return nil
        }
    }
}
