// Why a raster has no place on Earth, and what gives it one.
internal import Geo

/// What a file says about its place, where that is too little.
enum PlaceGap: Sendable, Hashable {
    /// Nothing at all.
    case nothing
    /// A geotransform without a CRS.
    case noCRS
    /// A CRS of a building site or a drawing, which has no place on Earth.
    case localCRS(String)
    /// A CRS of another celestial body.
    case otherBody(String)
    /// A CRS without a geotransform.
    case noTransform(String)
    /// Rational polynomial coefficients: a picture as the sensor took it.
    case rationalPolynomials
    /// Arrays of longitude and latitude: a swath.
    case geolocation

    /// Looks at a dataset that has no geotransform, or no CRS.
    init(_ dataset: Dataset, isPlaced: Bool, crs: String?, isLocal: Bool, isOfEarth: Bool) {
        if !isPlaced, !dataset.metadata("RPC").isEmpty {
            self = .rationalPolynomials
        } else if !isPlaced, dataset.metadata("GEOLOCATION")["X_DATASET"] != nil {
            self = .geolocation
        } else if let crs, !isLocal, !isOfEarth {
            self = .otherBody(crs)
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
        case .otherBody(let name): "its CRS, '\(name)', is one of another celestial body"
        case .noTransform(let name): "it has a CRS (\(name)), but no geotransform"
        case .rationalPolynomials:
            "it is a raw product: it has rational polynomial coefficients (RPC) of the sensor, but no geotransform"
        case .geolocation: "it is a swath: it has arrays of longitude and latitude, but no geotransform"
        }
    }

    func remedy(_ dataset: Dataset) -> String {
        switch self {
        case .otherBody: "give a raster of the Earth"
        case .nothing, .localCRS: dataset.edit("-a_srs EPSG:CODE -a_ullr WEST NORTH EAST SOUTH")
        case .noCRS: dataset.edit("-a_srs EPSG:CODE")
        case .noTransform: dataset.edit("-a_ullr WEST NORTH EAST SOUTH")
        case .rationalPolynomials:
            "gdalwarp -rpc -t_srs EPSG:CODE \(dataset.quotedName) placed.tif    (with -to RPC_DEM=dem.tif, if you have a terrain model)"
        case .geolocation: "gdalwarp -geoloc -t_srs EPSG:CODE \(dataset.quotedName) placed.tif"
        }
    }
}
