// Memory stays flat in the size of map and scene.
import Foundation
import Geo
import Mapping
import Raster
import TestSupport
import Testing

@Suite(.serialized) struct MapMemoryTests {
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

    @Test func `a scene of four times the pixels needs no more memory`() throws {
        let predictor = ClosurePredictor(windowSize: 256) { window, _ in
            guard case .uint8(let pixels) = window.samples else { return [] }
            return pixels[0..<65536].map(Float.init)
        }
        func make(_ size: Int) throws -> MapSummary {
            var request = MapRequest(
                scenes: [try writeLargeScene(size)], output: folder.file("map-\(size).tif"))
            request.overlap = 0
            return try makeMap(request, predictor: predictor, style: .canopyHeight)
        }
        // GDAL's block cache has one size whatever the scene's; a small one is full from the first map on.
        try GDAL.configure([:], cacheMegabytes: 16)
        _ = try make(4096)
        let before = try peak()
        let large = try make(8192)
        let after = try peak()
        #expect(large.parts[0].statistics.validPixels == 16 * 512 * 512)
        // The other tests of this process may add a little meanwhile.
        #expect(
            Double(after) < Double(before) * 1.15 + 20e6, "peak \(before / 1_000_000) MB, then \(after / 1_000_000) MB")
    }
}
