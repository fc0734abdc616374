// On which pixels a scene is seen: the rule that tiles and maps share.
import Foundation
import Geo
import Raster
import Scenes
import TestSupport
import Testing

struct SceneLatticeTests {
    let folder = TemporaryFolder()

    private func scene(_ crs: String = "EPSG:32633", x: Double = 500_000, y: Double = 5_000_000, pixel: Double) throws
        -> Scene
    {
        try RampRaster(
            crs: .init(crs), transform: GeoTransform(originX: x, originY: y, pixelSize: pixel), width: 40, height: 40
        ).write(to: folder.file("scene.tif"))
        return try Scene(RasterReader(path: folder.file("scene.tif")))
    }

    @Test(arguments: [
        (pixel: 0.6, side: 0.6, isOwn: true), (0.603, 0.603, true), (0.5961, 0.5961, true), (0.607, 0.6, false),
        (0.5, 0.6, false), (0.5999999999999659, 0.6, true),
    ])
    func `a scene's own pixels are kept within one percent`(pixel: Double, side: Double, isOwn: Bool) throws {
        let scene = try scene(pixel: pixel)
        let (lattice, hasOwnPixels) = try scene.lattice(scene.gridCRS(), gsd: 0.6)
        #expect(lattice.pixelSize == side && hasOwnPixels == isOwn)
        #expect(lattice.crs == scene.crs)
    }

    @Test func `a pixel is metres on the ground, whatever the CRS's units`() throws {
        // At 60 degrees north a unit of EPSG:3857 is half a metre.
        let mercator = try scene("EPSG:3857", x: 1_000_000, y: 8_399_738, pixel: 10)
        let (lattice, hasOwnPixels) = try mercator.lattice(mercator.gridCRS(), gsd: 3)
        #expect(abs(lattice.pixelSize - 6) < 0.02 && !hasOwnPixels)
        #expect(lattice.pixelSize == fourDigits(lattice.pixelSize))
        // Degrees are no grid for a network: the UTM zone of the centre.
        let degrees = try scene("EPSG:4326", x: 15, y: 45, pixel: 1e-4)
        #expect(utmZone(of: degrees.gridCRS()) == 33)
        #expect(try degrees.lattice(degrees.gridCRS(), gsd: 5).lattice.pixelSize == 5)
    }

    @Test func `the average brings pixels to twice their size, cubic to less`() throws {
        let scene = try scene(pixel: 0.3)
        #expect(scene.resampling(to: 0.6) == .average && scene.resampling(to: 0.5) == .cubic)
        #expect(scene.resampling(to: nil) == .cubic)
    }

    @Test func `open scenes are opened once, the longest unused are closed`() throws {
        let open = OpenScenes()
        try RampRaster(width: 8, height: 8).write(to: folder.file("a.tif"))
        let first = try open.reader(folder.file("a.tif"))
        #expect(try open.reader(folder.file("a.tif")) === first)
        for number in 0..<16 {
            let path = folder.file("\(number).tif")
            try RampRaster(width: 8, height: 8).write(to: path)
            _ = try open.reader(path)
        }
        #expect(try open.reader(folder.file("a.tif")) !== first)
    }

    @Test func `a time is read from the names that providers use, the first that is a time`() {
        let landsat = SceneMetadata([["PRODUCT_START_TIME": "2024-06-01T10:20:30.024Z", "LICENSE": "x"], [:]])
        #expect(landsat.acquired == nil && landsat.time == "2024-06-01T10:20:30Z")
        let both = SceneMetadata([["ACQUISITION_DATE": "June", "DATETIME": "2024-06-01"], [:]])
        #expect(both.acquired == "June" && both.time == "2024-06-01T00:00:00Z")
        #expect(SceneMetadata([["TIFFTAG_DATETIME": "2024:06:01 10:20:30"], [:]]).time == nil)
    }
}
