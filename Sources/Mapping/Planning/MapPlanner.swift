// From a request to a plan: the grid, the scenes on it, the blocks, the cost.
internal import Files
public import Geo
internal import Raster
internal import Scenes
internal import Telemetry

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif
#if canImport(Glibc)
    internal import Glibc
#endif

/// Plans a map without predicting anything.
///
/// The grid follows from the first scene and the model alone: the scene's CRS when it is projected, else the UTM zone of its centre;
/// pixels whose side is the model's GSD on the ground at that scene's centre; origin at whole multiples of the pixel size.
/// The area of interest only says which part of that endless grid is computed.
///
/// - Parameters:
///   - request: What is asked for.
///   - layout: What the predictor wants to be fed.
///   - windowSize: Side of its windows in pixels.
///   - cellSize: Side of one pixel of the output in pixels of a window.
///   - blendedBands: What it says of a window.
///   - product: How that becomes what is written.
/// - Throws: `MappingError`, and what opening the scenes and the area throws.
public func planMap(
    _ request: MapRequest, layout: PixelLayout, windowSize: Int, cellSize: Int = 1, blendedBands: [BandInfo],
    product: RasterProduct = .values
) throws -> MapPlan {
    try request.validateOutput()
    return try MapJob(
        request, layout: layout, windowSize: windowSize, cellSize: cellSize,
        writing: WrittenProduct(product, blended: blendedBands, outputs: request.classOutputs)
    ).plan
}

/// A plan with what its execution needs besides.
struct MapJob {
    let request: MapRequest
    let layout: PixelLayout
    /// Side of one pixel of the map in pixels of a window.
    let cellSize: Int
    let facts: [String: Scene]
    /// The scenes that planning has open, for what follows on the same thread.
    let open = OpenScenes()
    /// The area in degrees; `nil` without one.
    let aoi: AreaOfInterest?
    var plan: MapPlan
    /// The area of each part, in its CRS.
    var areas: [LatticeArea]

    init(
        _ request: MapRequest, layout: PixelLayout, windowSize: Int, cellSize: Int, writing: WrittenProduct,
        progress: ProgressHandler = { _ in true }
    ) throws {
        precondition(
            cellSize > 0 && windowSize % cellSize == 0,
            "windows of \(windowSize) pixels do not divide into cells of \(cellSize)")
        try request.validate(windowSize: windowSize, cellSize: cellSize)
        guard writing.legend != nil || writing.outputs == ClassOutputs() else {
            throw MappingError(
                .badRequest, "probabilities, a sieve or polygons were asked for, but the map does not hold classes",
                in: request.output)
        }
        self.request = request
        self.layout = layout
        self.cellSize = cellSize
        var warnings: [String] = []
        let scenes = try request.scenes.enumerated().map { [open] number, path in
            guard progress(Progress(unit: "scenes opened", done: number, total: request.scenes.count)) else {
                throw MappingError(.cancelled, "stopped before the map was started", in: request.output)
            }
            return try Scene(open.reader(path))
        }
        facts = Dictionary(scenes.map { ($0.path, $0) }) { first, _ in first }
        let raw = try request.aoi.map { try AreaOfInterest(path: $0) }
        warnings += raw?.warnings ?? []
        aoi = try raw?.transformed(to: .wgs84)
        let near = try aoi.map { try $0.near(scenes.map(\.degrees)) }

        let windows = WindowLattice(
            windowSize: windowSize / cellSize,
            overlap: request.overlap(windowSize: windowSize, cellSize: cellSize) / cellSize)
        let degrees = DegreeArea(aoi: aoi, scenes: scenes.map(\.degrees))
        guard degrees.meets(west: -180, east: 180) else { throw Self.missed(request, aoi, scenes) }
        let mapCRS = scenes[0].gridCRS()
        let crosses = try aoi?.crossesAntimeridian == true && near.map { try !isWhole($0, in: mapCRS) } ?? false
        let found = regions(of: degrees, mapCRS: mapCRS, crossesAntimeridian: crosses)
        // One region: all of the area lies in a zone that the first scene's is not near to.
        if !found.isEmpty, !request.split {
            let parts = found.map {
                $0.zone.map { "UTM zone \($0)" } ?? ($0.west < 0 ? "west of 180 degrees" : "east of it")
            }
            throw MappingError(
                .needsSplit, "the area does not fit one grid; its parts: \(parts.joined(separator: ", "))",
                in: request.aoi ?? request.scenes[0], why: ["the map's grid is \(mapCRS.name)"],
                try: request.offersSplit
                    ? "\(Setting.split), which writes one file per part"
                    : "process the parts one by one, each with its own scenes first and its own \(Setting.areaOfInterest)"
            )
        }

        plan = MapPlan(parts: [], warnings: warnings)
        areas = []
        let parts: [PartRegion?] = found.isEmpty ? [nil] : found
        for (number, region) in parts.enumerated() {
            let output =
                parts.count == 1 ? request.output : partName(request.output, part: number + 1)
            let polygons = writing.outputs.polygons.map {
                parts.count == 1 ? $0 : partName($0, part: number + 1)
            }
            let beside = sidecars(of: output, outputs: writing.outputs, polygons: polygons)
            try Self.refuseInputs([output] + beside.all, beside, request)
            try Self.refuseExisting(output, beside, request)
            func scenesWithin(_ margin: Double) -> [Scene] {
                guard let region else { return scenes }
                return scenes.filter {
                    DegreeArea(aoi: nil, scenes: [$0.degrees])
                        .meets(west: region.west - margin, east: region.east + margin)
                }
            }
            guard let first = scenesWithin(0).first else { continue }
            // Windows at the region's edge look over it.
            let latitude = max(abs(first.degrees.minY), abs(first.degrees.maxY))
            let reach = Double(windowSize) * (layout.gsd ?? first.gsd) / (111_000 * max(cosine(latitude), 0.05))
            let here = scenesWithin(reach)
            let pixels = try first.lattice(first.gridCRS(zone: region?.zone), gsd: layout.gsd).lattice
            let lattice = PixelLattice(crs: pixels.crs, pixelSize: pixels.pixelSize * Double(cellSize))
            let area = try LatticeArea(
                aoi: near?.transformed(to: lattice.crs),
                strip: region.map { region in
                    let south = here.map(\.degrees.minY).min() ?? -80
                    let north = here.map(\.degrees.maxY).max() ?? 84
                    return try region.strip(minimumLatitude: south, maximumLatitude: north)
                        .transformed(to: lattice.crs)
                }, allTouched: request.allTouched, noClip: request.noClip)
            guard
                let part = try planPart(
                    output: output, pixels: pixels, lattice: lattice, windows: windows, scenes: here, area: area,
                    writing: writing)
            else { continue }
            plan.parts.append(part.value)
            plan.parts[plan.parts.count - 1].probabilities = beside.probabilities
            plan.parts[plan.parts.count - 1].confidence = beside.confidence
            plan.parts[plan.parts.count - 1].polygons = polygons
            plan.parts[plan.parts.count - 1].longitudes = region.map {
                Bounds(minX: $0.west, minY: -90, maxX: $0.east, maxY: 90)
            }
            plan.warnings += part.warnings.filter { !plan.warnings.contains($0) }
            areas.append(area)
        }
        guard !plan.parts.isEmpty else { throw Self.missed(request, aoi, scenes) }
    }

    /// One file of the map; `nil` where nothing of the area is covered.
    private func planPart(
        output: String, pixels: PixelLattice, lattice: PixelLattice, windows: WindowLattice, scenes: [Scene],
        area: LatticeArea, writing: WrittenProduct
    ) throws -> (value: MapPlan.Part, warnings: [String])? {
        var warnings: [String] = []
        let limits = area.bounds
        let limit = limits.flatMap { lattice.window(covering: $0) }
        if limits != nil, limit == nil { return nil }
        var used: [PlacedScene] = []
        var pieces: [PixelWindow] = []
        for scene in scenes {
            guard let placed = try place(scene, on: pixels) else { continue }
            let cells = placed.window.coarsened(by: cellSize)
            let piece = limit.map { cells.intersection($0) } ?? cells
            guard !piece.isEmpty, area.mayMeet(lattice.grid(of: piece).bounds) else {
                // Outside of the area, but windows at its edge see it: what they say must not hang on where the area ends. A scene
                // that could not be mapped itself stays out of sight.
                let sight = limit.map { cells.intersection($0.expanded(by: windows.windowSize)) }
                if let sight, !sight.isEmpty, isUsable(scene, bands: placed.bands) { used.append(placed) }
                continue
            }
            if let warning = try scene.checkDetail(for: layout.gsd, isForMap: true) { warnings.append(warning) }
            if let warning = scene.alphaWarning { warnings.append(warning) }
            if let warning = try checkGround(of: piece, scene, on: lattice) { warnings.append(warning) }
            if request.bands[scene.path] == nil,
                let assumption = scene.bands.assumption(
                    scene.bands.numbered(placed.bands), as: layout.bands.map(\.name), in: scene.path)
            {
                warnings.append(assumption)
            }
            if let note = scene.bands.numbered(placed.bands).scaleNote(layout.stretch, in: scene.path) {
                warnings.append(note)
            }
            try scene.checkValues(for: layout, bands: placed.bands)
            used.append(placed)
            pieces.append(piece)
        }
        guard let first = pieces.first else { return nil }
        try checkAgreement(
            used.compactMap { facts[$0.path]?.read($0.bands, asked: request.bands.asked($0.path)) },
            stretch: layout.stretch)
        let window = pieces.dropFirst().reduce(first) { around($0, $1) }
        guard window.width <= Int(Int32.max), window.height <= Int(Int32.max) else {
            throw MappingError(
                .tooLarge,
                "the map would have \(window.width) x \(window.height) pixels, but GDAL takes at most 2147483647 per side",
                in: output, try: "give an area of interest (\(Setting.areaOfInterest)), or fewer scenes")
        }
        let shape = writing.shape
        try checkTiles(window, bands: writing.bands.count, shape: shape, output: output)
        if let bands = writing.probabilityBands?.count {
            try checkTiles(window, bands: bands, shape: BlockShape(blended: bands, written: bands), output: output)
        }
        let smallest = try writing.outputs.smallestPixels(
            side: (layout.gsd ?? used[0].gsd) * Double(cellSize))
        // What was never written costs nothing, neither work nor disk.
        let coverage = SceneMosaic(MosaicPlan(lattice: pixels, layout: layout, scenes: used), open: open)
        let blocks = try blockWindows(pieces: pieces, in: window, side: shape.side, output: output)
            .filter { area.mayMeet(lattice.grid(of: $0.shifted(columns: window.column, rows: window.row)).bounds) }
            .filter {
                try !coverage.isEmpty(
                    $0.shifted(columns: window.column, rows: window.row).refined(by: cellSize))
            }
        let sketch = try Sketch(window: window, lattice: lattice, pieces: pieces, area: area)
        guard sketch.cells > 0 else { return nil }
        let grid = lattice.grid(of: window)
        let metres = try grid.groundSampleDistance().metres
        // Counted in whole blocks of the file; floats of a network hardly compress, overviews add a third.
        let edge = Double(min(shape.fileBlock, max(window.width, window.height)))
        let covered = blocks.reduce(0.0) { $0 + Double($1.width) * Double($1.height) }
        let stored = min(sketch.pixels, covered) + Double(blocks.count) * edge * edge
        let bytes = writing.bytesPerPixel
        return (
            MapPlan.Part(
                output: output, lattice: lattice, inputLattice: pixels, cellSize: cellSize, windows: windows,
                window: window, grid: grid, scenes: used, blocks: blocks, blockSide: shape.side,
                windowCount: blocks.reduce(0) { $0 + sketch.windowCount(block: $1, windows: windows) },
                squareKilometres: sketch.pixels * metres * metres / 1e6,
                temporaryBytes: Int(saturating: stored * Double(bytes.temporary)),
                outputBytes: Int(saturating: stored * Double(bytes.kept) * 4 / 3),
                smallestPixels: smallest > 1 ? smallest : nil,
                keptBytes: request.resume
                    ? Int(saturating: covered * Double(writing.rowShape.bytesPerPixel + 1)) : nil), warnings
        )
    }

    /// Refuses a file with more tiles than a TIFF can have.
    private func checkTiles(_ window: PixelWindow, bands: Int, shape: BlockShape, output: String) throws {
        guard shape.tiles(width: window.width, height: window.height, bands: bands) <= BlockShape.mostTiles else {
            throw MappingError(
                .tooLarge,
                "a map of \(window.width) x \(window.height) pixels in \(bands) band\(bands == 1 ? "" : "s") has too many tiles for a TIFF",
                in: output, why: ["the map covers the bounding rectangle of all scenes"],
                try:
                    "give an area of interest (\(Setting.areaOfInterest)), scenes that are close together, or fewer bands"
            )
        }
    }

    /// Where a scene is on a lattice and how it is read there; `nil` where it has no place in the lattice's CRS.
    private func place(_ scene: Scene, on lattice: PixelLattice) throws -> PlacedScene? {
        try PlacedScene(
            scene, on: lattice,
            bands: scene.chosen(
                .named(layout.bands.map(\.name)), asked: request.bands[scene.path], by: "the model",
                grayAsColour: request.grayAsColour
            ).map(\.index), gsd: layout.gsd)
    }

    /// Whether a scene has the detail and the values that the model knows.
    private func isUsable(_ scene: Scene, bands: [Int]) -> Bool {
        do {
            _ = try scene.checkDetail(for: layout.gsd, isForMap: true)
            try scene.checkValues(for: layout, bands: bands)
            return true
        } catch {
            return false
        }
    }

    /// Refuses ground on which the lattice's pixels are not of the model's GSD: it was laid out at the first scene's place.
    private func checkGround(of piece: PixelWindow, _ scene: Scene, on lattice: PixelLattice) throws -> String? {
        guard let gsd = layout.gsd else { return nil }
        let metres = try lattice.grid(of: piece).groundSampleDistance().metres / Double(cellSize)
        guard abs(metres / gsd - 1) > 0.05 else { return nil }
        let found =
            "a pixel of the map's grid (\(lattice.crs.name), set by the first scene) is \(rounded(metres, 3)) m on the ground here, but the model was trained at \(rounded(gsd, 3)) m"
        guard metres < gsd * 1.25, metres > gsd / 1.25 else {
            throw MappingError(
                .badRequest, found, in: scene.path,
                try: request.offersSplit
                    ? "map scenes that are so far apart one by one, or warp them to their UTM zones and give \(Setting.split)"
                    : "process scenes that are so far apart one by one")
        }
        return "\(scene.path): \(found)"
    }

    /// Refuses to write over what is read, whatever was said about overwriting.
    private static func refuseInputs(_ files: [String], _ beside: Sidecars, _ request: MapRequest) throws {
        let inputs =
            request.scenes.flatMap(RasterReader.files) + [request.aoi, request.model.path].compactMap { $0 }
            + request.otherInputs
        for path in files {
            guard let input = inputFile(at: path, among: inputs) else { continue }
            throw MappingError(
                .exists, "the map or a file next to it would overwrite an input", in: path,
                why: ["'\(input)' is an input of the map"],
                try: "give \(UserAction.value("another name", for: path == beside.polygons ? .polygons : .output))")
        }
    }

    private static func refuseExisting(_ output: String, _ beside: Sidecars, _ request: MapRequest) throws {
        for path in [output] + beside.asked {
            if let problem = outputNameProblem(path) {
                throw MappingError(.badRequest, problem.what, in: path, try: problem.remedy)
            }
            var isFolder = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder {
                // A folder is not replaced by a map, whatever was said about overwriting.
                throw MappingError(
                    .exists, "the output is a folder", in: path,
                    try: path == output ? "\(Setting.output) \(shellQuoted("\(path)/NAME.tif"))" : nil)
            }
        }
        if let polygons = beside.polygons {
            guard ([output] + beside.all).count(where: { $0 == polygons }) == 1 else {
                throw MappingError(
                    .badRequest, "the polygons would have the name of another file of the map", in: polygons,
                    try: "give them another name")
            }
            let folder = parentFolder(polygons)
            guard FileManager.default.fileExists(atPath: folder) else {
                throw MappingError(
                    .writeFailed, "the folder '\(folder)' does not exist", in: polygons, try: folderRemedy(folder))
            }
        }
        guard !request.overwrite else { return }
        let published = JournalFolder.published(request.output)
        for path in [output] + beside.all where FileManager.default.fileExists(atPath: path) {
            // Whether this very map has made it.
            let isUnfinished = published.contains(JournalFolder.publishedName(path, of: request.output))
            if request.resume, isUnfinished { continue }
            let name = path == beside.polygons ? Setting.polygons : Setting.output
            throw MappingError(
                .exists, "the output exists already", in: path,
                why: isUnfinished ? ["it is of a map that was interrupted when it was nearly finished"] : [],
                try: isUnfinished
                    ? "\(UserAction.resumeSameCommand), or \(Setting.overwrite) to replace it"
                    : "\(Setting.overwrite) to replace it, or another \(name)")
        }
        // Hours of work may be in them.
        guard request.resume || !JournalFolder.holdsRows(request.output) else {
            try JournalFolder.refuseHeld(request.output)
            throw MappingError(
                .exists, "rows of an unfinished map are kept for this output",
                in: JournalFolder.path(of: request.output),
                try: "add \(Setting.resume) to the command that began that map; \(Setting.overwrite) discards the rows")
        }
    }

    /// The error that shows both places.
    private static func missed(
        _ request: MapRequest, _ aoi: AreaOfInterest?, _ scenes: [Scene]
    ) -> MappingError {
        let all = scenes.dropFirst().reduce(scenes[0].degrees) { $0.union($1.degrees) }
        guard let aoi else {
            return MappingError(
                .badArea, "the map would have no pixels", in: request.scenes[0],
                why: ["the scenes' bounds are \(boundsText(all)) (longitude and latitude)"],
                try: "check the scenes: gdalinfo \(shellQuoted(request.scenes[0]))")
        }
        if DegreeArea(aoi: aoi, scenes: scenes.map(\.degrees)).meets(west: -180, east: 180) {
            return MappingError(
                .badArea, "no pixel of the map has its centre in the area of interest", in: request.aoi ?? "",
                why: ["the area is narrower than a pixel, or only touches the scenes' corners"],
                try: "\(Setting.allTouched), which includes every pixel that the area touches")
        }
        return MappingError(
            .badArea, "the area of interest does not overlap the scenes", in: request.aoi ?? "",
            why: [
                "the area's bounds are \(boundsText(aoi.bounds)) (west south east north, degrees)",
                "the scenes' bounds are \(boundsText(all))",
            ],
            try:
                "check that the area's coordinates are longitude and latitude, in this order, and that the right scenes are given"
        )
    }
}

/// The cosine of an angle in degrees.
private func cosine(_ degrees: Double) -> Double { cos(degrees * .pi / 180) }

/// The smallest window that holds both.
func around(_ a: PixelWindow, _ b: PixelWindow) -> PixelWindow {
    let left = min(a.column, b.column)
    let top = min(a.row, b.row)
    return PixelWindow(
        column: left, row: top, width: max(a.column + a.width, b.column + b.width) - left,
        height: max(a.row + a.height, b.row + b.height) - top)
}

extension PixelWindow {
    /// The pixels of a window of squares of `cell` pixels.
    func refined(by cell: Int) -> PixelWindow {
        PixelWindow(column: column * cell, row: row * cell, width: width * cell, height: height * cell)
    }

    /// The window of squares of `cell` pixels that holds all of this one.
    func coarsened(by cell: Int) -> PixelWindow {
        guard cell > 1 else { return self }
        let left = floorDivide(column, cell)
        let top = floorDivide(row, cell)
        return PixelWindow(
            column: left, row: top, width: floorDivide(column + width - 1, cell) + 1 - left,
            height: floorDivide(row + height - 1, cell) + 1 - top)
    }
}
