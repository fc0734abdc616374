// A raster of classes, opened and checked against a legend.
import Geo
import Raster
import Telemetry

/// A raster of classes, and what its numbers stand for.
struct CoverRaster {
    let path: String
    let codes: ClassCodes
    /// What it is to the reader: `map`, `truth`.
    let role: String
    private let raster: ClassRaster

    /// Opens a raster.
    ///
    /// - Parameter band: The number of the band, from 1; `nil` takes the only one.
    init(_ path: String, band: Int? = nil, role: String, legend: Legend, codes: ClassCodes) throws(ScoringError) {
        do { raster = try ClassRaster(path: path, band: band) } catch {
            guard !error.isCancellation else { throw ScoringError(stopped: error) }
            throw ScoringError(
                .readFailed, "cannot open the \(role)", in: path, why: causes(of: error), try: error.remedy)
        }
        self.path = path
        self.role = role
        self.codes = codes
        if let error = legend.contradiction(raster.names, codes, role: role, in: path) { throw error }
    }

    /// Where its pixels are.
    var grid: Grid { raster.grid }

    /// The error of a raster that does not say where on Earth it is.
    var placeMissing: ScoringError {
        let said = try? RasterReader(path: path, options: RasterOpenOptions(expandPalette: false))
        guard let error = said?.placeMissing(role: role) else {
            return ScoringError(.noCRS, "the \(role) is not georeferenced", in: path)
        }
        return ScoringError(.noCRS, error.what, in: path, why: error.causes, try: error.remedy)
    }

    /// Numbers on a grid: the most frequent under a large pixel, the nearest under a small one.
    func read(onto grid: Grid) throws(ScoringError) -> (values: [Int32], validity: [Bool]) {
        do { return try raster.values(onto: grid) } catch {
            guard !error.isCancellation else { throw ScoringError(stopped: error) }
            throw ScoringError(
                .readFailed, "cannot read the \(role)", in: path, why: causes(of: error), try: error.remedy)
        }
    }
}
