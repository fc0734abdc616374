// geodino bench: bad arguments, and the figures that it prints.
import Foundation
import Testing

@Suite struct BenchCommandTests {
    static let bad: [BadCall] = [
        .usage("an unknown benchmark", says: "unknown benchmark 'fly'", arguments: "bench", "fly"),
        .usage(
            "an unknown network", says: "unknown network 'vitz'", arguments: "bench", "vit.forward", "--arch",
            "vitz"),
        .usage(
            "a side that is not a multiple of the patch", says: "--size must be a multiple of 16", arguments: "bench",
            "vit.forward",
            "--size", "17"),
        .usage(
            "an option of another benchmark", says: "--recipe and --depth are only for", arguments: "bench", "tile",
            "--depth", "2"),
        .failure("a missing recipe", says: "no such file", "  in   none.yaml", "  try  ") { _ in
            ["bench", "crops", "--recipe", "none.yaml"]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    @Test func `the text names the benchmark, its setting and its figures`() throws {
        let bench = Bench()
        let outcome = try bench.make("bench", "vit.forward", "--size", "16", "--batch", "1", "--runs", "1")
        let figures =
            #/vit\.forward vits16 16 px batch 1 float32: median [0-9.]+ best [0-9.]+ images/s  \(GFLOP/s .*\)\n/#
        #expect(outcome.output.wholeMatch(of: figures) != nil, "\(outcome.output)")
        #expect(try outcome.errors == "" && bench.contents().isEmpty)
    }

    @Test func `the JSON matches the snapshot`() throws {
        let bench = Bench()
        let outcome = try bench.make(
            "bench", "crops", "ssl.step", "--recipe", Program.root.path + "/recipes/smoke.yaml", "--runs", "2",
            "--format", "json")
        try Snapshot.expect(
            outcome.output, matches: "bench", varying: ["best": .number, "median": .number, "details.*": .text])
        #expect(try bench.contents().isEmpty)
    }
}
