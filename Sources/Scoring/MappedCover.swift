// A map of classes on its own grid: which class each pixel has, and how much ground that is.
import Geo
import Measures
import Raster
import Telemetry

/// A map of classes, inside an AOI.
struct MappedCover {
    /// The map's own grid.
    let grid: Grid
    /// Its CRS.
    let crs: CoordinateReferenceSystem
    let path: String
    private let map: CoverRaster
    private let legend: Legend
    private let aoi: AreaOfInterest?
    private let area: PixelWindow

    /// Rows whose pixels are taken to be as large as in their middle, in degrees, where x and y are degrees.
    private static let strip = 0.25

    init(map path: String, legend: Legend, aoi: AreaOfInterest?) throws(ScoringError) {
        self.path = path
        self.legend = legend
        map = try CoverRaster(path, role: "map", legend: legend, codes: ClassCodes(mapsOf: legend))
        grid = map.grid
        guard let crs = grid.crs else { throw map.placeMissing }
        self.crs = crs
        if let aoi {
            let reached = try aoi.reached(on: grid, of: path, role: "map")
            self.aoi = reached
            area = reached.part(of: grid.window, on: grid)
        } else {
            self.aoi = nil
            area = grid.window
        }
    }

    /// Hands over the class of each pixel, window by window; 255 where there is none, the map is unsure, or the AOI ends.
    ///
    /// - Throws: `badLegend` for values that are not classes of the legend, after all were counted.
    func visit(
        _ progress: ProgressHandler, _ take: (_ window: PixelWindow, _ classes: [UInt8]) throws(ScoringError) -> Void
    ) throws(ScoringError) {
        var unknown: [Int: Int] = [:]
        try WindowWalk(area: area).forEach(of: path, progress) { window throws(ScoringError) in
            let part = grid.grid(of: window)
            let mask = try aoi?.pixels(of: part, in: path, role: "map")
            guard mask?.contains(true) ?? true else { return }
            let (values, validity) = try map.read(onto: part)
            guard validity.contains(true) else { return }
            var classes = [UInt8](repeating: ConfusionTally.none, count: values.count)
            for i in values.indices where validity[i] && mask?[i] ?? true {
                let code = map.codes.code(of: values[i])
                if code >= 0 {
                    classes[i] = UInt8(code)
                } else if code == ClassCodes.unknown, unknown.count < 4096 || unknown[Int(values[i])] != nil {
                    unknown[Int(values[i]), default: 0] += 1
                }
            }
            try take(window, classes)
        }
        if !unknown.isEmpty { throw legend.refusal(ofMap: unknown, in: path) }
    }

    /// Square metres on the ground of a window's pixels, row by row.
    func pixelAreas(of window: PixelWindow) throws(ScoringError) -> [Double] {
        // In degrees the pixels of each row differ, in metres hardly those of a window.
        let lines = Self.strip / max(abs(grid.transform.rowY), abs(grid.transform.columnY))
        let step = crs.isGeographic ? max(1, Int(min(lines, 1024))) : max(window.height, 1)
        var areas: [Double] = []
        for row in stride(from: 0, to: window.height, by: step) {
            let height = min(step, window.height - row)
            let part = PixelWindow(column: window.column, row: window.row + row, width: window.width, height: height)
            let size: GroundSampleDistance
            do { size = try grid.grid(of: part).groundSampleDistance() } catch {
                throw ScoringError(
                    .readFailed, "cannot determine the size of the map's pixels on the ground", in: path,
                    why: causes(of: error), try: error.remedy)
            }
            areas += [Double](repeating: size.x * size.y, count: height)
        }
        return areas
    }

    /// The error of a map without a class, or of an AOI in which it has none.
    var noClasses: ScoringError {
        ScoringError(
            .noOverlap, "the map has no classes" + (aoi == nil ? "" : " inside the AOI"), in: path,
            why: ["map \(grid.placeText)"], try: "gdalinfo \(shellQuoted(path))")
    }
}
