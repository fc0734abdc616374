// An open raster: what it is and where it lies. Reading is in RasterReader+Window and RasterReader+Warp.
internal import CGDAL
public import Geo
public import Telemetry

/// A raster opened for reading: any format of GDAL, any number of bands, always with validity.
///
/// Not `Sendable`: open one per thread. It closes itself.
public final class RasterReader {
    /// The path as it was given.
    public let path: String
    /// Where its pixels lie: as stored, rotated or south-up too; with ground control points only, the grid that
    /// their polynomial gives.
    public let grid: Grid
    /// The bands that can be read, which alpha is not; a palette counts as red, green and blue unless the
    /// options say else.
    public let bands: [RasterBand]

    let dataset: Dataset
    let source: PixelSource
    let controlPoints: ControlPoints?
    /// What is missing of its place.
    let placeGap: PlaceGap?
    /// Whether reading may wait for another machine.
    let isRemote: Bool

    /// Opens a raster.
    ///
    /// - Throws: `notFound`, `notRaster`, `unsupported` (complex values, blocks above 512 MB, containers),
    ///   `badGrid`, `noCRS` when the options ask for one, `badCRS`, `cancelled` while it waits, `gdalMissing`.
    public init(path: String, options: RasterOpenOptions = .init()) throws(RasterError) {
        self.path = path
        let isRemote = Dataset.mayWait(path)
        self.isRemote = isRemote
        let opened = try GDAL.waiting(isRemote, for: path) { () throws(RasterError) in
            let dataset = try Dataset.open(path, options)
            let source = try PixelSource(dataset, options)
            let native = try Self.nativeGrid(dataset)
            // GDAL looks for files beside the raster when it is first asked for these.
            if isRemote { for domain in ["", "IMAGERY"] { _ = dataset.metadata(domain) } }
            return (dataset: dataset, source: source, native: native)
        }
        dataset = opened.dataset
        source = opened.source
        bands = source.bands
        grid = opened.native.grid
        controlPoints = opened.native.points
        placeGap = opened.native.gap
        if options.requireCRS, grid.crs == nil {
            throw placeMissing()
        }
    }

    /// The files that hold it, such as the sources of a virtual raster and sidecars, and their own; what is not a file is left out.
    public static func files(of path: String) -> [String] {
        var found: [String] = []
        var waiting = [path]
        while let next = waiting.popLast(), found.count < 100_000 {
            guard !found.contains(next) else { continue }
            found.append(next)
            // A virtual raster names its sources, which may be virtual too.
            guard next == path || next.lowercased().hasSuffix(".vrt") else { continue }
            waiting +=
                (try? GDAL.waiting(Dataset.mayWait(next), for: next) { () throws(RasterError) in
                    try Dataset.open(next, RasterOpenOptions()).files
                }) ?? []
        }
        return found
    }

    /// The stored place of the pixels.
    private static func nativeGrid(
        _ dataset: Dataset
    ) throws(RasterError) -> (grid: Grid, points: ControlPoints?, gap: PlaceGap?) {
        let gdal = dataset.gdal
        var numbers = [Double](repeating: 0, count: 6)
        let (status, _) = gdal.collect { $0.GDALGetGeoTransform(dataset.handle, &numbers) }
        let placed = status == CE_None
        if !placed, let points = try ControlPoints(dataset) {
            return (points.grid, points, points.grid.crs == nil ? .noCRS : nil)
        }

        var crs: CoordinateReferenceSystem?
        var said: (name: String, isLocal: Bool, isOfEarth: Bool)?
        let (reference, _) = gdal.collect { gdal -> OGRSpatialReferenceH? in
            gdal.GDALGetSpatialRef(dataset.handle).flatMap { gdal.OSRClone($0) }
        }
        if let reference {
            let known = SpatialReference(horizontalOf: reference, gdal)
            said = (known.name, known.isLocal, known.isOfEarth)
            if !known.isLocal, known.isOfEarth { crs = known.canonical }
        }
        let gap =
            placed && crs != nil
            ? nil
            : PlaceGap(
                dataset, isPlaced: placed, crs: said?.name, isLocal: said?.isLocal ?? false,
                isOfEarth: said?.isOfEarth ?? true)
        guard placed else {
            // An image without a place: pixels stand for themselves, rows downwards.
            let transform = GeoTransform(originX: 0, originY: 0, pixelSize: 1)
            return (
                Grid(crs: nil, transform: transform, width: dataset.width, height: dataset.height), nil,
                gap
            )
        }
        guard let transform = GeoTransform(coefficients: numbers), numbers.allSatisfy(\.isFinite),
            transform.determinant != 0, transform.determinant.isFinite
        else {
            throw RasterError(
                .badGrid, "the geotransform \(numbers) cannot be inverted", in: dataset.path,
                try: dataset.edit("-a_ullr WEST NORTH EAST SOUTH"))
        }
        return (Grid(crs: crs, transform: transform, width: dataset.width, height: dataset.height), nil, gap)
    }

    /// Number of stored pixels read so far that count for nothing but their value; see `RasterOpenOptions.validValues`.
    ///
    /// A pixel counts as often as it is read.
    public var rejectedCount: Int { source.rejectedCount }

    /// The same of the last window read, as indices of its pixels; empty where it was resampled.
    package internal(set) var rejectedPixels: [Int] = []

    /// Metadata of the whole raster in a domain; `""` is GDAL's default one.
    public func metadata(domain: String = "") -> [String: String] { dataset.metadata(domain) }

    /// Metres on the ground per column and per row, at the raster's centre, along the ellipsoid.
    ///
    /// - Throws: `noCRS` for a raster without one.
    public func groundSampleDistance() throws(RasterError) -> GroundSampleDistance {
        do { return try grid.groundSampleDistance() } catch {
            throw RasterError(error.code, error.what, in: path, why: error.causes, try: error.remedy)
        }
    }
}

extension Grid {
    /// Metres on the ground per column and per row, at the grid's centre, along the ellipsoid.
    ///
    /// - Throws: `noCRS` for a grid without one, `badGrid` where its centre is nowhere on Earth.
    public func groundSampleDistance() throws(RasterError) -> GroundSampleDistance {
        guard let crs else {
            throw RasterError(
                .noCRS, "the size of a pixel on the ground is unknown, because the raster has no CRS",
                try: "give the raster a CRS: gdal_edit.py -a_srs EPSG:CODE FILE")
        }
        let toDegrees = try CoordinateTransformer(from: crs, to: .wgs84)
        let column = Double(width) / 2
        let row = Double(height) / 2
        let points = [(-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5)].map {
            transform.point(column: column + $0.0, row: row + $0.1)
        }
        let ends = toDegrees.transform(points).compactMap { $0 }
        guard ends.count == 4 else {
            throw RasterError(.badGrid, "the centre of the grid has no place on Earth in \(crs.name)")
        }
        func metres(_ a: Int, _ b: Int) -> Double {
            Ellipsoid.distance(
                fromLongitude: ends[a].x, latitude: ends[a].y, toLongitude: ends[b].x, latitude: ends[b].y)
        }
        return GroundSampleDistance(x: metres(0, 1), y: metres(2, 3))
    }
}
