// On which grid a scene's tiles lie.
internal import Geo
internal import Raster
internal import Scenes
internal import Telemetry

/// Where a scene's tiles lie.
///
/// At `native` GSD, and where the scene's own pixels are kept by the rule that maps follow too, the grid is the scene's own and
/// nothing is resampled; else it is a window of the lattice that a map would have.
struct SceneTiles {
    let grid: Grid
    let gsd: Double
    let isExact: Bool
    let resampling: Resampling

    /// Decides for a scene.
    ///
    /// - Parameter own: The scene's own grid, with its CRS as it is stored.
    /// - Throws: `badScene` where the scene has too little detail, or no place in the CRS of its tiles.
    init(_ scene: Scene, own: Grid, profile: TileProfile) throws {
        let wanted = profile.gsd.metres ?? scene.gsd
        if scene.gsd > 2 * wanted {
            throw CorpusError(
                .badScene,
                "the scene has \(significant(scene.gsd)) m pixels, but the profile asks for \(significant(wanted)) m: the scene has less than half of the detail",
                in: scene.path,
                try:
                    "use scenes of at most \(significant(2 * wanted)) m, or a profile with a larger gsd or gsd: native")
        }
        let crs = scene.gridCRS()
        let (lattice, hasOwnPixels) = try scene.lattice(crs, gsd: wanted)
        if crs == scene.crs, hasOwnPixels || profile.gsd == .native && own.transform.isUpright {
            (grid, gsd, isExact, resampling) = (own, scene.gsd, true, .nearest)
            return
        }
        let pixel = lattice.pixelSize
        let transformer = try CoordinateTransformer(from: scene.crs, to: crs)
        guard let bounds = transformer.bounds(own.bounds), bounds.width.isFinite, bounds.height.isFinite,
            max(bounds.width, bounds.height) / pixel < 1e10
        else {
            throw CorpusError(
                .badScene, "the scene does not fit the grid of \(crs.name)", in: scene.path,
                try: "warp it to a projected CRS with gdalwarp, or cut it into parts")
        }
        // Whole pixels only: a tile never reaches beyond the scene.
        let left = (bounds.minX / pixel - 1e-6).rounded(.up)
        let top = (bounds.maxY / pixel + 1e-6).rounded(.down)
        let right = (bounds.maxX / pixel + 1e-6).rounded(.down)
        let bottom = (bounds.minY / pixel - 1e-6).rounded(.up)
        grid = Grid(
            crs: crs == scene.crs ? own.crs : crs,
            transform: GeoTransform(originX: left * pixel, originY: top * pixel, pixelSize: pixel),
            width: max(0, Int(right - left)), height: max(0, Int(top - bottom)))
        gsd = wanted
        isExact = false
        resampling =
            switch profile.resampling {
            case .fixed(let kernel): kernel
            case .auto: scene.resampling(to: wanted)
            }
    }
}
