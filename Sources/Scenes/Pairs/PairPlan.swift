// What a pair is, once image and truth were looked at: its pixels, and how both are read onto them.
internal import Geo
internal import Raster
internal import Telemetry

/// An image and a truth on common pixels.
struct PairPlan: Sendable {
    /// The pixels.
    let frame: PixelFrame
    /// Those that the pair has.
    let window: PixelWindow
    /// How the image is read.
    let mosaic: MosaicPlan
    /// How the truth is read.
    let truth: TruthPlan
    /// What was asked for of the window.
    let area: LatticeArea
    /// What the image's bands are, for comparison with other pairs'.
    let imageBands: SceneBands
    /// What the user should know.
    let warnings: [String]
}

/// The bands of a pair's image.
private struct ImageBands {
    let numbers: [Int]
    let read: SceneBands
    var warnings: [String] = []

    /// Finds the bands that the layout wants and checks their values and their detail.
    ///
    /// - Parameters:
    ///   - asked: Bands that a person named, from 1.
    ///   - gsd: Metres on the ground per pixel.
    ///   - alphaWarning: What is to be said of a band that was set aside.
    init(
        _ image: some BandedRaster, layout: PixelLayout, asked: [Int]?, gsd: Double, alphaWarning: String?
    ) throws(SceneError) {
        let chosen = try image.chosen(.named(layout.bands.map(\.name)), asked: asked, by: "the model")
        numbers = chosen.map(\.index)
        read = image.read(numbers, asked: asked != nil ? .forThis : .automatically)
        try image.checkValues(for: layout, bands: numbers)
        if asked == nil, let assumption = image.bands.assumption(chosen, as: layout.bands.map(\.name), in: image.path) {
            warnings.append(assumption)
        }
        if let note = chosen.scaleNote(layout.stretch, in: image.path) { warnings.append(note) }
        if let alphaWarning { warnings.append(alphaWarning) }
        if let warning = try image.checkDetail(of: gsd, for: layout.gsd, isForMap: false) { warnings.append(warning) }
    }
}

// MARK: - By place

extension PairPlan {
    /// Brings an image and a truth together by their places on Earth; see `RasterPair`.
    init(
        placed reader: RasterReader, truth: PairTruth, layout: PixelLayout, bands: [Int]?, aoi: String?,
        _ open: OpenScenes
    ) throws {
        let image = try Scene(reader)
        let crs = image.gridCRS()
        let lattice = try image.lattice(crs, gsd: layout.gsd).lattice
        let found = try ImageBands(
            image, layout: layout, asked: bands, gsd: image.gsd, alphaWarning: image.alphaWarning)
        let raw = try aoi.map { try AreaOfInterest(path: $0) }
        let area = try LatticeArea(aoi: raw?.transformed(to: crs), allTouched: false, noClip: false)
        let plan = try TruthPlan(truth, on: lattice, gsd: layout.gsd ?? image.gsd, open)
        let apart = try Self.apart(image, truth, plan, raw)
        guard let scene = try PlacedScene(image, on: lattice, bands: found.numbers, gsd: layout.gsd), let plan else {
            throw apart
        }
        var shared = scene.window.intersection(plan.window)
        // Labels of classes are sparse as a rule: a crop may reach beyond them.
        if truth.legend != nil, !shared.isEmpty { shared = scene.window }
        if let bounds = area.bounds {
            guard let limit = lattice.window(covering: bounds) else { throw apart }
            shared = shared.intersection(limit)
        }
        guard !shared.isEmpty, !shared.intersection(plan.window).isEmpty else { throw apart }
        let mosaic = MosaicPlan(
            lattice: lattice, layout: layout, scenes: [scene],
            stretches: [try open.stretchParameters(of: image.path, bands: found.numbers, layout: layout)])
        self.init(
            frame: .lattice(lattice), window: shared, mosaic: mosaic, truth: plan, area: area, imageBands: found.read,
            warnings: found.warnings + (raw?.warnings ?? []))
    }

    /// The error of an image and a truth without common ground.
    private static func apart(
        _ image: Scene, _ truth: PairTruth, _ plan: TruthPlan?, _ aoi: AreaOfInterest?
    ) throws -> SceneError {
        let inspect =
            if case .labels = truth { "ogrinfo -al -so \(shellQuoted(truth.path))" } else {
                "gdalinfo \(shellQuoted(truth.path))"
            }
        return SceneError(
            .badPairs,
            "\(aoi == nil ? "the image and the target" : "the image, the target and the area of interest") do not overlap",
            in: image.path,
            why: ["the image's bounds are \(boundsText(image.degrees)) (west south east north, degrees)"]
                + (plan?.degrees.map { ["the bounds of \(truth.path) are \(boundsText($0))"] } ?? [])
                + (try aoi.map { ["the area's bounds are \(boundsText(try $0.transformed(to: .wgs84).bounds))"] } ?? []),
            try:
                "check that both show the same place, and check their CRS: gdalinfo \(shellQuoted(image.path)); \(inspect)"
        )
    }
}

// MARK: - Pixel on pixel

extension PairPlan {
    /// Lays the raster of a truth on an image without a place, pixel on pixel.
    ///
    /// - Parameter gsd: Metres on the ground per pixel of the image.
    init(
        unplaced reader: RasterReader, gsd: Double, truth: PairTruth, layout: PixelLayout, bands: [Int]?,
        aoi: String?, _ open: OpenScenes
    ) throws {
        precondition(gsd > 0 && gsd.isFinite, "a pixel needs a size above 0, got \(gsd) m")
        try Self.checkUnplaced(reader, truth, aoi: aoi)
        try Self.checkSize(of: truth, on: reader, open)
        let found = try ImageBands(
            reader, layout: layout, asked: bands, gsd: gsd, alphaWarning: try? reader.alphaWarning())
        let wanted = layout.gsd ?? gsd
        // As on a lattice: pixels of nearly the size wanted stay as they are.
        let step = abs(wanted / gsd - 1) < 0.01 ? 1 : wanted / gsd
        let frame = PixelFrame.pixels(step: step, gsd: step == 1 ? gsd : wanted)
        func pixels(_ count: Int) -> Int { max(1, Int((Double(count) / step - 1e-3).rounded(.up))) }
        let window = PixelWindow(
            column: 0, row: 0, width: pixels(reader.grid.width), height: pixels(reader.grid.height))
        let scene = PlacedScene(unplaced: reader.path, bands: found.numbers, gsd: gsd, step: step, window: window)
        self.init(
            frame: frame, window: window,
            mosaic: MosaicPlan(
                frame: frame, layout: layout, scenes: [scene],
                stretches: [try open.stretchParameters(of: reader.path, bands: found.numbers, layout: layout)]),
            truth: TruthPlan(truth, frame: frame, step: step, window: window), area: LatticeArea(aoi: nil),
            imageBands: found.read, warnings: found.warnings)
    }

    /// Refuses what needs a place on Earth.
    private static func checkUnplaced(_ image: RasterReader, _ truth: PairTruth, aoi: String?) throws(SceneError) {
        let gap = image.placeMissing(role: "image")
        let place = gap.remedy.map { "; or give the image a place: \($0)" } ?? ""
        if case .labels = truth {
            throw SceneError(
                .noCRS, "the labels are shapes with places on Earth, but the image has no place", in: image.path,
                why: gap.causes,
                try:
                    "give labels as a raster of \(image.grid.width) x \(image.grid.height) pixels, as the image has\(place)"
            )
        }
        if aoi != nil {
            throw SceneError(
                .noCRS, "an area of interest is a place on Earth, but the image has none", in: image.path,
                why: gap.causes, try: "leave out \(Setting.areaOfInterest)\(place)")
        }
    }

    /// Refuses a truth of another size.
    private static func checkSize(of truth: PairTruth, on image: RasterReader, _ open: OpenScenes) throws {
        let found = try open.reader(truth.path).grid
        let wanted = image.grid
        guard found.width != wanted.width || found.height != wanted.height else { return }
        throw SceneError(
            .badPairs,
            "the target has \(found.width) x \(found.height) pixels, but its image \(wanted.width) x \(wanted.height); without a place both need the same",
            in: truth.path, why: ["the image is \(image.path)"],
            try:
                "if both show the same ground: gdal_translate -r nearest -outsize \(wanted.width) \(wanted.height) \(shellQuoted(truth.path)) resized.tif"
        )
    }
}
