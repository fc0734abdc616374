// The best head so far, and how well each learning rate did.
internal import Backbone
internal import Telemetry
package import Torch
package import Training

/// What the validations of a fit have found, and a copy of the head that did best.
///
/// A part of each checkpoint, so that a fit that was killed chooses the same head once it is resumed.
package struct BestHead {
    /// The best score of each learning rate; `nil` before it has one.
    package private(set) var scores: [Double?]
    /// Steps done when it had that; 0 before.
    package private(set) var steps: [Int]
    /// The step, from 1, at which a rate diverged; 0 where it has not.
    package private(set) var divergedAt: [Int]
    /// The state of the best head, in the order of the head; `nil` before the first score.
    package private(set) var state: [(name: String, tensor: Tensor)]?
    /// Whether an alarm was told.
    package var wasAlarmed = false

    /// Names of the parts of a checkpoint.
    private static let (head, record) = ("best", "validation")

    /// Begins with nothing.
    ///
    /// - Parameter count: Number of learning rates.
    package init(count: Int) {
        scores = [Double?](repeating: nil, count: count)
        steps = [Int](repeating: 0, count: count)
        divergedAt = steps
    }

    /// The rate of the best head: of equal scores the earlier step, then the earlier rate; `nil` before the first score.
    package var rate: Int? {
        var best: (rate: Int, score: Double, step: Int)?
        for (rate, score) in scores.enumerated() {
            guard let score else { continue }
            if let best, (best.score, -best.step) >= (score, -steps[rate]) { continue }
            best = (rate, score, steps[rate])
        }
        return best?.rate
    }

    /// The rates that are still trained.
    package var live: [Int] { divergedAt.indices.filter { divergedAt[$0] == 0 } }

    /// The live rate that has the best score so far, or the first live one before any has; `nil` where none is live.
    package var leader: Int? {
        live.max { (scores[$0] ?? -.infinity, -steps[$0], -$0) < (scores[$1] ?? -.infinity, -steps[$1], -$1) }
    }

    /// Leaves a rate out from now on; what it had reached counts.
    package mutating func drop(_ rate: Int, step: Int) { divergedAt[rate] = step }

    /// Takes a score, and a copy of the head where none was better before.
    ///
    /// - Parameters:
    ///   - rate: Which of the rates; rates of one step come in ascending order.
    ///   - step: Steps done.
    /// - Returns: Whether the head is the best so far.
    @discardableResult
    package mutating func add(
        _ score: Double, rate: Int, step: Int, state head: [(name: String, tensor: Tensor)]
    ) -> Bool {
        guard score.isFinite else { return false }
        let before = self.rate.flatMap { scores[$0] }
        if scores[rate].map({ score > $0 }) ?? true { (scores[rate], steps[rate]) = (score, step) }
        guard before.map({ score > $0 }) ?? true else { return false }
        state = withoutGradient { head.map { ($0.name, $0.tensor.detached().cloned()) } }
        return true
    }

    /// Gives the best state to a head of the same form.
    package func restore(into head: any DenseHead) {
        guard let state else { return }
        withoutGradient {
            for (target, best) in zip(head.state(), state) { target.tensor.copy_(best.tensor) }
        }
    }

    /// What a checkpoint keeps.
    package func parts() -> [(name: String, tensors: [(name: String, tensor: Tensor)])] {
        let count = [scores.count]
        let record: [(name: String, tensor: Tensor)] = [
            ("score", Tensor(scores.map { $0 ?? 0 } as [Double], shape: count)),
            ("step", Tensor(steps as [Int], shape: count)),
            ("diverged_at", Tensor(divergedAt as [Int], shape: count)),
            ("alarmed", Tensor([wasAlarmed ? 1 : 0] as [Int], shape: [1])),
        ]
        return [(Self.record, record)] + (state.map { [(Self.head, $0)] } ?? [])
    }

    /// Takes over what a checkpoint kept.
    ///
    /// - Parameter head: A head of the same form, for names, shapes and device.
    /// - Throws: `badCheckpoint` where a part is missing or of another form.
    package mutating func restore(_ checkpoint: StoredCheckpoint, like head: any DenseHead) throws {
        func bad(_ what: String) -> TrainingError { TrainingError(.badCheckpoint, what, in: checkpoint.place) }
        let record = try checkpoint.requiredFile(Self.record)
        let found = try (
            score: record.tensor("score").doubles(), step: record.tensor("step").ints(),
            diverged: record.tensor("diverged_at").ints(), alarmed: record.tensor("alarmed").ints()
        )
        guard [found.score.count, found.step.count, found.diverged.count].allSatisfy({ $0 == scores.count }) else {
            throw bad("the checkpoint has the scores of \(found.score.count) learning rates; expected \(scores.count)")
        }
        (steps, divergedAt, wasAlarmed) = (found.step, found.diverged, found.alarmed.first == 1)
        scores = zip(found.score, found.step).map { $1 == 0 ? nil : $0 }
        state = nil
        guard rate != nil else { return }
        let file = try checkpoint.requiredFile(Self.head)
        state = try head.state().map { name, tensor in
            let kept = try file.tensor(name)
            guard kept.shape == tensor.shape else {
                throw bad("the best head's '\(name)' has the shape \(kept.shape); expected \(tensor.shape)")
            }
            return (name, kept.to(tensor.dtype).to(tensor.device))
        }
    }
}
