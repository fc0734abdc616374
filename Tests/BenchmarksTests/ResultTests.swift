// Rows of scores: what a table keeps, who may add to it, and what protocols say of themselves.
import Benchmarks
import Foundation
import Measures
import Telemetry
import TestSupport
import Testing

struct ResultTableTests {
    private func row(_ model: String, seed: UInt64 = 0, value: Double? = 0.1) -> ResultRow {
        var row = ResultRow(
            benchmark: "eurosat", task: "eurosat", split: "test", protocolName: "mine", protocolHash: "0123456789ab",
            metric: "accuracy", samples: 40, seed: seed, method: "knn20", model: model, partition: "1.00x",
            bands: "red,green,blue", classCount: 10, featureLength: 384, trainingSamples: 80, validationSamples: 20)
        row.value = value
        row.low = 1.0 / 3
        row.high = 0.999_999_999_999_999_9
        row.warning = "only 'a, \"b\"' is predicted"
        row.switches = ["image_size": "224"]
        return row
    }

    @Test func `a table gives back what it was given, to the last bit`() throws {
        let folder = TemporaryFolder()
        let table = ResultTable(path: folder.file("results.csv"))
        #expect(try table.rows() == [])
        let rows = [row("a"), row("b, c", value: nil), row("a", seed: .max, value: -1e-300)]
        #expect(try table.add(rows) == rows)
        #expect(try table.rows() == rows)
        #expect(folder.contents == ["results.csv"])
    }

    @Test func `columns are torchgeo-bench's first`() throws {
        let folder = TemporaryFolder()
        try ResultTable(path: folder.file("r.csv")).add([row("a")])
        let text = try String(contentsOfFile: folder.file("r.csv"), encoding: .utf8)
        #expect(text.hasPrefix("dataset,method,metric_name,metric_value,ci_lower,ci_upper,feature_dim,best_c,"))
        #expect(text.contains("\neurosat,knn20,accuracy,0.1,0.3333333333333333,0.9999999999999999,384,,"))
        #expect(text.hasSuffix("eurosat,test,mine,,\"only 'a, \"\"b\"\"' is predicted\",\n"))
    }

    @Test func `a row that is there is not added again`() throws {
        let folder = TemporaryFolder()
        let table = ResultTable(path: folder.file("r.csv"))
        try table.add([row("a")])
        #expect(try table.add([row("a", value: 0.9), row("b"), row("b")]).map(\.model) == ["b"])
        #expect(try table.rows().map(\.value) == [0.1, 0.1])
    }

    @Test func `columns of others stay`() throws {
        let folder = TemporaryFolder()
        let table = ResultTable(path: folder.file("r.csv"))
        try table.add([row("a")])
        let lines = try String(contentsOfFile: table.path, encoding: .utf8).split(separator: "\n")
        _ = try folder.write("theirs,\(lines[0])\n7,\(lines[1])\n", to: "r.csv")
        try table.add([row("b")])
        let after = try String(contentsOfFile: table.path, encoding: .utf8).split(separator: "\n")
        #expect(after.count == 3 && after[1].hasPrefix("7,eurosat,") && after[2].hasPrefix(",eurosat,"))
        #expect(try table.rows().map(\.model) == ["a", "b"])
    }

    @Test(arguments: [
        "a,b\n1,2\n", "dataset,metric_value\n1\n", "dataset,metric_value\nx,\"y\n", "dataset,metric_value\nx,0.5\n",
    ])
    func `other files are refused and left as they are`(_ text: String) throws {
        let folder = TemporaryFolder()
        let table = ResultTable(path: try folder.write(text, to: "r.csv"))
        #expect(throws: BenchmarksError.self) { try table.add([row("a")]) }
        #expect(try String(contentsOfFile: table.path, encoding: .utf8) == text)
        #expect(folder.contents == ["r.csv"])
    }

    @Test func `a link's table grows where it is, and a byte-order mark is passed over`() throws {
        let folder = TemporaryFolder()
        try ResultTable(path: folder.file("shared.csv")).add([row("a")])
        let text = try String(contentsOfFile: folder.file("shared.csv"), encoding: .utf8)
        _ = try folder.write("\u{FEFF}" + text, to: "shared.csv")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("r.csv"), withDestinationPath: folder.file("shared.csv"))
        try ResultTable(path: folder.file("r.csv")).add([row("b")])
        #expect(try ResultTable(path: folder.file("shared.csv")).rows().map(\.model) == ["a", "b"])
        let kind = try FileManager.default.attributesOfItem(atPath: folder.file("r.csv"))[.type] as? FileAttributeType
        #expect(kind == .typeSymbolicLink)
    }

    @Test func `several writers lose nothing`() async throws {
        let folder = TemporaryFolder()
        let table = ResultTable(path: folder.file("r.csv"))
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    for number in 0..<4 { _ = try? table.add([row("m\(writer)", seed: UInt64(number))]) }
                }
            }
        }
        let rows = try table.rows()
        #expect(Set(rows.map(\.identity)).count == 32 && rows.count == 32)
    }

    @Test func `a table that another process holds is waited for, then refused`() throws {
        let folder = TemporaryFolder()
        _ = try folder.write("process 1 on elsewhere\n", to: ".r.csv.lock")
        let table = ResultTable(path: folder.file("r.csv"), patience: 0.1)
        #expect { try table.add([row("a")]) } throws: { ($0 as? BenchmarksError)?.code == .locked }
    }
}

struct ProtocolTests {
    private let rule = ClassificationProtocol(
        name: "mine", input: InputRule(size: 224, shortSide: 256), features: FeatureRule(tokens: .cls),
        probes: [
            .neighbours(.init(distance: .cosine, k: [10, 20], temperature: 0.07)),
            .logistic(.init(lowest: -6, highest: 5, count: 45)),
            .linear(.init(rates: [0.01, 0.1], batch: 128, steps: 100, momentum: 0.9)),
            .ridge(.init(lowest: -3, highest: 5, count: 9)),
        ], refit: true, report: .test, metrics: [.accuracy],
        interval: .init(kind: .expandedPercentile, draws: 1000, confidence: 0.95))

    private func statement(_ rule: ClassificationProtocol) -> ProtocolStatement {
        ProtocolStatement(
            rule: rule, benchmark: "eurosat", classes: ["a", "b"], isMultiLabel: false,
            pixels: .init(
                bands: ["red"], stretch: "none", normalization: ["0.4", "0.2"], identity: ["the weights' own"]),
            splits: "drawn",
            shares: [0.2, 0.2], content: "0123", partition: "1.00x",
            seed: 0)
    }

    @Test func `a protocol goes to JSON and back`() throws {
        #expect(rule.problems == [])
        let data = try JSONEncoder().encode(rule)
        var read = try JSONDecoder().decode(ClassificationProtocol.self, from: data)
        // The name is that of the document around it.
        #expect(read.name.isEmpty)
        read.name = rule.name
        #expect(read == rule)
    }

    @Test func `every switch changes the hash, the seed does not`() {
        let base = statement(rule)
        #expect(base.hash.count == 12 && base.hash.allSatisfy(\.isHexDigit))
        var changed: [ProtocolStatement] = []
        func change(_ work: (inout ProtocolStatement) -> Void) {
            var other = base
            work(&other)
            changed.append(other)
        }
        change { $0.rule.input.size = 256 }
        change { $0.rule.input.shortSide = nil }
        change { $0.rule.input.kernel = .bilinear }
        change { $0.rule.input.antialias = false }
        change { $0.rule.features.tokens = .both }
        change { $0.rule.features.blocks = 4 }
        change { $0.rule.probes.removeLast() }
        change { $0.rule.refit = false }
        change { $0.rule.report = .validation }
        change { $0.rule.interval.draws = 200 }
        change { $0.classes.reverse() }
        change { $0.isMultiLabel = true }
        change { $0.pixels?.bands = ["green"] }
        change { $0.splits = "its own" }
        change { $0.shares = [0.2, 0.2004] }
        change { $0.content = "4567" }
        change { $0.pixels?.identity = ["0.4", "0.3"] }
        change { $0.partition = "0.10x" }
        change { $0.pixels = nil }
        #expect(Set((changed + [base]).map(\.hash)).count == 20)
        // Neither the name nor the figures that are taken of an answer.
        var same = base
        same.seed = 7
        same.rule.name = "other"
        same.rule.metrics = [.macroF1]
        // Nor what the weights' own stretch and normalisation are.
        same.pixels?.stretch = "fixed:0,3000"
        same.pixels?.normalization = ["0.4", "0.3"]
        #expect(same.hash == base.hash)
        // Features that were made elsewhere did not see the protocol's input.
        var (elsewhere, other) = (base, base)
        (elsewhere.pixels, other.pixels) = (nil, nil)
        other.rule.input.size = 448
        #expect(other.hash == elsewhere.hash)
    }

    @Test func `results of two probes have two names`() {
        var twice = rule
        twice.probes += [.neighbours(.init(distance: .cosine, k: [5], temperature: 0.1))]
        #expect(twice.problems.count == 1)
        twice.probes[4] = .neighbours(.init(distance: .euclidean, k: [5]))
        #expect(twice.problems == [])
    }

    @Test func `what contradicts itself is named`() {
        var wrong = rule
        wrong.name = "two words"
        wrong.input = InputRule(size: 224, shortSide: 200, kernel: .nearest)
        wrong.features = FeatureRule(tokens: .patches, blocks: 4)
        wrong.probes = [
            .neighbours(.init(distance: .euclidean, k: [0], temperature: 1)),
            .neighbours(.init(distance: .cosine, k: [5])),
            .logistic(.init(lowest: 2, highest: 1, count: 3)),
        ]
        wrong.report = .validation
        wrong.metrics = []
        wrong.interval = .init(kind: .bca, draws: 1, confidence: 1)
        #expect(wrong.problems.count == 12)
        #expect(wrong.problems.contains { $0.hasPrefix("probes[1].temperature is missing") })
    }

    @Test(arguments: [
        (64, 64, 256, 256, 256), (100, 50, 256, 512, 256), (50, 133, 256, 256, 680), (3, 4, 256, 256, 341),
    ])
    func `the shorter side decides, and the longer is rounded down`(
        _ height: Int, _ width: Int, _ side: Int, _ rows: Int, _ columns: Int
    ) {
        let size = InputRule(size: 224, shortSide: side).resized(height: height, width: width)
        #expect(size?.height == rows && size?.width == columns)
    }

    @Test func `strips are not resized beyond reason`() {
        #expect(InputRule(size: 224, shortSide: 256).resized(height: 1, width: 300) == nil)
        #expect(InputRule(size: 224, shortSide: 256).resized(height: .max, width: .max - 1) == nil)
        let both = InputRule(size: 224).resized(height: 1, width: 300)
        #expect(both?.height == 224 && both?.width == 224)
    }
}
