// The folder of a run: recipe, metrics, checkpoints, and a mark that it is ours.
import FoundationEssentials
import Glibc
import Telemetry

/// A run's folder, held by this process alone.
package final class RunFolder {
    /// What `run.json` says: that the folder is a run, and of which corpus.
    struct Mark: Codable {
        var geodino = "run"
        var formatVersion = 1
        var corpus: String

        enum CodingKeys: String, CodingKey {
            case geodino, corpus
            case formatVersion = "format_version"
        }
    }

    package let path: String
    /// The recipe that is run, with the number of steps in force.
    package let recipe: PretrainingRecipe
    package let checkpoints: CheckpointStore
    /// Whether the run was there before.
    package let isResumed: Bool
    /// The folder that this run replaces, until `discardReplaced`.
    private var replaced: String?
    private let lock: RunLock

    /// Opens a run to start or to go on with.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - recipe: The recipe; `nil` only with `resume`, for the run's own.
    ///   - recipeText: The recipe as people wrote it, for `recipe.yaml`.
    ///   - corpus: Fingerprint of the corpus.
    ///   - steps: Replaces the recipe's number of steps.
    ///   - resume: Whether to go on with a run that is there.
    ///   - overwrite: Whether to replace a run that is there; other folders are never touched.
    package init(
        path: String, recipe: PretrainingRecipe?, recipeText: String?, corpus: String, steps: Int?,
        resume: Bool,
        overwrite: Bool
    ) throws {
        self.path = path
        checkpoints = CheckpointStore(run: path)
        let isRun = FileSystem.exists("\(path)/run.json")
        let isEmpty =
            !FileSystem.exists(path) || (FileSystem.isFolder(path) && FileSystem.names(in: path).isEmpty)
        guard isRun || isEmpty || Self.isUnborn(path) else {
            throw PretrainingError(
                .exists, "there is something that is no run", in: path,
                try: "choose another folder; geodino replaces only what it made")
        }
        if isRun, resume {
            lock = try RunLock(folder: path)
            isResumed = true
            self.recipe = try Self.resume(path, recipe, corpus, steps)
            checkpoints.clean()
            return
        }
        isResumed = false
        guard var fresh = recipe else {
            throw PretrainingError(
                .badRun, "there is no run to go on with, and no recipe to start one", in: path,
                try: "give a recipe")
        }
        if let steps { fresh.steps = steps }
        try fresh.validate()
        if isRun {
            guard overwrite else {
                throw PretrainingError(
                    .exists, "there is a run already", in: path,
                    try: "--resume to go on with it, --overwrite to replace it")
            }
            // Held and let go: a run that somebody is writing must not be moved away.
            _ = try RunLock(folder: path)
            let aside = "\(path).replaced"
            if FileSystem.exists("\(aside)/run.json") { FileSystem.remove(aside) }
            try FileSystem.rename(path, to: aside)
            replaced = aside
        }
        try FileSystem.makeFolder(path)
        lock = try RunLock(folder: path)
        self.recipe = fresh
        try FileSystem.write(try CheckpointStore.json(fresh), to: "\(path)/recipe.json")
        if let recipeText { try FileSystem.write(recipeText, to: "\(path)/recipe.yaml") }
        // Last: from here on the folder is a run.
        try FileSystem.write(try CheckpointStore.json(Mark(corpus: corpus)), to: "\(path)/run.json")
    }

    /// Whether a folder holds only what an interrupted start of a run leaves.
    private static func isUnborn(_ path: String) -> Bool {
        let left: Set = [
            "lock", "recipe.json", "recipe.yaml", "recipe.json.partial", "recipe.yaml.partial",
            "run.json.partial",
        ]
        return FileSystem.isFolder(path) && FileSystem.names(in: path).allSatisfy(left.contains)
            && FileSystem.exists("\(path)/lock")
    }

    /// The run's own recipe, after checking what was asked for against it.
    private static func resume(
        _ path: String, _ recipe: PretrainingRecipe?, _ corpus: String, _ steps: Int?
    ) throws -> PretrainingRecipe {
        let decoder = JSONDecoder()
        var own: PretrainingRecipe
        let mark: Mark
        do {
            own = try decoder.decode(
                PretrainingRecipe.self, from: Data(try FileSystem.read("\(path)/recipe.json")))
            mark = try decoder.decode(Mark.self, from: Data(try FileSystem.read("\(path)/run.json")))
        } catch {
            throw PretrainingError(
                .badRun, "the run's recipe.json or run.json cannot be read", in: path, why: causes(of: error),
                try: "restore them from a copy, or start again with --overwrite")
        }
        guard mark.corpus == corpus else {
            throw PretrainingError(
                .corpusChanged, "the corpus is not the one this run was started with", in: path,
                why: ["the run's fingerprint: \(mark.corpus)", "the corpus' fingerprint: \(corpus)"],
                try: "go on with the corpus as it was, or start a new run")
        }
        if let difference = try recipe?.difference(from: own) {
            throw PretrainingError(
                .recipeChanged,
                "the recipe differs from the run's in \(difference.key): \(difference.new), the run has \(difference.old)",
                in: path,
                try:
                    "resume with the run's own recipe (\(path)/recipe.yaml; only --steps may change), or start a new run"
            )
        }
        if let steps, steps != own.steps {
            own.steps = steps
            try own.validate()
            try FileSystem.write(try CheckpointStore.json(own), to: "\(path)/recipe.json")
        }
        return own
    }

    /// Removes the run that this one replaced; called once this one has something to show.
    package func discardReplaced() {
        guard let replaced else { return }
        FileSystem.remove(replaced)
        self.replaced = nil
    }
}
