// Scenes on disk: image, canopy height and land cover of every scene, and the list of pairs.
public import Geo
internal import Raster
public import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What `synthesize` wrote.
public struct SynthesizedScene: Sendable, Codable, Hashable {
    /// Path of the image: `uint8`, red, green, blue and, where asked for, near infrared.
    public let image: String
    /// Path of the canopy height: `float32` metres, nodata -9999.
    public let height: String
    /// Path of the land cover: `uint8`, LoveDA classes 1 to 7, nodata 0.
    public let cover: String
    /// Where the scene is.
    public let grid: Grid
}

/// Makes procedural landscapes with their true canopy height and land cover.
///
/// Writes `scene-000/rgb.tif`, `height.tif`, `cover.tif` and so on, `pairs.csv` (columns image, target, cover; paths
/// relative to it), and the marker `.geodino-synth` with the options. The folder appears complete or not at all.
/// Memory does not depend on the scenes' size. Same options, same pixels; scene `i` does not depend on how many follow.
///
/// - Parameters:
///   - options: What to make.
///   - folder: Where; its parent exists.
///   - overwrite: Whether a folder that an earlier call made may be replaced; no other folder ever is.
///   - companions: Names of files in that folder that the caller put there and gives up with it.
///   - progress: Told of every block done; an answer of `false` stops the work and leaves things as they were.
/// - Returns: The scenes, in order.
/// - Throws: `SynthError`.
@discardableResult
public func synthesize(
    _ options: LandscapeOptions, into folder: String, overwrite: Bool = false, companions: Set<String> = [],
    progress: ProgressHandler = { _ in true }
) throws(SynthError) -> [SynthesizedScene] {
    try options.validate()
    let output = try SceneFolder(folder, overwrite: overwrite, companions: companions)
    do throws(SynthError) {
        try output.begin(options)
        let blocks = blockWindows(side: options.size)
        var done = 0
        var scenes: [SynthesizedScene] = []
        var pairs = "image,target,cover\n"
        for scene in 0..<options.scenes {
            let name = SceneFolder.name(ofScene: scene)
            let landscape = Landscape(options, scene: scene)
            let grid = options.grid(of: scene)
            try output.makeFolder(name)
            let writers = try SceneWriters(
                folder: output.path(name), grid: grid, landscape: landscape, scene: scene, options: options)
            for block in blocks {
                guard progress(Progress(unit: "blocks", done: done, total: options.scenes * blocks.count)) else {
                    throw SynthError(.cancelled, "stopped before all scenes were made", in: folder)
                }
                try writers.write(landscape.render(block), at: block)
                done += 1
            }
            try writers.finish()
            pairs += "\(name)/rgb.tif,\(name)/height.tif,\(name)/cover.tif\n"
            scenes.append(
                SynthesizedScene(
                    image: "\(folder)/\(name)/rgb.tif", height: "\(folder)/\(name)/height.tif",
                    cover: "\(folder)/\(name)/cover.tif", grid: grid))
        }
        _ = progress(Progress(unit: "blocks", done: done, total: done))
        try output.write(pairs, to: "pairs.csv")
        try output.publish()
        return scenes
    } catch {
        output.abandon()
        throw error
    }
}

/// The windows in which a scene is made: at most 2048 x 2048 pixels, row by row.
package func blockWindows(side: Int, block: Int = 2048) -> [PixelWindow] {
    var windows: [PixelWindow] = []
    for row in stride(from: 0, to: side, by: block) {
        for column in stride(from: 0, to: side, by: block) {
            windows.append(
                PixelWindow(
                    column: column, row: row, width: min(block, side - column), height: min(block, side - row)))
        }
    }
    return windows
}

/// The three rasters of a scene while they are written.
private struct SceneWriters {
    private let image: RasterWriter
    private let height: RasterWriter
    private let cover: RasterWriter
    private let place: String

    init(folder: String, grid: Grid, landscape: Landscape, scene: Int, options: LandscapeOptions) throws(SynthError) {
        let conditions = landscape.conditions
        let tags = [
            "TIFFTAG_SOFTWARE": "geodino synth",
            "TIFFTAG_IMAGEDESCRIPTION": "procedural landscape, seed \(options.seed), scene \(scene)",
            "SUN_AZIMUTH": "\(conditions.sunAzimuth)", "SUN_ELEVATION": "\(conditions.sunElevation)",
        ]
        let colours = BandInfo.rgb + (options.nir ? [BandInfo(name: "nir")] : [])
        let palette = LandCover.allCases.map { cover in
            let colour = cover.colour
            return RasterFormat.PaletteEntry(
                index: Int(cover.rawValue), colour: [colour.red, colour.green, colour.blue, 255], name: "\(cover)")
        }
        place = folder
        do {
            image = try RasterWriter(
                path: "\(folder)/rgb.tif", grid: grid,
                format: RasterFormat(sampleType: .uint8, bands: colours, tags: tags))
            height = try RasterWriter(
                path: "\(folder)/height.tif", grid: grid,
                format: RasterFormat(
                    sampleType: .float32, nodata: -9999, bands: [BandInfo(name: "canopy height", unit: "m")],
                    tags: tags))
            cover = try RasterWriter(
                path: "\(folder)/cover.tif", grid: grid,
                format: RasterFormat(
                    sampleType: .uint8, nodata: 0, bands: [BandInfo(name: "land cover")], tags: tags,
                    palette: palette))
        } catch {
            throw SynthError(
                .writeFailed, "cannot create the scene", in: folder, why: causes(of: error), try: error.remedy)
        }
    }

    func write(_ block: BlockImage, at window: PixelWindow) throws(SynthError) {
        try explain {
            () throws(RasterError) in
            try image.write(block.image, column: window.column, row: window.row)
            try height.write(block.height, column: window.column, row: window.row)
            try cover.write(block.cover, column: window.column, row: window.row)
        }
    }

    func finish() throws(SynthError) {
        try explain {
            () throws(RasterError) in
            try image.finish(cloudOptimized: false)
            try height.finish(cloudOptimized: false)
            try cover.finish(cloudOptimized: false)
        }
    }

    private func explain(_ body: () throws(RasterError) -> Void) throws(SynthError) {
        do { try body() } catch {
            throw SynthError(
                .writeFailed, "cannot write the scene", in: place, why: causes(of: error), try: error.remedy)
        }
    }
}
