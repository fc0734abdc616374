// The report of an error, the metrics log and the progress meter.
import FoundationEssentials
import Synchronization
import Telemetry
import Testing

private func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("metrics-\(UUID().uuidString).jsonl").path
}

@Suite struct ExplainedErrorTests {
    @Test func `a report says what, in, why and try`() {
        let error = TelemetryError(
            .readFailed, "cannot read it", in: "a/b.jsonl", why: ["first", "second"], try: "look again")
        #expect(
            error.report == """
                error: cannot read it
                  in   a/b.jsonl
                  why  first
                       second
                  try  look again
                """)
    }

    @Test func `the causes of an explained error start with its own words`() {
        let error = TelemetryError(.readFailed, "cannot read it", in: "a/b", why: ["no such file"])
        #expect(causes(of: error) == ["cannot read it (a/b)", "no such file"])
    }

    @Test func `names with line breaks do not break the form`() {
        let error = ModuleError<TelemetryFailure>(.writeFailed, "cannot write", in: "a\nb.tif", why: ["tab\there"])
        #expect(error.report == "error: cannot write\n  in   a\\nb.tif\n  why  tab\\there")
    }

    @Test func `causes of foreign errors are words`() throws {
        let missing = #expect(throws: (any Error).self) {
            try FileManager.default.createDirectory(atPath: "/proc/none/here", withIntermediateDirectories: false)
        }
        #expect(causes(of: try #require(missing)) == ["No such file or directory"])
        struct Named: Decodable { var name: String }
        let key = #expect(throws: (any Error).self) { try JSONDecoder().decode(Named.self, from: Data("{}".utf8)) }
        #expect(causes(of: try #require(key)) == ["the key name is missing"])
        let type = #expect(throws: (any Error).self) {
            try JSONDecoder().decode([Named].self, from: Data(#"[{"name": 1}]"#.utf8))
        }
        #expect(causes(of: try #require(type)).first?.hasPrefix("[0].name: ") == true)
    }
}

@Suite struct MetricsLogTests {
    struct Line: Codable, Equatable {
        var step: Int
    }

    @Test func `lines are appended across openings`() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try MetricsLog(path: path).append(["recipe": "smoke"])
        try MetricsLog(path: path).append(Line(step: 1))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text == "{\"recipe\":\"smoke\"}\n{\"step\":1}\n")
    }

    @Test func `cutting keeps the description, drops later steps and a torn line`() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let torn = "{\"recipe\":\"smoke\"}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"st"
        try torn.write(toFile: path, atomically: false, encoding: .utf8)
        try MetricsLog.cut(path: path, as: Line.self) { $0.step <= 2 }
        #expect(
            try String(contentsOfFile: path, encoding: .utf8)
                == "{\"recipe\":\"smoke\"}\n{\"step\":1}\n{\"step\":2}\n")
        try MetricsLog.cut(path: path, as: Line.self) { _ in true }
        #expect(try String(contentsOfFile: path, encoding: .utf8).hasSuffix("{\"step\":2}\n"))
    }

    @Test func `a log in a folder that is not there says so`() {
        #expect(throws: TelemetryError.self) { try MetricsLog(path: "/nowhere/at/all/metrics.jsonl") }
    }
}

@Suite struct ProgressMeterTests {
    @Test func `the text names rate and time left`() {
        let text = ProgressMeter.text(
            label: "tile", Progress(unit: "tiles", done: 100, total: 400), seconds: 10)
        #expect(text == "tile 100/400 tiles 25 % 10.0/s eta 0:30")
    }

    @Test func `lines come after two seconds and every ten from then on, and cancelling is passed on`() {
        let now = Mutex(0.0)
        let lines = Mutex<[String]>([])
        let cancelled = Mutex(false)
        let meter = ProgressMeter(
            "tile", style: .lines, cancelled: { cancelled.withLock { $0 } }, clock: { now.withLock { $0 } },
            write: { line in lines.withLock { $0.append(line) } })
        for second in 0...25 {
            now.withLock { $0 = Double(second) }
            #expect(meter.report(Progress(unit: "tiles", done: second, total: 100)))
        }
        #expect(lines.withLock { $0.count } == 3)
        // Another unit is other work, with a rate of its own.
        for second in 26...60 {
            now.withLock { $0 = Double(second) }
            _ = meter.report(Progress(unit: "parts", done: second - 26, total: 100))
        }
        #expect(lines.withLock { $0.last } == "tile 26/100 parts 26 % 1.0/s eta 1:14\n")
        cancelled.withLock { $0 = true }
        #expect(!meter.report(Progress(unit: "tiles", done: 26, total: 100)))
    }

    @Test(arguments: [(0.0, "0:00"), (61, "1:01"), (3725, "1:02:05"), (Double.infinity, "?")])
    func `a time is minutes and seconds`(_ seconds: Double, _ text: String) {
        #expect(ProgressMeter.clockText(seconds) == text)
    }
}
