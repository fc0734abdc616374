// Memory stays flat in the size of map and scene: measured in children, since other tests use memory meanwhile.
import Foundation
import Geo
import Mapping
import Raster
import TestSupport
import Testing

private let childKey = "GEODINO_MAP_MEMORY_TEST_CHILD"

struct MapMemoryTests {
    let folder = TemporaryFolder()

    /// A scene of `size` pixels that is one small tile repeated by a VRT, in one place of 16: large on the ground, tiny on disk.
    private func writeLargeScene(_ size: Int) throws -> String {
        try writeScene(folder.file("tile.tif"), width: 512, height: 512, value: { max(1, noise($1, $2, $0)) })
        let bands = (1...3).map { band in
            let sources = stride(from: 0, to: size, by: 2048).flatMap { row in
                stride(from: 0, to: size, by: 2048).map { column in
                    "<SimpleSource><SourceFilename relativeToVRT=\"1\">tile.tif</SourceFilename><SourceBand>\(band)</SourceBand>"
                        + "<SrcRect xOff=\"0\" yOff=\"0\" xSize=\"512\" ySize=\"512\"/>"
                        + "<DstRect xOff=\"\(column)\" yOff=\"\(row)\" xSize=\"512\" ySize=\"512\"/></SimpleSource>"
                }
            }.joined()
            return
                "<VRTRasterBand dataType=\"Byte\" band=\"\(band)\"><NoDataValue>0</NoDataValue><ColorInterp>\(["Red", "Green", "Blue"][band - 1])</ColorInterp>\(sources)</VRTRasterBand>"
        }.joined()
        return try folder.write(
            "<VRTDataset rasterXSize=\"\(size)\" rasterYSize=\"\(size)\"><SRS>EPSG:32633</SRS><GeoTransform>500000, 10, 0, 5000000, 0, -10</GeoTransform>\(bands)</VRTDataset>",
            to: "large-\(size).vrt")
    }

    /// The largest memory that this process has held, in bytes.
    private func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber))) * 1024
    }

    /// Does nothing but in a child, which makes one map and writes down its peak memory.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[childKey] != nil)) func `map as a child`() throws {
        let words = try #require(ProcessInfo.processInfo.environment[childKey]).split(separator: " ", maxSplits: 1)
        let size = try #require(Int(words[0]))
        let predictor = ClosurePredictor(windowSize: 256) { window, _ in
            guard case .uint8(let pixels) = window.samples else { return [] }
            return pixels[0..<65536].map(Float.init)
        }
        // GDAL's block cache has one size whatever the scene's; a small one is full on the smaller map too.
        try GDAL.configure([:], cacheMegabytes: 16)
        var request = MapRequest(scenes: [try writeLargeScene(size)], output: folder.file("map.tif"))
        request.overlap = 0
        let map = try makeMap(request, predictor: predictor, style: .canopyHeight)
        #expect(map.parts[0].statistics.validPixels == (size / 2048) * (size / 2048) * 512 * 512)
        try Data("\(try peak())".utf8).write(to: URL(fileURLWithPath: String(words[1])))
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment[childKey] == nil))
    func `a scene of four times the pixels needs no more memory`() throws {
        func peak(mapping size: Int) throws -> Double {
            let child = Process()
            child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            child.arguments = ["--testing-library", "swift-testing", "--filter", "MapMemoryTests"]
            let note = folder.file("peak-\(size)")
            child.environment = ProcessInfo.processInfo.environment.merging([childKey: "\(size) \(note)"]) { $1 }
            child.standardOutput = FileHandle.nullDevice
            child.standardError = FileHandle.nullDevice
            try child.run()
            child.waitUntilExit()
            #expect(child.terminationStatus == 0)
            return try #require(Double(String(contentsOfFile: note, encoding: .utf8)))
        }
        let small = try peak(mapping: 4096)
        let large = try peak(mapping: 8192)
        #expect(large < small * 1.15, "peak \(small / 1e6) MB, then \(large / 1e6) MB")
    }
}
