// Threads that read tiles and make crops ahead of the training step.
package import Geo
import Telemetry

/// Where the tiles of a step come from, and what is cut out of them.
package struct LoadingWork: Sendable {
    package let sampler: TileSampler
    package let maker: CropMaker

    package init(sampler: TileSampler, maker: CropMaker) {
        self.sampler = sampler
        self.maker = maker
    }
}

/// Makes the batches of a range of steps on several threads and hands them out in order.
///
/// Threads take samples one by one, at most `ahead` batches before the one being waited for, and write each crop to its
/// place in the batch; crops depend on (seed, step, sample, crop) alone, so the number of threads does not show. Memory is
/// `ahead + 1` batches. The object stops and joins its threads when it goes.
package final class BatchLoader {
    private let shared: Shared
    private var threads: [WorkerThread] = []
    private var next: Int

    /// Starts the threads on steps that are all alike.
    package convenience init(
        sampler: TileSampler, source: any TileSource, maker: CropMaker, steps: Range<Int>, threads: Int,
        ahead: Int = 2
    ) throws {
        try self.init(
            [LoadingWork(sampler: sampler, maker: maker)], source: source, steps: steps, threads: threads, ahead: ahead
        ) { _ in 0 }
    }

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - kinds: The kinds of steps.
    ///   - kind: The index of a step's kind.
    package init(
        _ kinds: [LoadingWork], source: any TileSource, steps: Range<Int>, threads: Int, ahead: Int = 2,
        kind: @escaping @Sendable (Int) -> Int
    ) throws {
        next = steps.lowerBound
        let shared = try Shared(kinds: kinds, kind: kind, source: source, steps: steps, ahead: max(1, ahead))
        self.shared = shared
        for _ in 0..<max(1, threads) {
            guard let thread = WorkerThread({ shared.work() }) else { break }
            self.threads.append(thread)
        }
        guard !self.threads.isEmpty else {
            throw PretrainingError(.badSource, "cannot create a thread to load tiles")
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
    /// - Throws: `tileFailed`, naming the tile, where one could not be read or does not fit the recipe.
    package func nextBatch() throws -> CropBatch? {
        guard next < shared.steps.upperBound else { return nil }
        defer { next += 1 }
        return try shared.take(next)
    }
}

/// What the threads share; everything mutable is touched inside the monitor alone.
private final class Shared: @unchecked Sendable {
    let steps: Range<Int>
    private let kinds: [LoadingWork]
    private let kind: @Sendable (Int) -> Int
    private let source: any TileSource
    private let ahead: Int
    private let monitor = Monitor()
    /// The next sample to be made.
    private var nextTask: (step: Int, sample: Int)
    private var taken: Int
    private var cancelled = false
    private var slots: [Int: Slot] = [:]
    /// Why there is no memory for another batch.
    private var shortage: (any Error)?

    private final class Slot {
        let global: CropStorage
        let local: CropStorage
        let larger: CropStorage?
        var ids: [Int]
        var left: Int
        var failures: [Int: any Error] = [:]

        init(_ work: LoadingWork) throws {
            let (batch, maker) = (work.sampler.batch, work.maker)
            global = try CropStorage(count: 2 * batch * maker.globalSamples)
            local = try CropStorage(count: maker.recipe.local.count * batch * maker.localSamples)
            larger = maker.gram == nil ? nil : try CropStorage(count: 2 * batch * maker.gramSamples)
            ids = [Int](repeating: -1, count: batch)
            left = batch
        }
    }

    init(
        kinds: [LoadingWork], kind: @escaping @Sendable (Int) -> Int, source: any TileSource, steps: Range<Int>,
        ahead: Int
    ) throws {
        self.kinds = kinds
        self.kind = kind
        self.source = source
        self.steps = steps
        self.ahead = ahead
        taken = steps.lowerBound
        nextTask = (steps.lowerBound, 0)
        // As many batches as are ever held at once, taken and given back: what cannot fit is told before the run begins.
        for work in kinds { _ = try (0..<min(ahead + 1, steps.count)).map { _ in try Slot(work) } }
    }

    /// Where the crops of a batch go.
    private struct Places {
        let global: CropStorage
        let local: CropStorage
        let larger: CropStorage?
    }

    func cancel() {
        monitor.locked {
            cancelled = true
            monitor.wakeAll()
        }
    }

    func work() {
        while let (step, sample, work, slot) = claim() {
            var id = -1
            var failure: (any Error)?
            do {
                id = try work.sampler.id(step: step, sample: sample)
                try make(id, step, sample, work, slot)
            } catch {
                failure = error
            }
            monitor.locked {
                guard let slot = slots[step] else { return }
                slot.ids[sample] = id
                slot.failures[sample] = failure
                slot.left -= 1
                if slot.left == 0 { monitor.wakeAll() }
            }
        }
    }

    /// The next sample to make; waits while enough batches are ready, `nil` at the end.
    private func claim() -> (step: Int, sample: Int, work: LoadingWork, places: Places)? {
        monitor.locked {
            while true {
                let (step, sample) = nextTask
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
                    nextTask = sample + 1 < work.sampler.batch ? (step, sample + 1) : (step + 1, 0)
                    return (step, sample, work, Places(global: slot.global, local: slot.local, larger: slot.larger))
                }
                monitor.wait()
            }
        }
    }

    private func make(_ id: Int, _ step: Int, _ sample: Int, _ work: LoadingWork, _ places: Places) throws {
        let tiles = try source.tiles([id]).tiles
        guard tiles.count == 1, let tile = tiles.first else {
            throw PretrainingError(.badSource, "requested one tile, got \(tiles.count)")
        }
        let (batch, maker) = (work.sampler.batch, work.maker)
        try maker.crops(
            of: tile, step: step, sample: sample,
            global: { places.global.base + ($0 * batch + sample) * maker.globalSamples },
            local: { places.local.base + ($0 * batch + sample) * maker.localSamples },
            larger: { (places.larger ?? places.global).base + ($0 * batch + sample) * maker.gramSamples })
    }

    func take(_ step: Int) throws -> CropBatch {
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
        guard let slot else { throw PretrainingError(.cancelled, "stopped while loading tiles") }
        if let (sample, error) = slot.failures.min(by: { $0.key < $1.key }) {
            throw PretrainingError(
                .tileFailed, "cannot use tile \(slot.ids[sample]) (step \(step + 1), sample \(sample))",
                why: causes(of: error),
                try: "check the tiles with: geodino corpus verify CORPUS")
        }
        return CropBatch(
            step: step, ids: slot.ids, global: slot.global, local: slot.local, larger: slot.larger)
    }
}
