// Work shared by threads, with results in order and a bounded queue.
internal import Foundation

/// Hands out items to worker threads and their results, in the order of the items, to the thread that asks.
///
/// The answer does not depend on the number of threads. At most `capacity` items are under way or waiting.
final class OrderedWork<Item: Sendable, Output: Sendable>: @unchecked Sendable {  // all state is under `condition`
    private let condition = NSCondition()
    private let capacity: Int
    private var next: () -> Item?
    private var results: [Int: (Item, Result<Output, any Error>)] = [:]
    private var issued = 0
    private var taken = 0
    private var exhausted = false
    private var stopped = false
    private var running = 0

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - next: Gives the items one by one, `nil` after the last; called under a lock.
    ///   - worker: Makes what a thread works with; called once in each.
    init(
        threads: Int, next: @escaping () -> Item?,
        worker: @escaping @Sendable () -> (Item) throws -> Output
    ) {
        capacity = 4 * threads
        self.next = next
        running = threads
        for _ in 0..<threads {
            let thread = Thread { [self] in
                let work = worker()
                while let (ticket, item) = issue() {
                    let result = Result { try work(item) }
                    condition.lock()
                    results[ticket] = (item, result)
                    condition.broadcast()
                    condition.unlock()
                }
                condition.lock()
                running -= 1
                condition.broadcast()
                condition.unlock()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    private func issue() -> (Int, Item)? {
        condition.lock()
        defer { condition.unlock() }
        while !stopped, !exhausted, issued - taken >= capacity { condition.wait() }
        guard !stopped, !exhausted else { return nil }
        guard let item = next() else {
            exhausted = true
            condition.broadcast()
            return nil
        }
        issued += 1
        return (issued - 1, item)
    }

    /// The next result in order; `nil` after the last.
    func take() throws -> (Item, Output)? {
        condition.lock()
        defer { condition.unlock() }
        while results[taken] == nil {
            if exhausted, taken == issued { return nil }
            condition.wait()
        }
        guard let (item, result) = results.removeValue(forKey: taken) else { return nil }
        taken += 1
        condition.broadcast()
        return (item, try result.get())
    }

    /// Changes what `next` looks at, under its lock.
    func update(_ change: () -> Void) {
        condition.lock()
        defer { condition.unlock() }
        change()
    }

    /// Ends the threads after the items they have in hand, and waits for them.
    func stop() {
        condition.lock()
        stopped = true
        condition.broadcast()
        while running > 0 { condition.wait() }
        condition.unlock()
    }
}
