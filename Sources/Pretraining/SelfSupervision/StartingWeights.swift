// What a new run starts from: another run's checkpoint, or weights.
import Backbone
internal import Files
import FoundationEssentials
import Telemetry
import Torch
internal import Training

/// The checkpoint or the weights that a run starts from.
struct StartingWeights {
    private let start: PretrainingRecipe.Start
    private let path: String
    /// The checkpoint's folder, where it is one that is started from.
    private let checkpoint: String?

    /// Looks at what was named, against what the recipe says.
    ///
    /// - Parameters:
    ///   - path: A run's folder, a checkpoint's, or weights; `nil` where nothing was named.
    ///   - notice: Told about a damaged checkpoint that is passed over.
    /// - Returns: `nil` for random weights.
    /// - Throws: `badRecipe`, `badRun`, `badCheckpoint`.
    init?(
        _ recipe: PretrainingRecipe, path: String?, notice: (any ExplainedError) -> Void
    ) throws {
        let start = recipe.start ?? .random
        guard start != .random else {
            guard let path else { return nil }
            throw PretrainingError(
                .badRecipe, "\(Setting.from) was given, but the recipe starts from random weights", in: path,
                try: "set start: continued, teacher or backbone in the recipe, or leave out \(Setting.from)")
        }
        guard let path else {
            throw PretrainingError(
                .badRecipe,
                start == .backbone
                    ? "the recipe starts from the weights of a backbone, but \(Setting.from) is missing"
                    : "the recipe starts from another run (start: \(start.rawValue)), but \(Setting.from) is missing",
                in: "start",
                try: start == .backbone
                    ? "\(Setting.from) WEIGHTS" : "\(Setting.from) RUN, or \(Setting.from) RUN/checkpoints/STEP")
        }
        self.start = start
        self.path = path
        checkpoint = start == .backbone ? nil : try Self.checkpoint(path, notice)
        if let checkpoint {
            try Self.check(recipe, against: checkpoint)
            if recipe.trainsNormThatFormat1DidNot, try Self.manifest(checkpoint).formatVersion < 2 {
                notice(
                    PretrainingError(
                        .rulesChanged,
                        "local_cls_norm, which normalises local crops in training, was not trained in that run",
                        in: checkpoint))
            }
        }
    }

    private static func manifest(_ checkpoint: String) throws -> CheckpointManifest {
        try JSONDecoder().decode(
            CheckpointManifest.self, from: Data(try Disk.read("\(checkpoint)/manifest.json")))
    }

    /// Compares backbone and heads with the recipe of the checkpoint's run: numbers of heads, norms and positions are in no shape.
    ///
    /// What only training draws may differ: dropped paths, and how positions are shifted and stretched.
    private static func check(_ recipe: PretrainingRecipe, against checkpoint: String) throws {
        let run = checkpoint.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        let path = "\(run.isEmpty ? "." : run)/recipe.json"
        guard fileExists(path),
            let theirs = try? JSONDecoder().decode(PretrainingRecipe.self, from: Data(try Disk.read(path)))
        else {
            throw PretrainingError(
                .badRun, "the checkpoint's run has no recipe.json to compare the recipe with", in: checkpoint,
                try: "give a checkpoint inside its run: RUN/checkpoints/STEP")
        }
        var (mine, other) = (recipe, recipe)
        other.backbone = theirs.backbone
        other.heads = theirs.heads
        other.backbone.dropPath = mine.backbone.dropPath
        (other.backbone.rope.shift, other.backbone.rope.jitter) = (mine.backbone.rope.shift, mine.backbone.rope.jitter)
        other.backbone.rope.rescale = mine.backbone.rope.rescale
        mine.then = nil
        other.then = nil
        guard let difference = try mine.difference(from: other) else { return }
        throw PretrainingError(
            .badRecipe,
            "the checkpoint does not fit the recipe: \(difference.key) is \(difference.new), but its run has \(difference.old)",
            in: checkpoint, try: "copy backbone and heads from \(path)")
    }

    /// The checkpoint that a path means: itself, or the newest sound one of a run.
    ///
    /// Nothing is renamed or removed.
    private static func checkpoint(_ path: String, _ notice: (any ExplainedError) -> Void) throws -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        if fileExists("\(path)/manifest.json"), let step = Int(path.split(separator: "/").last ?? "") {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            let store = CheckpointStore(folder: parts.isEmpty ? "." : parts.joined(separator: "/"))
            return store.path(step: try store.verified(step: step).step)
        }
        let store = CheckpointStore(run: path)
        var failure: (any Error)?
        for step in store.steps().reversed() {
            do {
                let sound = try store.verified(step: step).step
                if let failure {
                    notice(
                        PretrainingError(
                            .badCheckpoint, "the newest checkpoint cannot be used; starting from that of step \(sound)",
                            in: store.path(step: sound), why: causes(of: failure)))
                }
                return store.path(step: sound)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        throw PretrainingError(
            .badRun, "no checkpoint to start from", in: path,
            try: "give a run's folder, or one of its checkpoints (RUN/checkpoints/00001000)")
    }

    /// What the metrics log says of it.
    var description: String {
        get throws {
            guard let checkpoint else { return "backbone" }
            let manifest = try Self.manifest(checkpoint)
            let teacher = manifest.files.first { $0.name == CheckpointStore.fileName("teacher") }
            return "\(start.rawValue), step \(manifest.step), teacher \(teacher?.sha256 ?? "?")"
        }
    }

    /// Gives a learner at its start these weights.
    ///
    /// - Throws: `badRecipe`, naming what is missing or of another shape; errors of the weights as they come.
    func fill(_ learner: Learner) throws {
        guard let checkpoint else {
            try learner.teacher.backbone.takeParameters(of: path)
            // The heads are equal already.
            return try catchingTorchErrors { learner.restartFromTeacher() }
        }
        do {
            try catchingTorchErrors {
                try learner.teacher.load(from: checkpoint, "teacher")
                if start == .teacher { return learner.restartFromTeacher() }
                try learner.student.load(from: checkpoint, "student")
                try learner.updater.restore(
                    from: SafetensorsFile(path: "\(checkpoint)/\(CheckpointStore.fileName("optimizer"))"))
            }
        } catch {
            throw PretrainingError(
                .badRecipe, "the checkpoint does not fit the recipe's backbone or heads", in: checkpoint,
                why: causes(of: error), try: "copy backbone and heads from that run's recipe.json")
        }
    }
}
