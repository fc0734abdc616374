// geodino pretrain: a backbone from unlabelled tiles.
import ArgumentParser
import Backbone
import Foundation
import Geo
import Pretraining
import Telemetry
import Torch
import Training

#if EARTH
    import Corpus
#endif

struct PretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain", abstract: "Pretrain a backbone on unlabelled tiles (DINO, iBOT, KoLeo).",
        discussion: """
            The run folder gets metrics.jsonl, checkpoints, and backbone.safetensors, the teacher's weights. Ctrl-C \
            saves a checkpoint and stops.
            --resume continues with the run's own recipe and ends with exactly the same bytes as an uninterrupted \
            run.
            In a folder with geodino.yaml, the recipe and the corpus default to the ones named there, and runs are \
            numbered.
            """)

    @Argument(help: "The recipe: a YAML document such as recipes/demo.yaml.")
    var recipe: String?

    @Option(help: "A corpus made by 'geodino tile', or a pack of one.")
    var corpus: String?

    @Option(name: [.customShort("o"), .customLong("output")], help: "The run folder.")
    var output: String?

    @OptionGroup var runOptions: RunOptions

    @Option(help: "The seed. (default: the recipe's)")
    var seed: Int?

    @Option(help: "What a recipe with 'start' starts from: a run, RUN/checkpoints/STEP, or weights of a backbone.")
    var from: String?

    @Option(help: "Weights of the Gram teacher, for a recipe with 'teacher: given'.")
    var gramTeacher: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Write the crops, masks and targets of step n (counted from 1) to a safetensors file.", valueName: "n file")
    )
    var dumpStep: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Use these files, written by --dump-step, for the steps that they hold. Without --corpus, train only on them.",
            valueName: "file"))
    var replay: [String] = []

    @Flag(help: "Replace an existing run.")
    var overwrite = false

    @Option(
        help:
            "A CSV file of images and canopy heights (as for 'geodino fit') to probe the teacher on at every checkpoint."
    )
    var probe: String?

    @Flag(help: "Draw the patch features of fixed tiles at every checkpoint, in RUN/preview and RUN/report.html.")
    var preview = false

    @Flag(help: "First read every byte of the corpus or pack and compare it with its hashes.")
    var verify = false

    @Flag(help: "Print the plan with its estimated cost and write nothing. Needs no corpus.")
    var dryRun = false

    @OptionGroup var device: DeviceOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var shared: ProgressOptions

    func validate() throws {
        if runOptions.resume, overwrite { throw ValidationError("--resume and --overwrite exclude each other") }
        guard dumpStep.isEmpty || dumpStep.count == 2 && (Int(dumpStep[0]) ?? 0) >= 1 else {
            let given = dumpStep.joined(separator: " ")
            throw ValidationError(
                "--dump-step takes the number of a step, counted from 1, and a file, such as --dump-step 5 step5.safetensors; "
                    + "got '\(given)'. The recipe comes before it.")
        }
        if let document = replay.first(where: { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }) {
            throw ValidationError("--replay takes step files, got '\(document)'; the recipe comes before it")
        }
    }

    /// The step that is to be written into a file.
    private var dump: StepDump? {
        guard dumpStep.count == 2, let step = Int(dumpStep[0]) else { return nil }
        return StepDump(step: step, path: dumpStep[1])
    }

    func run() throws {
        var workspace = try WorkspaceTaker()
        let given = workspace.optional(corpus, \.corpus, named: "corpus")
        if dryRun, let recipe, given == nil { return try printPlan(recipe) }
        let alone = given == nil && !replay.isEmpty ? try replayedTiles() : nil
        let corpus =
            try given
            ?? (alone == nil
                ? workspace.required(nil, \.corpus, named: "corpus", option: "--corpus CORPUS") : replay[0])
        let deviceName = workspace.optional(device.device, \.device, named: "device") ?? "cpu"
        let document = try recipeDocument(&workspace)
        let folder = try runFolder(&workspace, name: document?.value.name)
        workspace.announce()

        try document?.value.validate()
        let source = try alone?.source ?? tileSource(corpus)
        if verify, alone == nil { try verifyTiles(source, corpus) }
        if dryRun {
            let planned = try inForce(document?.value ?? RunProgress(run: folder).recipe)
            _ = try PhasePlan(planned).work(source: source)
            print(
                "\(folder): \(counted(planned.totalSteps, "steps")) on \(counted(source.tileCount, "tiles")) of \(corpus)\n"
            )
            return print(RunPlan(planned).text)
        }
        var options = PretrainOptions()
        options.steps = runOptions.steps
        options.seed = seed
        options.stopAfter = runOptions.stopAfter ?? alone?.last
        options.dump = dump
        options.replay = replay
        options.from = from
        options.gramTeacher = gramTeacher
        options.resume = runOptions.resume
        options.overwrite = overwrite
        options.threads = device.tensorThreads
        options.loaderThreads = threads.threads
        options.device = try Device(named: deviceName)
        options.provenance = ["geodino": geodinoVersion]
        let summary = try runPretraining(
            document?.value, recipeText: document.map(effectiveText), source: source, run: folder,
            options: options, observers: try observers(document?.value, source, folder), quiet: shared.quiet)
        switch summary.end {
        case .interrupted:
            printToStandardError("interrupted after step \(summary.step)/\(summary.total); resume with --resume")
            throw ExitCode.interrupted
        case .finished, .stopped:
            print("\(folder): \(summary.step) of \(summary.total) steps, weights in \(summary.backbone ?? "-")")
            print("energy: \(summary.energy.text)")
        }
    }

    /// What stands for the corpus where all steps come from files, and the last of these steps.
    private func replayedTiles() throws -> (source: any TileSource, last: Int) {
        let files = try replay.map { try StepFile(path: $0) }
        guard let source = files.compactMap(\.source).first else {
            throw CommandError(
                .badArgument, "the step files do not describe the corpus that they were made from", in: replay[0],
                try: "--corpus CORPUS, which supplies the bands, resolution and stretch of the tiles")
        }
        return (source, (files.map(\.step).max() ?? 0) + 1)
    }

    /// Probes and pictures, at every checkpoint.
    private func observers(
        _ given: PretrainingRecipe?, _ source: any TileSource, _ run: String
    ) throws -> [PretrainObserver] {
        guard probe != nil || preview else { return [] }
        #if EARTH
            let recipe = try given ?? RunProgress(run: run).recipe
            let every = recipe.checkpoints.every
            // Enough patches to see shapes.
            let size = max(recipe.crops.global.size, 16 * recipe.backbone.patchSize)
            return try (probe.map { try probeObservers(pairs: $0, every: every) } ?? [])
                + (preview
                    ? [previewObserver(source: source, run: run, size: size, every: every)] : [])
        #else
            throw CommandError(
                .badArgument, "--probe and --preview need GDAL, and this is the tensor half of geodino",
                try: "on a machine with GDAL, use the run's weights with geodino fit and geodino embed --pca 3")
        #endif
    }

    /// What a recipe would take, whatever it is trained on.
    private func printPlan(_ path: String) throws {
        print(RunPlan(try inForce(StrictYAML.decode(PretrainingRecipe.self, path: path).value)).text)
    }

    /// The recipe with steps and seed in force, checked as a run checks it.
    private func inForce(_ given: PretrainingRecipe) throws -> PretrainingRecipe {
        var recipe = given
        if let steps = runOptions.steps {
            try recipe.checkOneNumberOfSteps()
            recipe.steps = steps
        }
        if let seed { recipe.seed = seed }
        try recipe.validate()
        return recipe
    }

    /// Reads every byte that training may read.
    private func verifyTiles(_ source: any TileSource, _ path: String) throws {
        if let pack = source as? PackedTileSource { return try pack.verify() }
        #if EARTH
            let meter = shared.meter("verify")
            defer { meter.finish() }
            _ = try verifyCorpus(path, report: { printToStandardError("damage: \($0)") }, progress: meter.handler)
            meter.finish()
        #endif
    }

    /// The recipe given or the workspace's; a resumed run needs none.
    private func recipeDocument(_ workspace: inout WorkspaceTaker) throws -> (value: PretrainingRecipe, text: String)? {
        if recipe == nil, runOptions.resume, output != nil { return nil }
        let path = try workspace.required(
            recipe, \.recipe, named: "recipe", option: "geodino pretrain RECIPE --corpus CORPUS -o RUN")
        return try StrictYAML.decode(PretrainingRecipe.self, path: path)
    }

    /// The recipe's text with the seed in force, so that the run's recipe.yaml is the recipe that it ran.
    private func effectiveText(_ document: (value: PretrainingRecipe, text: String)) -> String {
        guard let seed else { return document.text }
        var recipe = document.value
        recipe.seed = seed
        var lines = document.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let line = "seed: \(seed)"
        if let place = lines.firstIndex(where: { $0.hasPrefix("seed:") }) {
            lines[place] = line
        } else {
            lines.insert(line, at: 0)
        }
        let text = lines.joined(separator: "\n")
        if (try? StrictYAML.decode(PretrainingRecipe.self, text: text, path: "")) == recipe { return text }
        // Written in a way that a line cannot be put into; JSON is YAML too.
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(recipe)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? document.text
    }

    /// The folder given, else the next free number; names an unfinished run instead of starting next to it.
    private func runFolder(_ workspace: inout WorkspaceTaker, name: String?) throws -> String {
        if let output {
            try checkOutputName(output)
            return output
        }
        let stem = workspace.optional(nil, \.run, named: "run") ?? "runs/\(name ?? "run")"
        let existing = RunNumbering.existing(stem: stem)
        if let last = existing.last, !RunNumbering.isFinished(last) {
            if runOptions.resume { return last }
            throw CommandError(
                .badArgument, "the last run is unfinished", in: last,
                try:
                    "geodino pretrain --resume -o \(shellQuoted(last))    (or -o \(shellQuoted(RunNumbering.next(stem: stem, after: existing))) for a new one)"
            )
        }
        return RunNumbering.next(stem: stem, after: existing)
    }
}

/// Run folders of a workspace: `runs/demo-001`, `runs/demo-002` ...
enum RunNumbering {
    static func existing(stem: String) -> [String] {
        let url = URL(fileURLWithPath: stem)
        let folder = url.deletingLastPathComponent()
        let prefix = url.lastPathComponent + "-"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let parent = stem.lastIndex(of: "/").map { String(stem[...$0]) } ?? ""
        return names.filter { $0.hasPrefix(prefix) && Int($0.dropFirst(prefix.count)) != nil }
            .sorted { (Int($0.dropFirst(prefix.count)) ?? 0) < (Int($1.dropFirst(prefix.count)) ?? 0) }
            .map { parent + $0 }
    }

    static func next(stem: String, after existing: [String]) -> String {
        let last = existing.last.flatMap { Int($0.split(separator: "-").last ?? "") } ?? 0
        return "\(stem)-\(String(format: "%03d", last + 1))"
    }

    /// Whether all steps of the recipe are done; an unreadable run counts as unfinished, and is named.
    static func isFinished(_ run: String) -> Bool {
        (try? RunProgress(run: run).isFinished) ?? false
    }
}

/// A corpus or a pack.
func tileSource(_ path: String) throws -> any TileSource {
    if FileManager.default.fileExists(atPath: "\(path)/pack.json") { return try PackedTileSource(folder: path) }
    #if EARTH
        return try CorpusTileSource(path)
    #else
        throw CommandError(
            .notFound, "there is no pack; this is the tensor half of geodino, which reads only packs", in: path,
            try: "geodino corpus pack CORPUS -o PACK, on a machine with GDAL")
    #endif
}

/// Runs a pretraining with its step lines on stderr, stopping on Ctrl-C after a save.
func runPretraining(
    _ recipe: PretrainingRecipe?, recipeText: String?, source: any TileSource, run: String, options: PretrainOptions,
    observers: [PretrainObserver] = [], quiet: Bool
) throws -> PretrainSummary {
    Interrupt.catchSignals()
    let clock = ContinuousClock()
    var shownAt = clock.now - .seconds(60)
    var events = PretrainEvents(
        step: { report in
            // Often enough to watch, seldom enough for a log.
            guard !quiet, report.step == report.total || clock.now - shownAt >= .seconds(5) else { return }
            shownAt = clock.now
            printToStandardError(report.line)
        },
        notice: { printToStandardError($0.warning) })
    events.observers = observers
    return try pretrain(
        recipe, recipeText: recipeText, source: source, run: run, options: options, events: events,
        interrupted: { Interrupt.requested })
}
