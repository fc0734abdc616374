// Why a raster has no place on Earth, and what gives it one; what became of a band that is marked as alpha.
import Geo
public import Telemetry

/// What a file says about its place, where that is too little.
enum PlaceGap: Sendable, Hashable {
    /// Nothing at all.
    case nothing
    /// A geotransform without a CRS.
    case noCRS
    /// A CRS of a building site or a drawing, which has no place on Earth.
    case localCRS(String)
    /// A CRS without a geotransform.
    case noTransform(String)
    /// Rational polynomial coefficients: a picture as the sensor took it.
    case rationalPolynomials
    /// Arrays of longitude and latitude: a swath.
    case geolocation

    /// Looks at a dataset that has no geotransform, or no CRS.
    init(_ dataset: Dataset, isPlaced: Bool, crs: String?, isLocal: Bool) {
        if !isPlaced, !dataset.metadata("RPC").isEmpty {
            self = .rationalPolynomials
        } else if !isPlaced, dataset.metadata("GEOLOCATION")["X_DATASET"] != nil {
            self = .geolocation
        } else if let crs, isLocal {
            self = .localCRS(crs)
        } else if let crs {
            self = .noTransform(crs)
        } else {
            self = isPlaced ? .noCRS : .nothing
        }
    }

    var cause: String {
        switch self {
        case .nothing: "it has neither a CRS nor a geotransform"
        case .noCRS: "it has a geotransform, but no CRS (coordinate reference system)"
        case .localCRS(let name): "its CRS, '\(name)', is a local one without a place on Earth"
        case .noTransform(let name): "it has a CRS (\(name)), but no geotransform"
        case .rationalPolynomials:
            "it is a raw product: it has rational polynomial coefficients (RPC) of the sensor, but no geotransform"
        case .geolocation: "it is a swath: it has arrays of longitude and latitude, but no geotransform"
        }
    }

    func remedy(_ dataset: Dataset) -> String {
        switch self {
        case .nothing, .localCRS: dataset.edit("-a_srs EPSG:CODE -a_ullr WEST NORTH EAST SOUTH")
        case .noCRS: dataset.edit("-a_srs EPSG:CODE")
        case .noTransform: dataset.edit("-a_ullr WEST NORTH EAST SOUTH")
        case .rationalPolynomials:
            "gdalwarp -rpc -t_srs EPSG:CODE \(dataset.quotedName) placed.tif    (with -to RPC_DEM=dem.tif, if you have a terrain model)"
        case .geolocation: "gdalwarp -geoloc -t_srs EPSG:CODE \(dataset.quotedName) placed.tif"
        }
    }
}

extension RasterReader {
    /// The error of a raster that does not say where on Earth it is, with what it does say and what helps.
    ///
    /// - Parameter role: What it is to the reader: `scene`, `truth` ...
    public func placeMissing(role: String = "raster") -> RasterError {
        let gap = placeGap ?? .noCRS
        return RasterError(
            .noCRS, "the \(role) is not georeferenced", in: path, why: [gap.cause],
            try: gap.remedy(dataset))
    }

    /// A warning where a band is marked as alpha and does not look like one: in the middle of the raster more than a fifth of its
    /// samples is neither clear nor opaque.
    ///
    /// - Throws: `readFailed`.
    public func alphaWarning() throws(RasterError) -> String? {
        guard let alphaNote else { return nil }
        let side = 256
        let middle = PixelWindow(
            column: max(0, source.width / 2 - side / 2), row: max(0, source.height / 2 - side / 2),
            width: min(side, source.width), height: min(side, source.height))
        let spread = try GDAL.waiting(isRemote, for: path) { [source] () throws(RasterError) in
            try source.alphaSpread(middle)
        }
        return spread > 0.2 ? "\(path): \(alphaNote)" : nil
    }

    /// The sentence about a band that is marked as alpha and was set aside as a mask; `nil` without one.
    public var alphaNote: String? {
        source.alphaBand.map {
            "band \($0) is marked as alpha: it is used as a mask, not as a band; if it holds something else, such as near infrared, unmark it: \(dataset.edit("-colorinterp_\($0) undefined", copy: "unmarked.tif"))"
        }
    }
}
