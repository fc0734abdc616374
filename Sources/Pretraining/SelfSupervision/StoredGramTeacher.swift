// A Gram teacher that lies in the run's folder: that of an earlier step, or one that was given.
import Backbone
internal import Files
import Telemetry
import Torch

/// The file of a Gram teacher that is not grown in its phase.
struct StoredGramTeacher {
    /// The file in the run's folder.
    let path: String
    private let gram: PretrainingRecipe.Gram

    /// The file that a recipe's section means.
    init(folder: String, _ gram: PretrainingRecipe.Gram) {
        self.gram = gram
        path = gram.earlierStep.map { "\(folder)/gram-teacher-\($0).safetensors" } ?? Self.given(folder: folder)
    }

    /// The file of weights that were named when the run was started.
    static func given(folder: String) -> String { "\(folder)/gram-teacher.safetensors" }

    /// Reads the weights into a network.
    ///
    /// - Throws: `badRun` where they are not there, `badRecipe` where they are of another architecture.
    func load(into network: VisionTransformer) throws {
        try check()
        try network.takeParameters(of: path)
    }

    /// Checks that the file is there.
    ///
    /// - Throws: `badRun`.
    func check() throws {
        guard fileExists(path) else {
            throw PretrainingError(
                .badRun, "the Gram teacher of the phase is missing", in: path,
                try: gram.earlierStep == nil
                    ? "give the weights again: \(Setting.gramTeacher) WEIGHTS"
                    : "restore the file from a copy, or remove the checkpoints after step \(gram.earlierStep ?? 0) and run again with \(Setting.resume)"
            )
        }
    }
}

extension VisionTransformer {
    /// Takes over the parameters of weights in any format that are of the same architecture.
    ///
    /// - Throws: `badRecipe` where they are not; errors of the weights as they come.
    func takeParameters(of path: String) throws {
        // Statistics are the corpus's, and heads that nothing tells are the recipe's.
        var options = WeightsOptions()
        options.readsWholeFile = false
        let contents: WeightsContents
        do { contents = try WeightsContents.open(path, options: options) } catch {
            options.heads = configuration.heads
            guard let known = try? WeightsContents.open(path, options: options) else { throw error }
            contents = known
        }
        guard !contents.record.architecture.hasLearnedPositions else {
            throw PretrainingError(
                .badRecipe, "geodino does not pretrain with weights of the DINOv2 family, it only uses them", in: path,
                why: ["their positions are learnt, and pretraining is DINOv3's"],
                try: "give weights of DINOv3; \(UserAction.applyWeights) take DINOv2 weights as they are")
        }
        let other = try VisionTransformer.load(contents, device: device).network
        let (mine, theirs) = (parameters(), other.parameters())
        guard mine.map(\.name) == theirs.map(\.name), mine.map(\.tensor.shape) == theirs.map(\.tensor.shape),
            configuration.heads == other.configuration.heads
        else {
            throw PretrainingError(
                .badRecipe, "the weights do not fit the recipe's backbone", in: path,
                why: ["the weights: \(other.configuration.summary)", "the recipe: \(configuration.summary)"],
                try: "set the recipe's backbone to the weights' architecture, which \(UserAction.inspectWeights) shows")
        }
        try catchingTorchErrors {
            withoutGradient { for (mine, theirs) in zip(mine, theirs) { _ = mine.tensor.copy_(theirs.tensor) } }
        }
    }
}

extension BackboneConfiguration {
    /// The sizes in words.
    fileprivate var summary: String {
        "width \(width), depth \(depth), heads \(heads), patches of \(patchSize) px, \(channels) channels, \(registers) registers, "
            + "ffn \(ffn.rawValue) of \(hiddenWidth), norms of class and patch tokens \(untieClassAndPatchNorms ? "separate" : "shared"), "
            + "of global and local crops \(untieGlobalAndLocalNorms ? "separate" : "shared")"
    }
}
