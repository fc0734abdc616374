// kill -9 while a checkpoint is being written, for real: a process of its own trains and kills itself.
import FoundationEssentials
import Glibc
import Pretraining
import Testing

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
            let partial = "\(CheckpointStore(run: path).path(step: 7)).partial"
            let watcher = WorkerThread {
                while !FileManager.default.fileExists(atPath: partial) { usleep(50) }
                kill(getpid(), SIGKILL)
            }
            try KillTests.train(path)
            _ = watcher
        }
        #expect(FileManager.default.fileExists(atPath: "\(CheckpointStore(run: killed).path(step: 7)).partial"))
        #expect(CheckpointStore(run: killed).steps().last == 6)
        try Self.train(killed, resume: true)
        try expectEqualRuns(whole, killed, step: 12, parts: ["student", "teacher", "optimizer"])
        #expect(!FileManager.default.fileExists(atPath: "\(CheckpointStore(run: killed).path(step: 7)).partial"))
    }
}
