// Threads that make the samples of steps ahead of the training.
internal import Telemetry

/// How the samples of one kind of step are made; called by several threads at once.
package protocol SampleWork: Sendable {
    /// Memory that the samples of one step are written to.
    associatedtype Storage: Sendable
    /// A step's samples, ready for training.
    associatedtype Batch: Sendable

    /// What a sample is called in messages: `tile`.
    static var sampleName: String { get }
    /// What to do where a sample cannot be read.
    static var sampleRemedy: String { get }
    /// The samples that this process makes, by their numbers among all of a step.
    var samples: Range<Int> { get }
    /// Memory for one step.
    ///
    /// - Throws: `noMemory`.
    func storage() throws -> Storage
    /// What a sample is made of; a number.
    func id(step: Int, sample: Int) throws -> Int
    /// Makes a sample at its place among those of this process.
    func make(_ id: Int, step: Int, sample: Int, place: Int, in storage: Storage) throws
    /// A step whose samples are all made.
    func batch(step: Int, ids: [Int], _ storage: Storage) -> Batch
}

/// Makes the batches of a range of steps on several threads and hands them out in order.
///
/// Threads take samples one by one, at most `ahead` batches before the one being waited for, and write each to its
/// place in the batch; a sample depends on the seed, the step and its number among all of the step alone, so results do not depend
/// on the number of threads, nor on how many processes share the step. Memory is `ahead + 1` batches. The object stops and joins its threads when it goes.
package final class BatchLoader<Work: SampleWork> {
    private let shared: SharedSteps<Work>
    private var threads: [WorkerThread] = []
    private var next: Int

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - kinds: The kinds of steps.
    ///   - kind: The index of a step's kind.
    /// - Throws: `noMemory` where the machine does not give memory or threads.
    package init(
        _ kinds: [Work], steps: Range<Int>, threads: Int, ahead: Int = 2, kind: @escaping @Sendable (Int) -> Int
    ) throws {
        next = steps.lowerBound
        let shared = try SharedSteps(kinds: kinds, kind: kind, steps: steps, ahead: max(1, ahead))
        self.shared = shared
        for _ in 0..<max(1, threads) {
            guard let thread = WorkerThread({ shared.work() }) else { break }
            self.threads.append(thread)
        }
        guard !self.threads.isEmpty else {
            throw TrainingError(.noMemory, "cannot create a thread that loads \(Work.sampleName)s")
        }
    }

    deinit { stop() }

    /// Ends the threads; batches not yet taken are dropped.
    package func stop() {
        shared.cancel()
        for thread in threads { thread.join() }
        threads = []
    }

    /// The batch of the next step, waited for; `nil` after the last.
    ///
    /// - Throws: `sampleFailed`, naming the sample, where one could not be read or does not fit the recipe.
    package func nextBatch() throws -> Work.Batch? {
        guard next < shared.steps.upperBound else { return nil }
        defer { next += 1 }
        return try shared.take(next)
    }
}

/// What the threads share; everything mutable is touched inside the monitor alone.
private final class SharedSteps<Work: SampleWork>: @unchecked Sendable {
    let steps: Range<Int>
    private let kinds: [Work]
    private let kind: @Sendable (Int) -> Int
    private let ahead: Int
    private let monitor = Monitor()
    /// The next sample to be made, by its place among those of this process.
    private var nextTask: (step: Int, place: Int)
    private var taken: Int
    private var cancelled = false
    private var slots: [Int: Slot] = [:]
    /// Why there is no memory for another batch.
    private var shortage: (any Error)?

    private final class Slot {
        let storage: Work.Storage
        var ids: [Int]
        var left: Int
        var failures: [Int: any Error] = [:]

        init(_ work: Work) throws {
            storage = try work.storage()
            ids = [Int](repeating: -1, count: work.samples.count)
            left = work.samples.count
        }
    }

    init(kinds: [Work], kind: @escaping @Sendable (Int) -> Int, steps: Range<Int>, ahead: Int) throws {
        self.kinds = kinds
        self.kind = kind
        self.steps = steps
        self.ahead = ahead
        taken = steps.lowerBound
        nextTask = (steps.lowerBound, 0)
        // As many batches as are ever held at once, taken and given back: what cannot fit is told before the run begins.
        for work in kinds { _ = try (0..<min(ahead + 1, steps.count)).map { _ in try Slot(work) } }
    }

    func cancel() {
        monitor.locked {
            cancelled = true
            monitor.wakeAll()
        }
    }

    func work() {
        while let (step, place, work, storage) = claim() {
            let sample = work.samples.lowerBound + place
            var id = -1
            var failure: (any Error)?
            do {
                id = try work.id(step: step, sample: sample)
                try work.make(id, step: step, sample: sample, place: place, in: storage)
            } catch {
                failure = error
            }
            monitor.locked {
                guard let slot = slots[step] else { return }
                slot.ids[place] = id
                slot.failures[place] = failure
                slot.left -= 1
                if slot.left == 0 { monitor.wakeAll() }
            }
        }
    }

    /// The next sample to make; waits while enough batches are ready, `nil` at the end.
    private func claim() -> (step: Int, place: Int, work: Work, storage: Work.Storage)? {
        monitor.locked {
            while true {
                let (step, place) = nextTask
                if cancelled || shortage != nil || step >= steps.upperBound { return nil }
                if step <= taken + ahead - 1 || step == taken {
                    let work = kinds[kind(step)]
                    let slot: Slot
                    do { slot = try slots[step] ?? Slot(work) } catch {
                        shortage = error
                        monitor.wakeAll()
                        return nil
                    }
                    slots[step] = slot
                    nextTask = place + 1 < work.samples.count ? (step, place + 1) : (step + 1, 0)
                    return (step, place, work, slot.storage)
                }
                monitor.wait()
            }
        }
    }

    func take(_ step: Int) throws -> Work.Batch {
        let (slot, failure) = monitor.locked { () -> (Slot?, (any Error)?) in
            while !cancelled {
                if let slot = slots[step], slot.left == 0 {
                    slots[step] = nil
                    taken = step + 1
                    monitor.wakeAll()
                    return (slot, nil)
                }
                if let shortage { return (nil, shortage) }
                monitor.wait()
            }
            return (nil, nil)
        }
        if let failure { throw failure }
        guard let slot else { throw TrainingError(.cancelled, "stopped while loading \(Work.sampleName)s") }
        let work = kinds[kind(step)]
        if let (place, error) = slot.failures.min(by: { $0.key < $1.key }) {
            throw TrainingError(
                .sampleFailed,
                "cannot use \(Work.sampleName) \(slot.ids[place]) (step \(step + 1), sample \(work.samples.lowerBound + place))",
                why: causes(of: error), try: Work.sampleRemedy)
        }
        return work.batch(step: step, ids: slot.ids, slot.storage)
    }
}
