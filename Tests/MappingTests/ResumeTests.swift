// Maps that are made in several runs: stopped, killed and resumed, and still the same bytes.
import Files
import Foundation
import Geo
import Mapping
import Raster
import Synchronization
import Telemetry
import TestSupport
import Testing

struct ResumeTests {
    let folder = TemporaryFolder()
    let style = MapStyle(title: "Land cover", unit: "")

    // MARK: - Tools

    var rows: String { folder.file(".map.tif.resume") }
    private var log: String { rows + "/part-1.rows" }

    /// The files of maps, by name.
    func made() throws -> [String: Data] {
        let names = folder.contents.filter { $0.hasPrefix("map") || $0.hasSuffix(".gpkg") }
        return Dictionary(
            uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: folder.file($0)))) })
    }

    /// The same, and removes them.
    func taken() throws -> [String: Data] {
        let files = try made()
        for name in files.keys { try FileManager.default.removeItem(atPath: folder.file(name)) }
        return files
    }

    /// A handler that stops the work at the event with this number, from 1.
    func stopping(at limit: Int, units: Set<String>? = nil) -> ProgressHandler {
        let events = Counter()
        return { event in
            guard units?.contains(event.unit) ?? true else { return true }
            return events.next() < limit
        }
    }

    final class Counter: Sendable {
        private let count = Mutex(0)
        func next() -> Int {
            count.withLock {
                $0 += 1; return $0
            }
        }
    }

    private func valuesRequest(resume: Bool = true) -> MapRequest {
        var request = MapRequest(scenes: [folder.file("scene.tif")], output: folder.file("map.tif"))
        request.batchSize = 4
        request.resume = resume
        return request
    }

    /// Makes a map of values in one run without `resume`, and takes its files.
    ///
    /// - Returns: Also the number of the event at which most of the map is done.
    private func wholeValues() throws -> (files: [String: Data], calls: Int, windows: Int, late: Int) {
        try writeScene(
            folder.file("scene.tif"), height: 200, nodata: 0,
            isHole: { row, column in row < 40 && column < 30 || row == 70 })
        var request = valuesRequest()
        request.resume = false
        let predictor = ClosurePredictor.entangled()
        let events = Counter()
        let summary = try makeMap(
            request, predictor: predictor, style: .canopyHeight,
            progress: { event in
                if event.unit == "windows" { _ = events.next() }
                return true
            })
        return (try taken(), predictor.calls, summary.parts[0].windows, events.next() - 4)
    }

    private func stop(_ request: MapRequest, at limit: Int) throws {
        let error = #expect(throws: MappingError.self) {
            try makeMap(
                request, predictor: ClosurePredictor.entangled(), style: .canopyHeight,
                progress: stopping(at: limit, units: ["windows"]))
        }
        #expect(error?.code == .cancelled)
    }

    // MARK: - Values

    @Test func `a map that was stopped anywhere is resumed to the same bytes`() throws {
        let whole = try wholeValues()
        var (stops, resumed) = (0, 0)
        for limit in 1... {
            do {
                _ = try makeMap(
                    valuesRequest(), predictor: ClosurePredictor.entangled(), style: .canopyHeight,
                    progress: stopping(at: limit))
                break
            } catch let error as MappingError where error.code == .cancelled {
                stops += 1
                #expect(try made().isEmpty, "stopped at event \(limit)")
                let isKept = FileManager.default.fileExists(atPath: rows)
                #expect(
                    error.what.hasPrefix("stopped before the map was ") && error.what.hasSuffix(" are kept") == isKept)
                #expect(error.remedy == (isKept ? "\(UserAction.resumeSameCommand)" : nil))
                let notices = Mutex<[String]>([])
                let predictor = ClosurePredictor.entangled()
                let summary = try makeMap(
                    valuesRequest(), predictor: predictor, style: .canopyHeight,
                    notice: { text in notices.withLock { $0.append(text) } })
                #expect(try taken() == whole.files, "stopped at event \(limit)")
                #expect(summary.parts[0].windows == whole.windows)
                #expect(notices.withLock(\.count) == (isKept ? 1 : 0))
                if isKept { resumed += 1 }
                #expect(folder.contents == ["scene.tif"])
            }
        }
        #expect(try taken() == whole.files)
        #expect(stops > 20 && resumed > stops / 2, "\(stops) stops, \(resumed) resumed")
    }

    @Test func `what is kept is not predicted again`() throws {
        let whole = try wholeValues()
        try stop(valuesRequest(), at: whole.late)
        let predictor = ClosurePredictor.entangled()
        let seen = Mutex<[Int]>([])
        _ = try makeMap(
            valuesRequest(), predictor: predictor, style: .canopyHeight,
            progress: { event in
                if event.unit == "windows" { seen.withLock { $0.append(event.done) } }
                return true
            })
        #expect(4 * predictor.calls < 3 * whole.calls, "\(predictor.calls) of \(whole.calls) calls")
        let windows = seen.withLock(\.self)
        #expect(windows == windows.sorted() && windows.last == whole.windows)
    }

    @Test func `an area of interest and blocks that it leaves out`() throws {
        // Wider than a block, with nothing of the area in the middle.
        try writeScene(folder.file("scene.tif"), width: 4300, height: 70)
        try writeArea(
            folder.file("area.geojson"),
            [
                [[(500_100, 4_999_350), (500_900, 4_999_350), (500_500, 4_999_950), (500_100, 4_999_350)]],
                [rectangle(540_700, 4_999_400, 541_600, 4_999_800)],
            ])
        func request(resume: Bool) -> MapRequest {
            var request = valuesRequest()
            request.aoi = folder.file("area.geojson")
            request.resume = resume
            return request
        }
        _ = try makeMap(request(resume: false), predictor: ClosurePredictor.entangled(), style: .canopyHeight)
        let whole = try taken()
        for limit in 1..<1000 {
            do {
                _ = try makeMap(
                    request(resume: true), predictor: ClosurePredictor.entangled(), style: .canopyHeight,
                    progress: stopping(at: limit, units: ["windows"]))
                break
            } catch let error as MappingError where error.code == .cancelled {}
        }
        #expect(try taken() == whole)
    }

    // MARK: - Damage

    @Test func `a torn or damaged log is used as far as it is sound`() throws {
        let whole = try wholeValues()
        try stop(valuesRequest(), at: whole.late)
        let kept = try Data(contentsOf: URL(fileURLWithPath: log))
        let marker = try Data(contentsOf: URL(fileURLWithPath: rows + "/map.json"))
        try #require(kept.count > 20_000)
        var flipped = kept
        flipped[kept.count / 2] ^= 4
        let damaged: [(name: String, log: Data)] = [
            ("whole", kept), ("torn", kept.dropLast(5)), ("short", kept.prefix(40)), ("empty", Data()),
            ("a flipped bit", flipped), ("zeros at the end", kept + Data(count: 5000)),
            ("noise at the end", kept + Data((0..<5000).map { UInt8($0 % 251) })), ("zeros", Data(count: kept.count)),
        ]
        for (name, bytes) in damaged {
            try FileManager.default.createDirectory(atPath: rows, withIntermediateDirectories: true)
            try bytes.write(to: URL(fileURLWithPath: log))
            try marker.write(to: URL(fileURLWithPath: rows + "/map.json"))
            let predictor = ClosurePredictor.entangled()
            _ = try makeMap(valuesRequest(), predictor: predictor, style: .canopyHeight)
            #expect(try taken() == whole.files, "\(name)")
            #expect((predictor.calls < whole.calls) == !["short", "empty", "zeros"].contains(name), "\(name)")
            #expect(folder.contents == ["scene.tif"], "\(name)")
        }
    }

    @Test func `a folder without a marker holds nothing of use, and what is not ours stays`() throws {
        let whole = try wholeValues()
        try FileManager.default.createDirectory(atPath: rows, withIntermediateDirectories: true)
        try Data("old".utf8).write(to: URL(fileURLWithPath: log))
        try Data("mine".utf8).write(to: URL(fileURLWithPath: rows + "/notes.txt"))
        _ = try makeMap(valuesRequest(), predictor: ClosurePredictor.entangled(), style: .canopyHeight)
        #expect(try taken() == whole.files)
        #expect(try FileManager.default.contentsOfDirectory(atPath: rows) == ["notes.txt"])
    }

    // MARK: - Other maps

    @Test func `rows of another map are refused, and discarded on request`() throws {
        let whole = try wholeValues()
        try stop(valuesRequest(), at: whole.late)
        func refusal(_ change: (inout MapRequest) throws -> Void) throws -> MappingError? {
            var request = valuesRequest()
            try change(&request)
            let before = try Data(contentsOf: URL(fileURLWithPath: log))
            let error = #expect(throws: MappingError.self) {
                try makeMap(request, predictor: ClosurePredictor.entangled(), style: .canopyHeight)
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: log)) == before)
            #expect(error?.code == .changed && error?.place == rows)
            return error
        }
        #expect(try refusal { $0.batchSize = 3 }?.causes == ["batch size: 3 now, 4 then"])
        #expect(try refusal { $0.intraOpThreads = 2 }?.causes == ["tensor threads: changed"])
        #expect(try refusal { $0.model.sha256 = "abc" }?.causes == ["model: abc now, unnamed then"])
        #expect(try refusal { $0.computation["device"] = "cuda:0" }?.causes == ["device: changed"])
        #expect(try refusal { $0.noClip = true }?.causes == ["clipping to the area: no now, yes then"])
        #expect(
            try refusal { $0.overlap = 4 }?.causes == ["grid: changed", "overlap of windows: 4 now, 8 then"])
        let remedy = try refusal { $0.batchSize = 3 }?.remedy
        #expect(remedy?.contains("\(Setting.overwrite)") == true)

        // Another image under the same name.
        let scene = try Data(contentsOf: URL(fileURLWithPath: folder.file("scene.tif")))
        #expect(
            try refusal { _ in
                try writeScene(
                    folder.file("scene.tif"), height: 200, nodata: 0,
                    value: { _, row, column in
                        UInt8(1 + (row + column) % 200)
                    })
            }?.causes == ["scene 1: changed"])
        try scene.write(to: URL(fileURLWithPath: folder.file("scene.tif")))

        // The same image under another name, and what only concerns the finished map.
        try FileManager.default.copyItem(atPath: folder.file("scene.tif"), toPath: folder.file("copy.tif"))
        var other = valuesRequest()
        other.scenes = [folder.file("copy.tif")]
        other.maximum = 20
        let predictor = ClosurePredictor.entangled()
        _ = try makeMap(other, predictor: predictor, style: .canopyHeight)
        #expect(predictor.calls < whole.calls)
        _ = try taken()

        try stop(valuesRequest(), at: whole.late)
        var replacing = valuesRequest()
        replacing.overwrite = true
        replacing.batchSize = 3
        let anew = ClosurePredictor.entangled()
        _ = try makeMap(replacing, predictor: anew, style: .canopyHeight)
        #expect(anew.batchSizes == [3] && !FileManager.default.fileExists(atPath: rows))
    }

    @Test func `a map that is replaced keeps its file until the new one is finished`() throws {
        let whole = try wholeValues()
        _ = try folder.write("old", to: "map.tif")
        var request = valuesRequest()
        request.overwrite = true
        try stop(request, at: whole.late)
        #expect(try made() == ["map.tif": Data("old".utf8)])
        let predictor = ClosurePredictor.entangled()
        _ = try makeMap(request, predictor: predictor, style: .canopyHeight)
        #expect(predictor.calls < whole.calls)
        #expect(try taken() == whole.files)
    }

    @Test(arguments: [true, false])
    func `a second run of the same map is refused while the first runs`(resume: Bool) throws {
        _ = try wholeValues()
        let request = valuesRequest()
        let second = valuesRequest(resume: resume)
        let refused = Mutex<MappingError?>(nil)
        _ = try makeMap(
            request, predictor: ClosurePredictor.entangled(), style: .canopyHeight,
            progress: { event in
                guard event.unit == "windows", refused.withLock({ $0 == nil }) else { return true }
                let error = #expect(throws: MappingError.self) {
                    try makeMap(second, predictor: ClosurePredictor.constant(1), style: .canopyHeight)
                }
                refused.withLock { $0 = error }
                return true
            })
        let found = refused.withLock(\.self)
        let error = try #require(found)
        #expect(error.code == .locked && error.what == "another process is writing to this map")
        #expect(folder.contents == ["map.json", "map.png", "map.qml", "map.tif", "scene.tif"])
    }

    @Test func `a finished map leaves no rows, however it was made`() throws {
        let whole = try wholeValues()
        try stop(valuesRequest(), at: whole.late)
        #expect(FileManager.default.fileExists(atPath: rows))
        var plain = valuesRequest()
        plain.resume = false
        let predictor = ClosurePredictor.entangled()
        // Rows are not lost by accident.
        let kept = try Data(contentsOf: URL(fileURLWithPath: log))
        let refusal = #expect(throws: MappingError.self) {
            try makeMap(plain, predictor: predictor, style: .canopyHeight)
        }
        #expect(refusal?.code == .exists && refusal?.place == rows && predictor.calls == 0)
        #expect(refusal?.remedy?.contains("add \(Setting.resume) to") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: log)) == kept)
        plain.overwrite = true
        _ = try makeMap(plain, predictor: predictor, style: .canopyHeight)
        #expect(predictor.calls == whole.calls && !FileManager.default.fileExists(atPath: rows))
        let error = #expect(throws: MappingError.self) {
            try makeMap(valuesRequest(), predictor: predictor, style: .canopyHeight)
        }
        #expect(error?.code == .exists && !FileManager.default.fileExists(atPath: rows))
        #expect(try taken() == whole.files)
        // Without a finished row there is nothing to keep.
        try stop(valuesRequest(), at: 1)
        #expect(folder.contents == ["scene.tif"])
    }

    @Test func `the number of tensor threads is kept with the rows`() throws {
        let whole = try wholeValues()
        #expect(keptTensorThreads(for: folder.file("map.tif")) == nil)
        var request = valuesRequest()
        request.intraOpThreads = 3
        try stop(request, at: whole.late)
        #expect(keptTensorThreads(for: folder.file("map.tif")) == 3)
    }

    @Test func `the plan counts the rows that are kept`() throws {
        let whole = try wholeValues()
        func plan(resume: Bool) throws -> MapPlan {
            var request = valuesRequest()
            request.resume = resume
            let predictor = ClosurePredictor.identity()
            return try planMap(
                request, layout: predictor.layout, windowSize: predictor.windowSize,
                blendedBands: predictor.blendedBands)
        }
        let (plain, kept) = (try plan(resume: false), try plan(resume: true))
        let bytes = try #require(kept.parts[0].keptBytes)
        #expect(plain.parts[0].keptBytes == nil && bytes >= 4 * 150 * 200 && bytes < 6 * 150 * 200)
        #expect(kept.diskBytes == plain.diskBytes + bytes && kept.text.contains(" of finished rows until then"))
        try stop(valuesRequest(), at: whole.late)
        let size = try #require(fileSize(log))
        #expect(size < bytes, "\(size) bytes, planned \(bytes)")
    }
}
