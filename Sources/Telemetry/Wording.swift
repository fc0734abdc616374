// What people can set and do, named by what it is: libraries say which of it helps, one table has the words of a program for it.
internal import Synchronization

/// Something that a user can set.
///
/// In a message it stands for its word in the wording in force: `"choose another name, or \(Setting.overwrite)"`.
/// The raw value is the libraries' own word, as their options are called.
public enum Setting: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// Whether an output that exists is replaced.
    case overwrite
    /// Whether unfinished work is continued.
    case resume
    /// Where the result goes.
    case output
    /// Where the polygons of a map of classes go.
    case polygons
    /// The area that is mapped or cut.
    case areaOfInterest = "aoi"
    /// Whether a map may be written as several files.
    case split
    /// Whether every pixel counts that the area touches.
    case allTouched
    /// The bands that are read, by their numbers.
    case bands
    /// How values become 8 bits.
    case stretch
    /// The mean and standard deviation that pixels are normalised with.
    case statistics
    /// Whether means and deviations are taken from the training images, in place of those that a set comes with.
    case measuredStatistics = "measureStatistics"
    /// The value of the first class in predictions.
    case firstClass
    /// The number of attention heads.
    case heads
    /// The architecture of weights that do not describe themselves.
    case architecture
    /// The mean of each band.
    case bandMean = "mean"
    /// The standard deviation of each band.
    case bandDeviation = "std"
    /// The side of a window.
    case window = "windowSize"
    /// By how many pixels windows overlap.
    case overlap
    /// The number of windows that are predicted at once.
    case batch = "batchSize"
    /// The number of threads that read and decode.
    case threads
    /// The blocks or stages whose tokens are taken.
    case layers
    /// Principal components that were computed before.
    case basis
    /// What a run starts from.
    case from
    /// The weights of the Gram teacher.
    case gramTeacher
    /// The tiles to train on.
    case corpus
    /// The number of steps.
    case steps
    /// The step after which a run stops.
    case stopAfter
    /// A configuration option of GDAL.
    case gdalConfiguration = "GDAL option"

    /// The word of the wording in force.
    public var description: String { Wording.inForce.setting(self) }
}

/// Something that a user can do, with what it is done to.
///
/// In a message it stands for its words in the wording in force: `"rebuild it: \(UserAction.reindexCorpus(path))"`. On a command line
/// most of these words are a command, and the sentences around them are made for one.
public enum UserAction: Sendable, Hashable, CustomStringConvertible {
    /// A value for a setting, such as `another name` for the output.
    case value(String, for: Setting)
    /// Repeating what was just asked for, so that it resumes what is unfinished; the words are an imperative.
    case resumeSameCommand
    /// Cutting scenes into a corpus.
    case cutCorpus(output: String)
    /// Repeating what a corpus was cut with.
    case sameCutting
    /// Continuing a corpus that is unfinished.
    case resumeCutting
    /// Checking every byte of a corpus; `nil` where its path is unknown.
    case verifyCorpus(String?)
    /// Making what can be made from the shards of a corpus.
    case reindexCorpus(String)
    /// The same for a corpus that is damaged, and how to list what is damaged.
    case reindexDamagedCorpus(String)
    /// Writing the tiles of a corpus as a pack.
    case packCorpus(output: String)
    /// Making scenes of procedural landscapes.
    case synthesize
    /// Fitting a head for a task, on weights where they are known.
    case fit(task: String, weights: String?)
    /// Computing features.
    case embed
    /// Computing features as principal components; their number as it is shown, `nil` where it does not matter.
    case embedComponents(count: String?)
    /// All that uses weights as they are: fits, features and maps.
    case applyWeights
    /// Showing what weights are.
    case inspectWeights
    /// Writing a step of a run, counted from 1, to a file.
    case dumpStep(Int)
    /// Continuing a run and writing a step of it to a file.
    case resumeAndDumpStep(Int)

    /// The words of the wording in force.
    public var description: String { Wording.inForce.action(self) }

    /// The words without any program in mind.
    fileprivate var plain: String {
        switch self {
        case .value(let value, let setting): "\(value) for \(setting.rawValue)"
        case .resumeSameCommand: "make the same call with resume set"
        case .cutCorpus(let output): "cut scenes into '\(output)'"
        case .sameCutting: "the same tiling"
        case .resumeCutting: "the same tiling, resumed"
        case .verifyCorpus(let path): "verify the corpus" + (path.map { " '\($0)'" } ?? "")
        case .reindexCorpus(let path): "reindex the corpus '\(path)'"
        case .reindexDamagedCorpus(let path): "reindex the corpus '\(path)' (verifying it lists the damage)"
        case .packCorpus(let output): "pack a corpus into '\(output)'"
        case .synthesize: "the synthesis of scenes"
        case .fit(let task, let weights): "a \(task) fit" + (weights.map { " with the weights '\($0)'" } ?? "")
        case .embed: "embedding"
        case .embedComponents(let count):
            "embedding with " + (count.map { "\($0) " } ?? "") + "principal components"
        case .applyWeights: "fits, embeddings and maps"
        case .inspectWeights: "an inspection of the weights"
        case .dumpStep(let step): "pretrain and dump step \(step)"
        case .resumeAndDumpStep(let step): "resume and dump step \(step)"
        }
    }
}

/// The words for settings and actions: those of a command line, of another program, or plain ones.
public struct Wording: Sendable {
    /// The word for a setting.
    public var setting: @Sendable (Setting) -> String
    /// The words for an action.
    public var action: @Sendable (UserAction) -> String

    /// Makes a wording.
    public init(
        setting: @escaping @Sendable (Setting) -> String, action: @escaping @Sendable (UserAction) -> String
    ) {
        self.setting = setting
        self.action = action
    }

    /// Plain English; in force until `use(_:)` says otherwise.
    public static let plain = Wording(setting: { $0.rawValue }, action: { $0.plain })

    private static let used = Mutex(Wording.plain)

    /// The wording in force.
    static var inForce: Wording { used.withLock { $0 } }

    /// Puts a wording in force, for the whole process.
    ///
    /// A program does so once, before its work starts: texts that were made earlier keep their words.
    public static func use(_ wording: Wording) { used.withLock { $0 = wording } }
}
