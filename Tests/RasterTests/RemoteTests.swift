// Files behind an address: what names their content, and that nobody waits for them for ever.
import Foundation
import Geo
import Raster
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite(.serialized) struct RemoteTests {
    private let folder = TemporaryFolder()

    /// A scene of several hundred kilobytes, uncompressed so that every window has a place of its own in the file.
    private func scene(_ name: String = "scene.tif", base: Double = 5) throws -> RampRaster {
        let ramp = RampRaster(width: 512, height: 400, base: base, perX: 0.02, perY: -0.03, blockSize: 64)
        var format = ramp.format
        format.compression = .none
        try writeRaster(ramp.buffer(), to: folder.file(name), format: format, overwrite: true)
        return ramp
    }

    @Test func `a scene behind a token reads like the file`() throws {
        let ramp = try scene()
        var behaviour = FileServer.Behaviour()
        behaviour.token = "secret/1="
        let server = try FileServer(folder: folder.path, behaviour)
        let reader = try RasterReader(path: server.address("scene.tif", "?token=secret%2F1%3D"))
        #expect(try reader.read(reader.grid.window).samples == ramp.buffer().samples)
    }

    @Test func `the fragment of an address is not sent, as in any browser`() throws {
        let ramp = try scene()
        let server = try FileServer(folder: folder.path)
        for address in [server.address("scene.tif", "#page=2"), "/vsicurl/" + server.address("scene.tif", "?a=1#b")] {
            let reader = try RasterReader(path: address)
            #expect(try reader.read(reader.grid.window).samples == ramp.buffer().samples)
            #expect(try remoteIdentity(of: address)?.contains("#") == false)
        }
    }

    @Test func `a refused token is explained without it`() throws {
        _ = try scene()
        var behaviour = FileServer.Behaviour()
        behaviour.token = "secret/1="
        let server = try FileServer(folder: folder.path, behaviour)
        let error = try #require(throws: RasterError.self) {
            try RasterReader(path: server.address("scene.tif", "?token=stale-barley"))
        }
        #expect(error.code == .notRaster)
        #expect(error.report.contains("403") && error.report.contains("CPL_VSIL_CURL_USE_HEAD=NO"), "\(error)")
        #expect(!error.report.contains("stale-barley"), "\(error)")
        // Through a document that names it, too.
        let virtual = try VirtualRaster(
            over: "/vsicurl/" + server.address("scene.tif", "?token=stale-barley"), width: 512, height: 400,
            bands: [.init(1)]
        ).write(to: folder.file("stale.vrt"))
        let inside = try #require(throws: RasterError.self) {
            let reader = try RasterReader(path: virtual)
            _ = try reader.read(reader.grid.window)
        }
        #expect(inside.remedy?.contains("the addresses in the file respond") == true, "\(inside)")
        // What was written down once cannot be read again.
        let kept = try #require(throws: RasterError.self) {
            try RasterReader(path: server.address("scene.tif", "?token=\(Redaction.mark)"))
        }
        #expect(kept.report.contains("the address with its token"), "\(kept)")
    }

    @Test(arguments: ["v1", nil] as [String?])
    func `a remote file is named by its address and content, whatever its token`(_ tag: String?) throws {
        _ = try scene()
        _ = try scene("other.tif", base: 7)
        var behaviour = FileServer.Behaviour()
        behaviour.entityTag = tag
        let server = try FileServer(folder: folder.path, behaviour)
        let one = try #require(try remoteIdentity(of: server.address("scene.tif", "?token=wheat-straw")))
        #expect(try remoteIdentity(of: server.address("scene.tif", "?token=hay")) == one)
        #expect(try remoteIdentity(of: "/vsicurl/" + server.address("scene.tif", "?sig=oats")) != nil)
        #expect(!one.contains("wheat-straw") && !one.contains("token"))
        let size = try #require(FileManager.default.contents(atPath: folder.file("scene.tif"))).count
        #expect(one.contains(" \(size) ") && one.contains(tag ?? " "))
        let other = try #require(try remoteIdentity(of: server.address("other.tif", "?token=hay")))
        #expect(other != one)
        // The same address with another content: only pieces of it, or the server's word, can tell.
        try FileManager.default.removeItem(atPath: folder.file("scene.tif"))
        try FileManager.default.moveItem(atPath: folder.file("other.tif"), toPath: folder.file("scene.tif"))
        if tag != nil { server.behave { $0.entityTag = "v2" } }
        #expect(try remoteIdentity(of: server.address("scene.tif", "?token=grass")) != one)
    }

    @Test func `files of this machine have no remote identity`() throws {
        _ = try scene()
        for path in [
            folder.file("scene.tif"), "scene.tif?token=1", "/vsizip/a.zip/b.tif", "/vsimem/a.tif", "NETCDF:\"a.nc\":b",
        ] {
            #expect(try remoteIdentity(of: path) == nil, "\(path)")
        }
    }

    @Test func `a server that never answers is left when somebody asks to stop`() throws {
        _ = try scene()
        let server = try FileServer(folder: folder.path)
        let port = ":\(server.port)/"
        let isAsked = Mutex(false)
        func ask() {
            isAsked.withLock { $0 = false }
            let before = server.silentRequests
            Thread.detachNewThread {
                while server.silentRequests == before { usleep(10_000) }
                isAsked.withLock { $0 = true }
            }
        }
        /// Runs until the server has left a request unanswered and then has been left itself.
        func expectStop(_ words: String, of path: String = port, _ body: () throws -> Void) throws {
            let clock = ContinuousClock()
            var error: RasterError?
            let time = try clock.measure {
                error = try stoppingToWait(grace: 0.3, when: { $0.contains(path) && isAsked.withLock { $0 } }) {
                    try #require(throws: RasterError.self, "\(words)") { try body() }
                }
            }
            #expect(
                error?.code == .cancelled && error?.isCancellation == true, "\(words): \(String(describing: error))")
            // Half a minute is what GDAL would wait; the grace is 0.3 s.
            #expect(time < .seconds(10), "\(words): \(time)")
        }
        let reader = try RasterReader(path: server.address("scene.tif"))
        #expect(try reader.read(PixelWindow(column: 0, row: 0, width: 64, height: 64)).isValid(row: 0, column: 0))

        // In the middle of the file: what lies behind the first 200 kB does not come.
        server.behave { $0.silentFrom = 200_000 }
        ask()
        try expectStop("reading") { _ = try reader.read(reader.grid.window) }
        #expect(GDAL.hasAbandonedCalls)
        #expect(server.silentRequests == 1)

        server.behave { $0.silentFrom = 0 }
        for (words, name) in [("opening", "scene.tif"), ("an area", "area.geojson")] {
            ask()
            try expectStop(words) {
                let path = server.address(name, "?token=\(words.count)")
                if name == "scene.tif" { _ = try RasterReader(path: path) } else { _ = try AreaOfInterest(path: path) }
            }
        }
        // Also through a virtual raster of this machine.
        let document = """
            <VRTDataset rasterXSize="512" rasterYSize="400"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
            <SourceFilename>/vsicurl/\(server.address("scene.tif", "?token=vrt"))</SourceFilename>
            <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>
            """
        let path = try folder.write(document, to: "scene.vrt")
        ask()
        try expectStop("a virtual raster", of: path) {
            let reader = try RasterReader(path: path)
            _ = try reader.read(reader.grid.window)
        }
        // The threads left behind come back when the server goes, and close what they had open.
        server.stop()
    }
}
