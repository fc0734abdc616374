// A map of classes and its truth side by side, window by window.
import Geo
import Measures
import Raster
import Telemetry

/// A map and a truth that can be compared: on the truth's grid where that is a raster, else on the map's.
struct LandCoverComparison {
    private let map: CoverRaster
    private let truth: TruthCover
    private let aoi: AreaOfInterest?
    private let grid: Grid
    /// The file that has the grid, and what it is to the reader.
    private let owner: (path: String, role: String)
    /// The way from the grid to the map's own.
    private let toMap: CoordinateTransformer?
    /// The part of the grid that map and AOI may reach.
    private let area: PixelWindow
    /// Pixels that a window shows around those that count.
    private let margin: Int
    /// The distance from a border up to which a pixel counts as near it, in pixels; `nil` where borders are not compared.
    let boundary: Int?

    /// The largest distance from borders that can be asked for.
    private static let largestBoundary = 1024
    /// The largest that is taken without being asked for.
    private static let usualBoundary = 64

    init(
        map: String, truth: LandCoverTruth, legend: Legend, aoi: AreaOfInterest?, boundary: Int?
    ) throws(ScoringError) {
        if let boundary, !(1...Self.largestBoundary).contains(boundary) {
            throw ScoringError(
                .badRange, "pixels within \(boundary) pixels of a border cannot be scored", in: map,
                try: "give a distance of 1 to \(Self.largestBoundary) pixels")
        }
        self.map = try CoverRaster(map, role: "map", legend: legend, codes: ClassCodes(mapsOf: legend))
        self.truth = try TruthCover(truth, legend: legend)
        let mapGrid = self.map.grid
        if let raster = self.truth.raster {
            try Self.checkPlaces(self.map, raster)
            grid = raster.grid
            owner = (raster.path, raster.role)
            let distance =
                boundary
                ?? min(Self.usualBoundary, BoundaryTally.distance(width: grid.width, height: grid.height))
            self.boundary = distance
            margin = distance
        } else {
            guard mapGrid.crs != nil else { throw self.map.placeMissing }
            if boundary != nil {
                throw ScoringError(
                    .badRange, "borders are scored only where the truth is a raster", in: self.truth.path,
                    try: "give a raster as the truth, or no distance from borders")
            }
            grid = mapGrid
            owner = (map, self.map.role)
            self.boundary = nil
            margin = 0
        }
        do {
            toMap =
                if let from = grid.crs, let to = mapGrid.crs { try CoordinateTransformer(from: from, to: to) } else {
                    nil
                }
        } catch {
            throw ScoringError(.noCRS, error.what, in: self.truth.path, why: error.causes, try: error.remedy)
        }
        var area = grid.window(reachedBy: mapGrid.bounds, in: mapGrid.crs)
        if let aoi {
            let reached = try aoi.reached(on: grid, of: owner.path, role: owner.role)
            self.aoi = reached
            area = reached.part(of: area, on: grid)
        } else {
            self.aoi = nil
        }
        self.area = area
        guard !area.isEmpty else { throw noOverlap }
    }

    /// Refuses rasters of which one is nowhere, unless both are and have the same pixels.
    private static func checkPlaces(_ map: CoverRaster, _ truth: CoverRaster) throws(ScoringError) {
        if map.grid.crs == nil, truth.grid == map.grid { return }
        for raster in [map, truth] where raster.grid.crs == nil { throw raster.placeMissing }
    }

    private var aoiPart: String { aoi == nil ? "" : " inside the AOI" }

    /// Where both are.
    private var places: String { "map \(map.grid.placeText), truth \(truth.placeText) (\(truth.path))" }

    /// The command that shows what is known of the truth.
    private var inspection: String {
        "\(truth.raster == nil ? "ogrinfo -al -so" : "gdalinfo") \(shellQuoted(truth.path))"
    }

    /// The error for files that have nothing in common.
    var noOverlap: ScoringError {
        ScoringError(
            .noOverlap, "the map and the truth have no classified pixels in common\(aoiPart)", in: map.path,
            why: [places], try: "compare with: \(inspection)")
    }

    /// The error for files that may share ground, but of which no pixel could be compared.
    ///
    /// - Parameter labelled: Pixels of it that the truth labels.
    func nothingCompared(labelled: Int) -> ScoringError {
        guard labelled == 0 else {
            return ScoringError(
                .noOverlap, "the map has no classes where the truth has labels\(aoiPart)", in: map.path,
                why: ["\(counted(labelled, "pixels")) with a label, for none of which the map has a class", places],
                try:
                    "give a map with classes on the ground of the labels, or check where this one is nodata or unsure: gdalinfo \(shellQuoted(map.path))"
            )
        }
        let isRaster = truth.raster != nil
        return ScoringError(
            .noOverlap, "the truth has no labels where the map is\(aoiPart)", in: truth.path,
            why: [
                isRaster
                    ? "its pixels there are nodata, or values that the legend leaves out"
                    : "no pixel there has one class: labels are elsewhere, too small, or of two classes",
                places,
            ],
            try: isRaster
                ? "check its nodata value, and what the legend leaves out: \(inspection)"
                : "check where its labels are: \(inspection)")
    }

    /// Refuses a truth or a map with values that the legend does not name, of which there are these pixels.
    func check(
        unknownTruths: [Int: Int], unknownPredictions: [Int: Int], _ legend: Legend
    ) throws(ScoringError) {
        if !unknownTruths.isEmpty {
            throw legend.refusal(
                ofLabels: unknownTruths.map { (LabelValue.number($0.key), $0.value) }, unit: "pixels",
                subject: "the truth holds",
                in: truth.path)
        }
        if !unknownPredictions.isEmpty { throw legend.refusal(ofMap: unknownPredictions, in: map.path) }
    }

    /// Reads map and truth window by window, and hands over what each holds.
    func visit(
        _ progress: ProgressHandler, _ take: (ComparedCover) throws(ScoringError) -> Void
    ) throws(ScoringError) {
        try WindowWalk(area: area).forEach(of: map.path, progress) { window throws(ScoringError) in
            if let cover = try compare(window) { try take(cover) }
        }
    }

    /// What a window holds; `nil` where nothing is known of it.
    private func compare(_ window: PixelWindow) throws(ScoringError) -> ComparedCover? {
        // Beyond the grid's edges there is nothing, which reading says by itself.
        let seen = grid.grid(of: window.expanded(by: margin))
        var mask: [Bool]?
        if let aoi {
            let pixels = try aoi.pixels(of: seen, in: owner.path, role: owner.role)
            guard pixels.contains(true) else { return nil }
            mask = pixels
        }
        guard let known = try truth.read(onto: seen) else { return nil }
        var cover = ComparedCover(width: window.width, height: window.height, margin: margin)
        let isCounted = cover.isCounted
        var isKnown = false
        for i in known.codes.indices where mask?[i] ?? true {
            let code = known.codes[i]
            if code >= 0 {
                cover.truths[i] = UInt8(code)
                isKnown = true
                if isCounted[i] { cover.labelled += 1 }
            } else if code == ClassCodes.unknown, isCounted[i] {
                cover.unknownTruths[Int(known.values[i]), default: 0] += 1
            }
        }
        guard isKnown else { return cover }
        let (values, validity) = try map.read(onto: seen)
        var missing: [Int] = []
        for i in values.indices where cover.truths[i] != ConfusionTally.none {
            let code = validity[i] ? map.codes.code(of: values[i]) : ClassCodes.absent
            switch code {
            case ClassCodes.unsure: break
            case ClassCodes.absent:
                cover.truths[i] = ConfusionTally.none
                if isCounted[i] { missing.append(i) }
            case ClassCodes.unknown:
                cover.truths[i] = ConfusionTally.none
                if isCounted[i] { cover.unknownPredictions[Int(values[i]), default: 0] += 1 }
            default: cover.predictions[i] = UInt8(code)
            }
        }
        cover.missing = mappedCount(of: missing, on: seen)
        return cover
    }

    /// How many of some pixels of a grid have their centre inside the map's bounds: beyond them nothing was mapped.
    private func mappedCount(of pixels: [Int], on seen: Grid) -> Int {
        guard !pixels.isEmpty else { return 0 }
        let centres = pixels.map { pixel in
            seen.transform.point(
                column: Double(pixel % seen.width) + 0.5, row: Double(pixel / seen.width) + 0.5)
        }
        let mapGrid = map.grid
        // Degrees come round.
        let turns: [Double] = mapGrid.crs?.isGeographic ?? false ? [0, -360, 360] : [0]
        let places = toMap?.transform(centres) ?? centres.map { $0 }
        return places.count { place in
            place.map { place in turns.contains { mapGrid.pixel(x: place.x + $0, y: place.y) != nil } } ?? false
        }
    }
}
