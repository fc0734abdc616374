// What a run writes to metrics.jsonl.
internal import Files
internal import Telemetry

/// The metrics log of a run; see `MetricsLog` for the file.
///
/// Lines that the disk refuses wait and are written with the next ones: a full disk does not end a run.
final class RunMetrics<Fields: Encodable> {
    private let log: MetricsLog
    private let path: String
    private var waiting: [Line] = []

    /// One step: what is learned has words of its own for it; the rest is the same for all.
    struct Line: Encodable {
        let step: Int
        let fields: Fields
        let skippedSteps: Int?
        let probes: [String: Double]?
        let sampleName: String
        let seconds: Double
        let samples: Int

        private enum CodingKeys: String, CodingKey {
            case step, probes, timing
            case skippedSteps = "skipped_steps"
        }

        func encode(to encoder: any Encoder) throws {
            try fields.encode(to: encoder)
            var line = encoder.container(keyedBy: CodingKeys.self)
            try line.encode(step, forKey: .step)
            try line.encodeIfPresent(skippedSteps, forKey: .skippedSteps)
            try line.encodeIfPresent(probes, forKey: .probes)
            var timing = line.nestedContainer(keyedBy: RunInputs.Name.self, forKey: .timing)
            try timing.encode(seconds, forKey: .init(stringValue: "seconds"))
            try timing.encode(
                Double(samples) / max(seconds, 1e-9), forKey: .init(stringValue: "\(sampleName)_per_second"))
        }
    }

    /// Opens the log, cuts it after a step, and writes the first line of a new one.
    ///
    /// - Parameters:
    ///   - step: The last step that is kept; `nil` for a log from the start.
    ///   - head: The first line: what the rest is.
    init(run: String, keepingThrough step: Int?, head: some Encodable) throws {
        path = "\(run)/metrics.jsonl"
        if let step {
            try MetricsLog.cut(path: path, as: StepOfLine.self) { $0.step <= step }
        } else {
            // What a start that broke off has written; this one may start from other weights.
            removeIfPresent(path)
        }
        let isNew = (fileSize(path) ?? 0) == 0
        log = try MetricsLog(path: path)
        if isNew { try log.append(head) }
    }

    /// Adds a step.
    func append(_ line: Line) {
        waiting.append(line)
        try? writeWaiting()
    }

    /// Waits until the lines are on the disk; a checkpoint is worth nothing without them.
    ///
    /// - Throws: `TelemetryError`, `TrainingError` where the disk refuses.
    func sync() throws {
        try writeWaiting()
        try Disk.sync(path)
    }

    private func writeWaiting() throws {
        while let line = waiting.first {
            try log.append(line)
            waiting.removeFirst()
        }
    }
}

/// What of a line says which step it is of.
private struct StepOfLine: Decodable { let step: Int }
