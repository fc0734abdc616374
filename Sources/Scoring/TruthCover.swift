// A truth of classes with its files open.
import Geo
import Raster
import Telemetry

/// A truth, read onto grids.
struct TruthCover {
    private enum Source {
        case raster(CoverRaster)
        case labels(LabelLayer, allTouched: Bool, lineWidth: Double?)
    }

    private let source: Source
    private let meanings: [LabelValue: Legend.Meaning]

    /// Opens a truth whose values a legend explains.
    ///
    /// - Throws: `badLegend` for a layer with values that the legend does not name; of a raster only reading tells.
    init(_ truth: LandCoverTruth, legend: Legend) throws(ScoringError) {
        meanings = legend.meanings
        switch truth {
        case .raster(let path, let band):
            source = .raster(
                try CoverRaster(path, band: band, role: "truth", legend: legend, codes: ClassCodes(labelsOf: legend)))
        case .labels(let layer, let allTouched, let lineWidth):
            source = .labels(layer, allTouched: allTouched, lineWidth: lineWidth)
            let unknown = layer.values.filter { meanings[$0.value] == nil }
            if !unknown.isEmpty {
                throw legend.refusal(ofLabels: unknown, unit: "features", subject: "the truth holds", in: layer.path)
            }
        }
    }

    /// The raster; `nil` for a vector layer.
    var raster: CoverRaster? {
        if case .raster(let raster) = source { raster } else { nil }
    }

    /// The file.
    var path: String {
        switch source {
        case .raster(let raster): raster.path
        case .labels(let layer, _, _): layer.path
        }
    }

    /// Where it is, for messages.
    var placeText: String {
        switch source {
        case .raster(let raster): raster.grid.placeText
        case .labels(let layer, _, _):
            "in \(layer.crs.name) at \(layer.bounds.minX) \(layer.bounds.minY) \(layer.bounds.maxX) \(layer.bounds.maxY)"
        }
    }

    /// The codes of a grid's pixels, and the numbers of a raster that they come from; `nil` where nothing is known.
    func read(onto grid: Grid) throws(ScoringError) -> (codes: [Int16], values: [Int32])? {
        switch source {
        case .raster(let raster):
            let (values, validity) = try raster.read(onto: grid)
            guard validity.contains(true) else { return nil }
            var codes = [Int16](repeating: ClassCodes.absent, count: values.count)
            for i in codes.indices where validity[i] { codes[i] = raster.codes.code(of: values[i]) }
            return (codes, values)
        case .labels(let layer, let allTouched, let lineWidth):
            do {
                // Lines with a width may reach further than themselves.
                if lineWidth == nil, try !layer.overlaps(grid) { return nil }
                let burnt = try layer.burn(onto: grid, allTouched: allTouched, lineWidth: lineWidth) {
                    meanings[$0] ?? .unknown
                }
                guard burnt.validity.contains(true) else { return nil }
                return (zip(burnt.indices, burnt.validity).map { $1 ? Int16($0) : ClassCodes.absent }, [])
            } catch {
                throw ScoringError(
                    .readFailed, "cannot draw the truth on the map's grid", in: layer.path, why: causes(of: error),
                    try: error.remedy)
            }
        }
    }
}
