// A scene with heights on a server of this machine, and a recipe that fits a head in a moment.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

/// Files on a server, and a folder for what is made of them.
struct RemoteFixture {
    let served = TemporaryFolder()
    let outputs = TemporaryFolder()
    let server: FileServer
    /// A network of width 32 and two blocks, patches of 4 pixels.
    static let weights = Program.root.appendingPathComponent("Tests/Golden/huggingface/mlp").path

    /// - Parameter size: Side of scene and heights in pixels of 0.6 m.
    init(size: Int = 192, _ behaviour: FileServer.Behaviour = FileServer.Behaviour()) throws {
        server = try FileServer(folder: served.path, behaviour)
        let grid = Grid(
            crs: CoordinateReferenceSystem("EPSG:32633"),
            transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 0.6), width: size, height: size)
        let pixels = size * size
        func place(_ i: Int) -> (row: Int, column: Int) { (i % pixels / size, i % size) }
        let colours = (0..<3 * pixels).map { i in
            UInt8(truncatingIfNeeded: (place(i).row * 37 + place(i).column * 101 + i / pixels * 59) % 251)
        }
        var format = RasterFormat(
            sampleType: .uint8, bands: BandInfo.rgb, compression: .none, blockSize: 64)
        try writeRaster(
            PixelBuffer(bands: 3, height: size, width: size, samples: .uint8(colours), grid: grid),
            to: served.file("scene.tif"), format: format)
        let heights = (0..<pixels).map { Float((place($0).row / 8 + place($0).column / 8) % 20) }
        format = RasterFormat(
            sampleType: .float32, nodata: -9999, bands: [BandInfo(name: "height", unit: "m")], compression: .none,
            blockSize: 64)
        try writeRaster(
            PixelBuffer(bands: 1, height: size, width: size, samples: .float32(heights), grid: grid),
            to: served.file("heights.tif"), format: format)
        let degrees = try CoordinateTransformer(from: CoordinateReferenceSystem("EPSG:32633"), to: .wgs84)
        let corners = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)].map { (x: $0.0, y: $0.1) }
        let ring = degrees.transform(
            corners.map { grid.transform.point(column: $0.x * Double(size), row: $0.y * Double(size)) })
        let text = ring.compactMap { $0.map { "[\($0.x), \($0.y)]" } }.joined(separator: ", ")
        _ = try served.write(#"{"type": "Polygon", "coordinates": [[\#(text)]]}"#, to: "area.geojson")
    }

    /// A recipe for the network above.
    func recipe(steps: Int) throws -> String {
        let document = """
            head: {post_channels: [4, 6, 8, 8], channels: 8, hidden: 8}
            bins: {count: 16, minimum: 0.001, max_height: 40, scale: 8}
            taps: [0, 0, 1, 1]
            window: 48
            crop: 32
            steps: \(steps)
            batch: 2
            optimizer: {learning_rate: 1.0e-3, weight_decay: 0, beta1: 0.9, beta2: 0.99, warmup: 0.1, clip: 35}
            loss: {hand_over_start: 0, hand_over_end: 0.3, mean_weight: 0.15, logarithm_offset: 0.1, charbonnier: 0.1}
            augmentation: {flips: true, turns: true}
            validation: {block: 40, share: 0.2, windows: 2}
            max_height: 100
            minimum_valid: 0.3
            cached_crops: 0
            checkpoint_every: 1000
            seed: 3
            """
        return try outputs.write(document + "\n", to: "recipe.yaml")
    }

    /// Fits a head on the files themselves; the model's folder.
    func model() throws -> String {
        let made = try Program.run([
            "fit", "canopy", recipe(steps: 1), "--weights", Self.weights, "--statistics", "web", "--image",
            served.file("scene.tif"), "--target", served.file("heights.tif"), "-o", outputs.file("model"), "-q",
        ])
        try #require(made.status == 0, "\(made.errors)")
        return outputs.file("model")
    }
}
