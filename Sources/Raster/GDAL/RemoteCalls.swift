// Calls of GDAL that may wait for another machine: made on a thread that can be left behind when somebody asks to stop.
import Foundation
import Synchronization
import Telemetry

extension GDAL {
    /// Says when to stop waiting for remote files.
    ///
    /// GDAL's own waiting cannot be broken off: a call that has not come back `grace` seconds after `asked` became true is
    /// given up, and throws `cancelled`. Its thread stays behind with all that the call uses, so that the program must end
    /// by `_exit` (see `hasAbandonedCalls`).
    ///
    /// - Parameters:
    ///   - grace: How long a call may still take then, seconds.
    ///   - asked: Asked twenty times a second while a file is waited for, with its path; `nil` waits for every call.
    public static func stopWaiting(grace: Double = 0.5, when asked: (@Sendable (_ path: String) -> Bool)?) {
        stopping.withLock { $0 = Stopping(asked: asked, grace: grace) }
    }

    /// Whether a thread is still inside of a call that was given up: then no destructor of GDAL may run.
    public static var hasAbandonedCalls: Bool { abandoned.load(ordering: .relaxed) > 0 }

    private static let abandoned = Atomic<Int>(0)
    private static let stopping = Mutex(Stopping())

    private struct Stopping {
        var asked: (@Sendable (String) -> Bool)?
        var grace = 0.5
        /// When it was first seen to be true, in nanoseconds.
        var since: UInt64?
    }

    /// Whether waiting is over; starts the grace when that is first wished.
    private static func isOver(_ path: String) -> Bool {
        let now = DispatchTime.now().uptimeNanoseconds
        let asked = stopping.withLock { $0.asked }
        guard let asked, asked(path) else { return false }
        return stopping.withLock { state in
            let since = state.since ?? now
            state.since = since
            return Double(now - since) >= state.grace * 1e9
        }
    }

    /// Runs calls of GDAL that may wait for another machine.
    ///
    /// - Parameters:
    ///   - mayWait: Whether they may; else they run right here.
    ///   - path: What is read, for messages.
    ///   - body: The calls; when it is left behind it goes on alone, so that it must hold on to all that it uses.
    /// - Throws: What `body` throws; `cancelled` when it was given up.
    static func waiting<Value>(
        _ mayWait: Bool, for path: String, _ body: @escaping () throws(RasterError) -> Value
    ) throws(RasterError) -> Value {
        guard mayWait, !Worker.isCurrent else { return try body() }
        let stopped = RasterError(
            .cancelled, "stopped while waiting for a remote file", in: path, try: "run the same command again")
        if isOver(path) { throw stopped }
        let call = Call(body)
        let worker = Worker.idle()
        worker.start(call)
        while true {
            if call.done.wait(timeout: .now() + .milliseconds(50)) == .success {
                Worker.keep(worker)
                guard let result = call.result.value else {
                    preconditionFailure("a call of GDAL that is done has a result")
                }
                return try result.get()
            }
            if isOver(path) {
                abandoned.add(1, ordering: .relaxed)
                throw stopped
            }
        }
    }

    /// A call under way.
    private final class Call<Value>: @unchecked Sendable {
        // Written by one thread before `done` is signalled, read by the other after it.
        struct Box { var value: Result<Value, RasterError>? }
        var result = Box()
        let done = DispatchSemaphore(value: 0)
        private var body: (() throws(RasterError) -> Value)?

        init(_ body: @escaping () throws(RasterError) -> Value) { self.body = body }

        func run() {
            guard let body else { return }
            do { result.value = .success(try body()) } catch { result.value = .failure(error) }
            // What it held is let go of here: whoever waited may be gone.
            self.body = nil
            done.signal()
        }
    }

    /// A thread for calls that may be left behind; used again, since GDAL keeps connections per thread.
    private final class Worker: @unchecked Sendable {
        private let wake = DispatchSemaphore(value: 0)
        private let work = Mutex<(@Sendable () -> Void)?>(nil)
        private static let waiting = Mutex<[Worker]>([])
        private static let mark = "geodino.remote"

        static var isCurrent: Bool { Thread.current.threadDictionary[mark] != nil }

        /// The worker that was used last, whose connections are open still; else a new one.
        static func idle() -> Worker { waiting.withLock { $0.popLast() } ?? Worker() }

        static func keep(_ worker: Worker) { waiting.withLock { $0.append(worker) } }

        private init() {
            let thread = Thread { [self] in
                Thread.current.threadDictionary[Self.mark] = true
                while true {
                    wake.wait()
                    let next = work.withLock { work in
                        defer { work = nil }
                        return work
                    }
                    next?()
                }
            }
            // As much as a main thread has: some drivers call themselves deeply.
            thread.stackSize = 8 << 20
            thread.name = "geodino remote"
            thread.start()
        }

        func start<Value>(_ call: Call<Value>) {
            work.withLock { $0 = { call.run() } }
            wake.signal()
        }
    }
}
