// kill -9 while a checkpoint is being written, for real: a process of its own trains and kills itself.
import FoundationEssentials
import Glibc
import Pretraining
import Testing
import Training

@Suite(.serialized)
struct KillTests {
    /// A run with a checkpoint after every step, so that one is nearly always being written.
    private static func train(_ path: String, resume: Bool = false) throws {
        try run(path, change: { $0.checkpoints.every = 1 }) {
            $0.steps = 12
            $0.resume = resume
        }
    }

    @Test func `a run that was killed within a checkpoint ends as an unbroken one`() async throws {
        let folder = try TemporaryFolder()
        let whole = "\(folder.path)/whole"
        let killed = "\(folder.path)/killed"
        try Self.train(whole)
        setenv("GEODINO_TEST_KILLED_RUN", killed, 1)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let path = String(cString: getenv("GEODINO_TEST_KILLED_RUN"))
            let store = CheckpointStore(run: path)
            // Any of several: a busy machine may look away while one is written.
            let watcher = WorkerThread {
                while true {
                    for step in 3...11 where FileManager.default.fileExists(atPath: "\(store.path(step: step)).partial")
                    {
                        kill(getpid(), SIGKILL)
                    }
                }
            }
            try KillTests.train(path)
            _ = watcher
        }
        let store = CheckpointStore(run: killed)
        let last = try #require(store.steps().last)
        // Within a checkpoint, or as it got its name.
        #expect((2...11).contains(last))
        try Self.train(killed, resume: true)
        try expectEqualRuns(whole, killed, step: 12, parts: ["student", "teacher", "optimizer"])
        #expect(!FileManager.default.fileExists(atPath: "\(store.path(step: last + 1)).partial"))
    }
}
