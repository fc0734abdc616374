// The batches of a run in order: from the corpus, and where there is a file of a step, from that.
import Geo
import Telemetry
internal import Training

/// Hands out the steps of a range in order.
final class StepSource {
    private let plan: PhasePlan
    private let work: [CropWork]
    private let source: any TileSource
    private let files: [Int: StepFile]
    private let steps: Range<Int>
    private let threads: Int
    private var next: Int
    /// Loads the steps up to the next that has a file.
    private var loader: BatchLoader<CropWork>?

    /// Looks at the files and starts the threads.
    ///
    /// - Throws: `badStepFile` for files that do not fit the recipe or steps that are not to come; errors of the loader.
    init(
        _ plan: PhasePlan, _ work: [CropWork], source: any TileSource, files paths: [String], steps: Range<Int>,
        threads: Int
    ) throws {
        self.plan = plan
        self.work = work
        self.source = source
        self.steps = steps
        self.threads = threads
        next = steps.lowerBound
        var files: [Int: StepFile] = [:]
        for path in paths {
            let file = try StepFile(path: path)
            guard steps.contains(file.step) else { throw Self.notToCome(file.step, steps, path) }
            if let other = files[file.step] {
                throw PretrainingError(
                    .badStepFile, "two files hold step \(file.step + 1)", in: path,
                    why: ["the other is \(other.path)"],
                    try: "give only one of them")
            }
            try file.check(plan.recipe(at: file.step))
            files[file.step] = file
        }
        if source is ReplayedTiles, let missing = steps.first(where: { files[$0] == nil }) {
            throw PretrainingError(
                .badStepFile, "there is no file for step \(missing + 1), and no corpus was given",
                in: paths.first ?? "",
                try: "\(Setting.corpus) CORPUS, which supplies the steps without a file")
        }
        self.files = files
        // As without files: what cannot fit into memory is told before the run begins.
        if files[next] == nil { try load() }
    }

    /// That a file's step is none of those that this call is to do.
    static func notToCome(_ step: Int, _ steps: Range<Int>, _ path: String) -> PretrainingError {
        let remedy =
            steps.isEmpty
            ? "start a new run; this one is done"
            : step < steps.lowerBound
                ? "leave out the option, because the step is done; to repeat it, start a new run, or resume one that has done at most \(step) steps (\(Setting.stopAfter) \(step))"
                : "choose a step from \(steps.lowerBound + 1) to \(steps.upperBound), or raise \(Setting.steps) or \(Setting.stopAfter)"
        return PretrainingError(
            .badStepFile, "step \(step + 1) is not among the remaining steps", in: path,
            why: [
                steps.isEmpty
                    ? "no steps remain" : "steps \(steps.lowerBound + 1) to \(steps.upperBound) remain"
            ], try: remedy)
    }

    private func load() throws {
        let end = files.keys.filter { $0 >= next }.min() ?? steps.upperBound
        loader = try BatchLoader(
            work, steps: next..<max(next, end), threads: threads, kind: plan.kind)
    }

    /// The next step, waited for; `nil` after the last.
    ///
    /// - Returns: Its crops; masks and targets too where it comes from a file.
    /// - Throws: `sampleFailed` of `TrainingError`; `badStepFile`.
    func take() throws -> (crops: CropBatch, given: GivenStep?)? {
        guard next < steps.upperBound else { return nil }
        defer { next += 1 }
        if let file = files[next] {
            loader?.stop()
            loader = nil
            let given = try file.read(plan.recipe(at: next))
            return (given.batch, given)
        }
        if loader == nil { try load() }
        return try loader?.nextBatch().map { ($0, nil) }
    }

    /// Ends the threads.
    func stop() { loader?.stop() }
}
