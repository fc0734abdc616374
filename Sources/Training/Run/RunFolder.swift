// The folder of a run: recipe, metrics, checkpoints, and a mark that it is ours.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// What `run.json` says: that the folder is a run, of what kind, and of what inputs.
struct RunMark: Codable {
    /// `run`, or another word for runs of another kind.
    var kind = "run"
    var formatVersion = 1
    var inputs: RunInputs
    /// Threads of the tensor library; other numbers give other bits.
    var tensorThreads: Int?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind = "geodino"
        case formatVersion = "format_version"
        case tensorThreads = "tensor_threads"
    }

    init(kind: String, inputs: RunInputs, tensorThreads: Int?) {
        self.kind = kind
        self.inputs = inputs
        self.tensorThreads = tensorThreads
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = try container.decode(String.self, forKey: .kind)
        formatVersion = try container.decode(Int.self, forKey: .formatVersion)
        tensorThreads = try container.decodeIfPresent(Int.self, forKey: .tensorThreads)
        inputs = try RunInputs(from: decoder, except: Set(CodingKeys.allCases.map(\.rawValue)))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(formatVersion, forKey: .formatVersion)
        try container.encodeIfPresent(tensorThreads, forKey: .tensorThreads)
        try inputs.encode(alongside: encoder)
    }
}

/// What of a mark says which kind of run it is.
private struct KindOfRun: Decodable { let geodino: String }

/// A run's folder, held by this process alone.
package final class RunFolder<Recipe: RunRecipe> {
    /// What is asked for.
    package struct Request {
        /// The recipe; `nil` only with `resume`, for the run's own.
        package var recipe: Recipe?
        /// The recipe as people wrote it, for `recipe.yaml`.
        package var recipeText: String?
        /// What is learned from.
        package var inputs: RunInputs
        /// What the folder is called in `run.json` and in messages.
        package var kind = "run"
        /// Names of the files that the run leaves in the folder at its end.
        package var results: [String] = []
        /// Replaces the recipe's number of steps.
        package var steps: Int?
        /// Replaces the recipe's seed; a run that is resumed must have it.
        package var seed: Int?
        /// Whether to resume an existing run.
        package var resume = false
        /// Whether to replace a run that is there; other folders are never touched.
        package var overwrite = false

        /// Asks for a run; the rest are the defaults.
        package init(recipe: Recipe?, recipeText: String? = nil, inputs: RunInputs) {
            self.recipe = recipe
            self.recipeText = recipeText
            self.inputs = inputs
        }
    }

    /// The folder.
    package let path: String
    /// The recipe that is run, with the number of steps in force.
    package let recipe: Recipe
    /// Its checkpoints.
    package let checkpoints: CheckpointStore
    /// What is learned from.
    package var inputs: RunInputs { request.inputs }
    /// What the folder is called in messages: `run`, `fit`.
    package var kind: String { request.kind }
    /// Whether the run was there before.
    package let isResumed: Bool
    /// Threads of the tensor library that the run was started with; `nil` for a new run.
    package let tensorThreads: Int?
    private let request: Request
    /// Whether something is there that a new run replaces.
    private let replaces: Bool
    /// The folder that this run replaces, until `discardReplaced`.
    private var replaced: String?
    private var lock: RunLock?

    /// Looks at a folder and checks what is asked for; writes nothing yet, so that a start that fails leaves all as it was.
    ///
    /// A run that is resumed is locked from here on, a new one from `begin()` on.
    ///
    /// - Throws: `exists`, `locked`, `badRun`, `inputsChanged`, `recipeChanged`.
    package init(path given: String, _ request: Request) throws {
        var path = given
        // `RUN/` and `RUN` are one folder, but `RUN/.replaced` would lie within it.
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.request = request
        checkpoints = CheckpointStore(run: path)
        let isRun = fileExists("\(path)/run.json")
        let isEmpty =
            !fileExists(path) || (Files.isFolder(path) && fileNames(in: path).isEmpty)
        if isRun, let kind = Self.kind(of: path), kind != request.kind {
            throw TrainingError(
                .exists, "the folder holds a \(kind), not a \(request.kind); refusing to overwrite", in: path,
                try: "choose another name, or move it away")
        }
        guard isRun || isEmpty || Self.isUnborn(path) else {
            throw TrainingError(
                .exists, "not a geodino \(request.kind); refusing to overwrite", in: path,
                try: "choose another folder")
        }
        if isRun, request.resume {
            lock = try RunLock(run: path, kind: request.kind)
            isResumed = true
            replaces = false
            let (recipe, mark) = try Self.resume(path, request)
            self.recipe = recipe
            tensorThreads = mark.tensorThreads
            checkpoints.clean()
            removeUnfinishedFiles()
            // A run that was interrupted before its first save still replaces another.
            if Self.isAside("\(path).replaced") { replaced = "\(path).replaced" }
            // Whoever goes on with a run that was moved aside wants to keep it.
            removeIfPresent("\(path)/\(Self.asideMark)")
            return
        }
        isResumed = false
        tensorThreads = nil
        replaces = isRun
        guard var fresh = request.recipe else {
            throw TrainingError(
                .badRun, "no \(request.kind) to resume was found, and no recipe was given to start one", in: path,
                try: "give a recipe")
        }
        try Self.checkSteps(request, fresh)
        if let steps = request.steps { fresh.steps = steps }
        if let seed = request.seed { fresh.runSeed = seed }
        try fresh.validate()
        guard !isRun || request.overwrite else {
            try RunLock.refuseHeld(run: path, kind: request.kind)
            throw TrainingError(
                .exists, "a \(request.kind) exists already", in: path,
                try: "\(Setting.resume) to continue it, \(Setting.overwrite) to replace it")
        }
        recipe = fresh
    }

    /// Makes the folder of a new run, or notes a new number of steps in one that is resumed.
    ///
    /// Called once all that can fail before the first step has not.
    package func begin(tensorThreads: Int) throws {
        if isResumed {
            if let steps = request.steps, try Self.readRecipe(path).steps != steps {
                try Disk.write(try prettyJSON(recipe), to: "\(path)/recipe.json")
            }
            return
        }
        if replaces { replaced = try moveAside() }
        try Disk.makeFolder(path)
        lock = try RunLock(run: path, kind: request.kind)
        guard !fileExists("\(path)/run.json") else {
            throw TrainingError(
                .exists, "another process has just started a \(request.kind) in the folder", in: path,
                try: "choose another output folder, or replace the \(request.kind) with \(Setting.overwrite)")
        }
        try Disk.write(try prettyJSON(recipe), to: "\(path)/recipe.json")
        if let text = request.recipeText { try Disk.write(text, to: "\(path)/recipe.yaml") }
        // Last: from here on the folder is a run.
        try Disk.write(
            try prettyJSON(RunMark(kind: request.kind, inputs: request.inputs, tensorThreads: tensorThreads)),
            to: "\(path)/run.json")
    }

    /// The file that tells a run moved aside from one that merely has such a name.
    private static var asideMark: String { "replaced" }

    /// Moves the run that is there aside: to `RUN.replaced`, or a name with a number where that is somebody else's.
    ///
    /// - Returns: Where the run is that the new one replaces.
    private func moveAside() throws -> String {
        // Held and let go: a run that somebody is writing must not be moved away.
        _ = try RunLock(run: path, kind: request.kind)
        var number = 1
        while true {
            let aside = number == 1 ? "\(path).replaced" : "\(path).replaced-\(number)"
            number += 1
            if fileExists(aside) {
                // Only what an overwriting that broke off left, and nobody has taken up since, is ours to remove.
                guard Self.isAside(aside), (try? RunLock(run: aside, kind: request.kind)) != nil else { continue }
                if checkpoints.steps().isEmpty, !CheckpointStore(run: aside).steps().isEmpty {
                    // What never saved anything does not push out the run that it was to replace.
                    removeIfPresent(path)
                    return aside
                }
                removeIfPresent(aside)
            }
            try Disk.write("replaced by a newer run\n", to: "\(path)/\(Self.asideMark)")
            try Disk.rename(path, to: aside)
            return aside
        }
    }

    private static func isAside(_ path: String) -> Bool {
        fileExists("\(path)/run.json") && fileExists("\(path)/\(asideMark)")
    }

    /// Removes what a killed process was writing: files of the run's own names alone, since others may write into the folder too.
    private func removeUnfinishedFiles() {
        let own = ["recipe.json", "recipe.yaml", "run.json", "energy.json", "report.html"] + request.results
        for name in fileNames(in: path) where isPlainFile("\(path)/\(name)") {
            let isOurs = own.contains { file in
                guard name.hasPrefix("\(file).partial") else { return false }
                let rest = name.dropFirst(file.count + ".partial".count)
                return rest.isEmpty || rest.first == "-" && rest.dropFirst().allSatisfy(\.isNumber)
            }
            if isOurs { removeIfPresent("\(path)/\(name)") }
        }
    }

    /// What the mark of a run says that it is; `nil` where it cannot be read.
    private static func kind(of path: String) -> String? {
        guard let bytes = try? Disk.read("\(path)/run.json") else { return nil }
        return (try? JSONDecoder().decode(KindOfRun.self, from: Data(bytes)))?.geodino
    }

    /// Whether a folder holds only what an interrupted start of a run leaves.
    private static func isUnborn(_ path: String) -> Bool {
        let left: Set = [
            "lock", "recipe.json", "recipe.yaml", "recipe.json.partial", "recipe.yaml.partial",
            "run.json.partial", "fit.json.partial",
        ]
        return Files.isFolder(path) && fileNames(in: path).allSatisfy(left.contains)
            && fileExists("\(path)/lock")
    }

    /// Another number of steps is one phase's.
    private static func checkSteps(_ request: Request, _ recipe: Recipe) throws {
        if request.steps != nil { try recipe.checkOneNumberOfSteps() }
    }

    /// The recipe that a run's folder holds.
    private static func readRecipe(_ path: String) throws -> Recipe {
        try JSONDecoder().decode(Recipe.self, from: Data(try Disk.read("\(path)/recipe.json")))
    }

    /// The run's own recipe, after checking what was asked for against it.
    private static func resume(_ path: String, _ request: Request) throws -> (Recipe, RunMark) {
        var own: Recipe
        let mark: RunMark
        do {
            own = try readRecipe(path)
            mark = try JSONDecoder().decode(RunMark.self, from: Data(try Disk.read("\(path)/run.json")))
        } catch {
            throw TrainingError(
                .badRun, "the \(request.kind)'s recipe.json or run.json cannot be read", in: path,
                why: causes(of: error),
                try: "restore them from a copy, or start from scratch with \(Setting.overwrite)")
        }
        let differences = mark.inputs.differences(from: request.inputs)
        guard differences.isEmpty else {
            throw TrainingError(
                .inputsChanged, "the \(mark.kind) was started with other inputs", in: path, why: differences,
                try:
                    "resume with the original inputs, or start a new \(mark.kind): in another folder, or with \(Setting.overwrite)"
            )
        }
        var asked = request.recipe
        if let seed = request.seed {
            if asked == nil { asked = own }
            asked?.runSeed = seed
        }
        if let difference = try asked?.difference(from: own) {
            throw TrainingError(
                .recipeChanged,
                "the recipe differs from the \(request.kind)'s in \(difference.key): \(difference.new); the \(request.kind) has \(difference.old)",
                in: path,
                try:
                    "resume with the \(request.kind)'s own recipe (\(path)/recipe.yaml; only \(Setting.steps) may change), or start a new \(request.kind): in another folder, or with \(Setting.overwrite)"
            )
        }
        try checkSteps(request, own)
        if let steps = request.steps { own.steps = steps }
        do { try own.validate() } catch  where request.steps == nil {
            throw TrainingError(
                .badRun, "the \(request.kind)'s recipe.json was edited and is no longer valid", in: path,
                why: causes(of: error),
                try: "restore it from a copy, or start from scratch with \(Setting.overwrite)")
        }
        if let threads = mark.tensorThreads, !(1...4096).contains(threads) {
            throw TrainingError(
                .badRun, "the \(request.kind)'s run.json says \(threads) tensor threads; expected 1 to 4096", in: path,
                try: "restore it from a copy, or start from scratch with \(Setting.overwrite)")
        }
        return (own, mark)
    }

    /// Says that a resumed run continues with another number of tensor threads; `nil` where it does not.
    package func noticeOfThreads(_ threads: Int) -> TrainingError? {
        guard let before = tensorThreads, before != threads else { return nil }
        return TrainingError(
            .badRun,
            "the \(request.kind) was started with \(before) tensor threads and continues with \(threads)", in: path,
            why: [
                "sums are computed in another order, so the bytes will differ from an uninterrupted \(request.kind)'s"
            ])
    }

    /// Removes the run that this one replaced; called once this one has something to show.
    package func discardReplaced() {
        guard let replaced else { return }
        self.replaced = nil
        // Somebody may have gone on with it under its new name meanwhile.
        guard Self.isAside(replaced), (try? RunLock(run: replaced, kind: request.kind)) != nil else { return }
        removeIfPresent(replaced)
    }

    /// Removes the folder of a run that learned nothing, and puts back what it was to replace.
    package func abandon() {
        removeIfPresent(path)
        guard let replaced else { return }
        self.replaced = nil
        guard (try? Disk.rename(replaced, to: path)) != nil else { return }
        removeIfPresent("\(path)/\(Self.asideMark)")
    }
}
