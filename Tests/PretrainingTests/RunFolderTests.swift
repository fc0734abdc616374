// Run folders: start, resume, overwrite, lock, checkpoints that survive damage, metrics cut back.
import Files
import FoundationEssentials
import Pretraining
import Telemetry
import Testing
import Training

struct RunFolderTests {
    private func open(
        _ path: String, _ recipe: PretrainingRecipe?, corpus: String = "c1", steps: Int? = nil,
        seed: Int? = nil, resume: Bool = false, overwrite: Bool = false, begin: Bool = true
    ) throws -> RunFolder<PretrainingRecipe> {
        var request = RunFolder<PretrainingRecipe>.Request(
            recipe: recipe, recipeText: "text: here\n", inputs: RunInputs(["corpus": corpus]))
        (request.steps, request.seed, request.resume, request.overwrite) = (steps, seed, resume, overwrite)
        let folder = try RunFolder(path: path, request)
        if begin { try folder.begin(tensorThreads: 3) }
        return folder
    }

    @Test func `a run is started once and resumed with its own recipe`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        let recipe = try recipe(named: "smoke")
        var run: RunFolder<PretrainingRecipe>? = try open(path, recipe, steps: 12)
        #expect(run?.isResumed == false && run?.recipe.steps == 12)
        run = nil
        #expect(FileManager.default.contents(atPath: "\(path)/recipe.yaml") == Data("text: here\n".utf8))
        let error = #expect(throws: TrainingError.self) { try open(path, recipe) }
        #expect(error?.code == .exists)
        #expect(try open(path, recipe, resume: true).recipe.steps == 12)
        #expect(
            try open(path, nil, resume: true).recipe
                == {
                    var r = recipe; r.steps = 12; return r
                }())
        #expect(try open(path, nil, steps: 15, resume: true).recipe.steps == 15)
        #expect(try open(path, nil, resume: true).recipe.steps == 15)
    }

    @Test func `resume starts a run that has not started and needs a recipe for it`() throws {
        let folder = try TemporaryFolder()
        #expect(try open("\(folder.path)/new", recipe(named: "smoke"), resume: true).isResumed == false)
        let error = #expect(throws: TrainingError.self) {
            try open("\(folder.path)/other", nil, resume: true)
        }
        #expect(error?.code == .badRun)
    }

    @Test func `a changed corpus and a changed recipe are refused by name`() throws {
        let folder = try TemporaryFolder()
        var recipe = try recipe(named: "smoke")
        _ = try open("\(folder.path)/run", recipe)
        let corpus = #expect(throws: TrainingError.self) {
            try open("\(folder.path)/run", recipe, corpus: "c2", resume: true)
        }
        #expect(corpus?.code == .inputsChanged)
        #expect(corpus?.causes == ["corpus: c1; now c2"])
        recipe.optimizer.clipNorm = 5
        let changed = #expect(throws: TrainingError.self) {
            try open("\(folder.path)/run", recipe, resume: true)
        }
        #expect(changed?.code == .recipeChanged)
        #expect(changed?.what == "the recipe differs from the run's in optimizer.clip_norm: 5; the run has 3")
    }

    @Test func `overwrite replaces runs and nothing else`() throws {
        let folder = try TemporaryFolder()
        let recipe = try recipe(named: "smoke")
        let path = "\(folder.path)/run"
        _ = try open(path, recipe)
        try Data("x".utf8).write(to: URL(filePath: "\(path)/old"))
        let run = try open(path, recipe, overwrite: true)
        #expect(!FileManager.default.fileExists(atPath: "\(path)/old"))
        #expect(FileManager.default.fileExists(atPath: "\(path).replaced/old"))
        run.discardReplaced()
        #expect(!FileManager.default.fileExists(atPath: "\(path).replaced"))
        let error = #expect(throws: TrainingError.self) { try open(folder.path, recipe, overwrite: true) }
        #expect(error?.code == .exists)
    }

    @Test func `nothing is written before a run begins`() throws {
        let folder = try TemporaryFolder()
        let recipe = try recipe(named: "smoke")
        let path = "\(folder.path)/run"
        _ = try open(path, recipe, begin: false)
        #expect(!FileManager.default.fileExists(atPath: path))
        _ = try open(path, recipe, steps: 9)
        _ = try open(path, nil, steps: 4, resume: true, begin: false)
        #expect(try open(path, nil, resume: true).recipe.steps == 9)
        #expect(try open(path, nil, resume: true).tensorThreads == 3)
        _ = try open(path, recipe, overwrite: true, begin: false)
        #expect(!FileManager.default.fileExists(atPath: "\(path).replaced"))
    }

    @Test func `a run that never saved does not push out the one that it was to replace`() throws {
        let folder = try TemporaryFolder()
        let recipe = try recipe(named: "smoke")
        let path = "\(folder.path)/run"
        _ = try open(path, recipe)
        try FileManager.default.createDirectory(
            atPath: "\(path)/checkpoints/00000010", withIntermediateDirectories: true)
        _ = try open(path, recipe, overwrite: true)
        _ = try open(path, recipe, overwrite: true)
        #expect(CheckpointStore(run: "\(path).replaced").steps() == [10])
    }

    @Test func `a run that merely has the name of one moved aside is left alone`() throws {
        let folder = try TemporaryFolder()
        let recipe = try recipe(named: "smoke")
        let path = "\(folder.path)/run"
        _ = try open(path, recipe)
        // Somebody else's run, then one that was taken up again under the name it was moved to.
        _ = try open("\(path).replaced", recipe)
        try Data("x".utf8).write(to: URL(filePath: "\(path).replaced/mine"))
        let newer = try open(path, recipe, overwrite: true)
        #expect(FileManager.default.fileExists(atPath: "\(path).replaced-2/run.json"))
        let taken = try open("\(path).replaced-2", nil, resume: true)
        newer.discardReplaced()
        #expect(FileManager.default.fileExists(atPath: "\(path).replaced/mine"))
        #expect(FileManager.default.fileExists(atPath: "\(path).replaced-2/run.json") && taken.isResumed)
    }

    @Test func `two that begin at once are kept apart`() throws {
        let folder = try TemporaryFolder()
        let recipe = try recipe(named: "smoke")
        let late = try open("\(folder.path)/run", recipe, begin: false)
        _ = try open("\(folder.path)/run", recipe)
        let error = #expect(throws: TrainingError.self) { try late.begin(tensorThreads: 1) }
        #expect(error?.code == .exists)
    }

    @Test(arguments: [
        ("recipe.json", "\"seed\" : 0", "\"seed\" : -1"), ("recipe.json", "\"batch_size\" : 8", "\"batch_size\" : 0"),
        ("recipe.json", "\"patch_size\" : 8", "\"patch_size\" : 0"),
        ("recipe.json", "\"every\" : 10", "\"every\" : 0"),
        ("run.json", "\"tensor_threads\" : 3", "\"tensor_threads\" : 1000000000000"),
    ])
    func `a run whose own files were changed is refused`(_ file: String, _ text: String, _ other: String) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/run"
        _ = try open(path, try recipe(named: "smoke"))
        let place = URL(filePath: "\(path)/\(file)")
        let content = String(decoding: try Data(contentsOf: place), as: UTF8.self)
        try #require(content.contains(text), "\(content)")
        try Data(content.replacing(text, with: other).utf8).write(to: place)
        let error = #expect(throws: TrainingError.self) { try open(path, nil, resume: true) }
        #expect(error?.code == .badRun && error?.what.contains(file) == true)
    }

    @Test func `a seed is the run's or refused`() throws {
        let folder = try TemporaryFolder()
        let recipe = try recipe(named: "smoke")
        #expect(try open("\(folder.path)/run", recipe, seed: 7).recipe.seed == 7)
        #expect(try open("\(folder.path)/run", nil, seed: 7, resume: true).recipe.seed == 7)
        let error = #expect(throws: TrainingError.self) {
            try open("\(folder.path)/run", nil, seed: 99, resume: true)
        }
        #expect(error?.what == "the recipe differs from the run's in seed: 99; the run has 7")
    }

    @Test func `two writers of one run are kept apart`() throws {
        let folder = try TemporaryFolder()
        let recipe = try recipe(named: "smoke")
        let run = try open("\(folder.path)/run", recipe)
        let error = #expect(throws: TrainingError.self) {
            try open("\(folder.path)/run", recipe, resume: true)
        }
        #expect(error?.code == .locked)
        #expect(error?.causes.first?.hasPrefix("it is process ") == true)
        let plain = #expect(throws: TrainingError.self) { try open("\(folder.path)/run", recipe) }
        #expect(plain?.code == .locked && plain?.causes == error?.causes)
        #expect(throws: TrainingError.self) { try open("\(folder.path)/run", recipe, overwrite: true) }
        #expect(run.recipe.name == "smoke")
    }
}

struct CheckpointTests {
    private func save(
        _ store: CheckpointStore, _ step: Int, keepEvery: Int = 0, bytes: Int = 100, fail: Bool = false
    ) throws {
        try store.save(
            step: step, inputs: RunInputs(["corpus": "c"]), seed: 1, samples: 8 * step, keepEvery: keepEvery,
            parts: ["student", "teacher"].map { name in
                .init(name: "\(name)-00000-of-00001.safetensors", bytes: bytes) { path in
                    if fail, name == "teacher" { throw TrainingError(.writeFailed, "no more") }
                    let bytes = Array("\(name) at \(step)".utf8)
                    try Data(bytes).write(to: URL(filePath: path))
                    return SHA256.hex(of: bytes)
                }
            })
    }

    @Test func `the last two and the milestones stay`() throws {
        let folder = try TemporaryFolder()
        let store = CheckpointStore(run: folder.path)
        for step in [10, 20, 30, 40, 50] { try save(store, step, keepEvery: 20) }
        #expect(store.steps() == [20, 40, 50])
        let manifest = try store.verified(step: 50)
        #expect(manifest.samples == 400 && manifest.random.nextStep == 50 && manifest.files.count == 2)
        #expect(store.path(step: 50).hasSuffix("/checkpoints/00000050"))
    }

    @Test func `a failed save leaves the older checkpoints and no debris`() throws {
        let folder = try TemporaryFolder()
        let store = CheckpointStore(run: folder.path)
        try save(store, 10)
        #expect(throws: TrainingError.self) { try save(store, 20, fail: true) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.folder) == ["00000010"])
        let error = #expect(throws: TrainingError.self) { try save(store, 20, bytes: 1 << 60) }
        #expect(error?.code == .diskFull)
        _ = try store.verified(step: 10)
    }

    @Test func `a damaged checkpoint is named and the one before it used`() throws {
        let folder = try TemporaryFolder()
        let store = CheckpointStore(run: folder.path)
        try save(store, 10)
        try save(store, 20)
        let file = store.path(step: 20) + "/teacher-00000-of-00001.safetensors"
        try Data("teacher at 21".utf8).write(to: URL(filePath: file))
        var told: [TrainingError] = []
        let manifest = try store.newestSound { told.append($0) }
        #expect(manifest?.step == 10)
        #expect(told.first?.what == "the checkpoint of step 20 is damaged; resuming from step 10")
        #expect(
            told.first?.causes.first?.hasPrefix("teacher-00000-of-00001.safetensors has SHA-256 ") == true)
        #expect(store.steps() == [10])
        try FileManager.default.removeItem(atPath: store.path(step: 10) + "/manifest.json")
        let error = #expect(throws: TrainingError.self) { try store.newestSound { _ in } }
        #expect(error?.what == "the checkpoint of step 10 is damaged, and there is no older one")
        #expect(try CheckpointStore(run: folder.path + "/none").newestSound { _ in } == nil)
    }
}
