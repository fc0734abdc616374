// Reads chunks on worker threads ahead of the block loop.
internal import Dispatch
internal import Geo
internal import Synchronization

/// Reads chunks of the mosaic on a few threads, each with its own open files, and holds them until they are dropped.
///
/// Which thread reads a chunk changes nothing in it.
package final class ChunkLoader {
    private let workers: [Worker]
    private var tickets: [LatticeIndex: Ticket] = [:]
    private var next = 0

    /// Starts the threads.
    package init(_ plan: MosaicPlan, threads: Int) {
        workers = (0..<threads).map { Worker(plan, number: $0) }
    }

    deinit {
        for ticket in tickets.values { ticket.abandon() }
    }

    /// Starts reading some chunks, unless they are there or on their way.
    package func request(_ indices: some Sequence<LatticeIndex>) {
        for index in indices where tickets[index] == nil {
            let ticket = Ticket(index)
            tickets[index] = ticket
            workers[next % workers.count].start(ticket)
            next += 1
        }
    }

    /// A chunk; waits for it.
    package func chunk(_ index: LatticeIndex) throws -> Chunk {
        request(CollectionOfOne(index))
        guard let ticket = tickets[index] else { return Chunk(pixels: nil) }
        return try ticket.wait()
    }

    /// Forgets all chunks but some.
    package func keep(where wanted: (LatticeIndex) -> Bool) {
        for (index, ticket) in tickets where !wanted(index) {
            ticket.abandon()
            tickets[index] = nil
        }
    }

    /// Chunks held or on their way.
    package var count: Int { tickets.count }

    /// One chunk's promise.
    private final class Ticket: Sendable {
        let index: LatticeIndex
        private let done = DispatchSemaphore(value: 0)
        private let state = Mutex<(result: Result<Chunk, any Error>?, abandoned: Bool)>((nil, false))

        init(_ index: LatticeIndex) { self.index = index }

        var abandoned: Bool { state.withLock { $0.abandoned } }

        func abandon() { state.withLock { $0.abandoned = true } }

        func finish(_ result: Result<Chunk, any Error>) {
            state.withLock { $0.result = result }
            done.signal()
        }

        func wait() throws -> Chunk {
            done.wait()
            // Left open for whoever asks again.
            done.signal()
            guard let result = state.withLock({ $0.result }) else { return Chunk(pixels: nil) }
            return try result.get()
        }
    }

    /// A serial queue and the files that only it touches.
    private final class Worker: @unchecked Sendable {
        private let queue: DispatchQueue
        private let mosaic: SceneMosaic

        init(_ plan: MosaicPlan, number: Int) {
            queue = DispatchQueue(label: "geodino.scenes.reader-\(number)")
            mosaic = SceneMosaic(plan)
        }

        func start(_ ticket: Ticket) {
            queue.async { [self] in
                guard !ticket.abandoned else {
                    ticket.finish(.success(Chunk(pixels: nil)))
                    return
                }
                ticket.finish(Result { try mosaic.read(Chunk.window(ticket.index)) })
            }
        }
    }
}
