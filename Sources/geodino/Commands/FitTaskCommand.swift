// geodino fit TASK: a head on a frozen backbone, from a few labelled images.
#if EARTH
    import ArgumentParser
    import Training
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Scenes
    import Telemetry
    import Torch

    /// Labelled images as a fit takes them, and what is to be said of them.
    struct LabelledInput {
        /// The images.
        var source: any LabelledSource
        /// What the user should know before the fit.
        var warnings: [String]
        /// What was left out of the labels, known after the fit; `nil` where nothing was.
        var leftOut: () -> String?
    }

    /// What the command line adds to a task: its words, its labels, its summary.
    protocol FitEntry {
        /// The task.
        associatedtype Task: HeadTask
        /// Options of this task alone.
        associatedtype Options: ParsableArguments
        /// What the command does, for the help.
        static var abstract: String { get }
        /// More about it.
        static var discussion: String { get }
        /// What `--target` is, for the help: `Heights in metres`.
        static var target: String { get }
        /// Its name in command lines: `HEIGHTS`.
        static var targetName: String { get }
        /// A recipe that comes with geodino, as an example.
        static var recipe: String { get }
        /// The folder of labelled images that the options name, and its form; `nil` where they name none.
        static func folder(_ options: Options) -> (path: String, form: FolderForm)?
        /// Opens the labelled images.
        static func input(
            _ entries: [PairEntry], options: Options, recipe: Task.Recipe, record: WeightsRecord, bands: BandRequest,
            ground: GroundRequest
        ) throws -> LabelledInput
        /// What a complete fit prints.
        static func text(_ summary: FitSummary<Task.Validation>) -> String
    }

    extension FitEntry {
        /// No task but those that say so takes folders.
        static func folder(_ options: Options) -> (path: String, form: FolderForm)? { nil }
    }

    /// For a task without options of its own.
    struct NoOptions: ParsableArguments {}

    /// `geodino fit TASK`, whatever the task.
    struct FitTaskCommand<Entry: FitEntry>: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: Entry.Task.name, abstract: Entry.abstract, discussion: Entry.discussion)
        }

        @Argument(help: "The recipe: a YAML document such as \(Entry.recipe).")
        var recipe: String

        @Option(help: "The backbone: a weights file, or a folder that holds backbone.safetensors.")
        var weights: String

        @Option(help: "An image. Repeat this option, once for each --target.")
        var image: [String] = []

        @Option(help: "\(Entry.target) for the --image at the same position.")
        var target: [String] = []

        @Option(
            help:
                "A list of pairs: a CSV file with the columns image and target, and split where some (val) are to be held out and the others (train) trained on."
        )
        var pairs: String?

        @Option(
            help: ArgumentHelp(
                "Metres per pixel of images without a place on Earth, such as PNG and JPEG. What they are labelled with is a raster of the same size.",
                valueName: "metres"))
        var gsd: Double?

        @Option(help: "Use only ground inside these polygons.")
        var aoi: String?

        @Option(name: [.customShort("o"), .customLong("output")], help: "The model folder to create.")
        var output: String

        @OptionGroup var own: Entry.Options
        @OptionGroup var runOptions: RunOptions

        @Flag(help: "Replace an existing model.")
        var overwrite = false

        @Flag(help: "Store the path and hash of the backbone instead of a copy.")
        var referenceBackbone = false

        @OptionGroup var bands: BandOptions
        @OptionGroup var weightsArguments: WeightsArguments
        @OptionGroup var device: DeviceOptions
        @OptionGroup var gdal: GDALOptions
        @OptionGroup var shared: ProgressOptions

        func validate() throws {
            guard image.count == target.count else {
                throw ValidationError(
                    "\(image.count) --image, but \(target.count) --target: give one --target for each --image")
            }
            if let folder = Entry.folder(own), pairs != nil || !image.isEmpty {
                // The split and the pixel size of the folder would become those of the other images.
                throw ValidationError(
                    "--as \(folder.form.rawValue) cannot be combined with --image or --pairs; to train on both, list all images in --pairs"
                )
            }
            if let gsd, !(0.001...100_000).contains(gsd) {
                throw ValidationError("--gsd takes metres from 0.001 to 100000; got \(gsd)")
            }
            guard pairs != nil || !image.isEmpty || Entry.folder(own) != nil else {
                throw ValidationError("give --image SCENE --target \(Entry.targetName), or --pairs pairs.csv")
            }
        }

        func run() throws {
            let (recipe, text) = try StrictYAML.decode(Entry.Task.Recipe.self, path: recipe)
            try checkingRecipe { try recipe.validate() }
            try checkOutputName(output)
            try gdal.apply()
            let contents = try WeightsContents.open(weights, options: weightsArguments.options)
            for note in contents.notes { printToStandardError("note: \(note)") }
            let record = contents.record
            // Before pairs are read, which takes time.
            let architecture = try record.transformer(path: contents.path)
            try checkingRecipe { try recipe.validate(for: architecture) }
            var entries = zip(image, target).map { PairEntry(image: $0, target: $1) }
            if let pairs { entries += try readPairs(pairs) }
            var ground = GroundRequest(aoi: aoi, gsd: gsd, offersGSD: true)
            if let folder = Entry.folder(own) {
                let found = try folder.form.contents(of: folder.path)
                entries += found.entries
                ground.knownGSD = found.gsd
                if !shared.quiet { printToStandardError(Self.text(folder.path, found, gsd: gsd ?? found.gsd)) }
            }
            let input = try Entry.input(
                entries, options: own, recipe: recipe, record: record, bands: bands.request(entries.map(\.image)),
                ground: ground)
            // Thousands of images of one kind have the same to say.
            let most = 20
            for warning in input.warnings.prefix(most) { printToStandardError("warning: \(warning)") }
            if input.warnings.count > most {
                printToStandardError("warning: and \(input.warnings.count - most) more")
            }

            var options = FitOptions()
            options.resume = runOptions.resume
            options.steps = runOptions.steps
            options.stopAfter = runOptions.stopAfter
            options.overwrite = overwrite
            options.device = try Device(named: device.device ?? "cpu")
            options.threads = device.tensorThreads
            options.referenceBackbone = referenceBackbone
            options.recipeText = text
            options.name = URL(fileURLWithPath: output).lastPathComponent
            options.weights = weightsArguments.options
            options.provenance = ["software": "geodino \(geodinoVersion)"]
            let summary = try fitWithLines(
                Entry.Task.self, recipe, weights: weights, source: input.source, model: output, options: options,
                quiet: shared.quiet)
            print(
                summary.isComplete
                    ? Entry.text(summary)
                    : "\(summary.model): saved after step \(summary.step) of \(summary.steps); resume with --resume")
            if let leftOut = input.leftOut() { print("excluded: \(leftOut)") }
            if summary.wasInterrupted { throw ExitCode.interrupted }
        }

        /// Runs a check of the recipe, whose errors then name its file.
        private func checkingRecipe(_ check: () throws -> Void) throws {
            do { try check() } catch let error as DownstreamError where error.code == .badRecipe {
                throw DownstreamError(error.code, error.what, in: recipe, why: error.causes, try: error.remedy)
            }
        }

        /// What was found in a folder, for people.
        private static func text(_ path: String, _ folder: LabelledFolder, gsd: Double) -> String {
            let heldOut = folder.entries.count { $0.split == .val }
            let all = "\(path): \(counted(folder.entries.count - heldOut, "images")) to train on"
            return all + (heldOut > 0 ? ", \(heldOut) held out" : "") + ", at \(gsd) m per pixel"
        }
    }

    /// Runs a fit with its lines on stderr, stopping on Ctrl-C.
    func fitWithLines<Task: HeadTask>(
        _ task: Task.Type, _ recipe: Task.Recipe, weights: String, source: any LabelledSource, model: String,
        options: FitOptions, quiet: Bool
    ) throws -> FitSummary<Task.Validation> {
        Interrupt.catchSignals()
        let meter = ProgressMeter("features", style: quiet ? .silent : nil)
        defer { meter.finish() }
        let steps = options.steps ?? recipe.steps
        let every = max(1, steps / 20)
        let summary = try fit(
            task, recipe: recipe, weights: weights, source: source, model: model, options: options,
            handler: { event in
                switch event {
                case .looking(let done, let total):
                    _ = meter.report(Progress(unit: "windows of labels", done: done, total: total))
                case .caching(let done, let total):
                    _ = meter.report(Progress(unit: "crops", done: done, total: total))
                    if done == total { meter.finish() }
                case .step(let step):
                    if !quiet, step.step % every == 0 || step.step == step.steps { printToStandardError(step.line) }
                case .validated(let validation): if !quiet { printToStandardError(validation.line) }
                case .saved: break
                case .notice(let error): printToStandardError(error.warning)
                }
            },
            interrupted: { Interrupt.requested })
        meter.finish()
        return summary
    }
#endif
