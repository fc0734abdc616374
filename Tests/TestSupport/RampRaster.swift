// Analytic rasters: the value of every pixel is a known function of its map coordinates.
public import Geo
public import Raster

/// A small raster whose pixel values follow from their map coordinates, so that every read, warp, overview and
/// mosaic of it has a closed-form answer.
///
/// The value of band `b` (from 1) at the centre of a pixel is
///
///     base + b * bandStep + perX * (x - originX) + perY * (y - originY)
///
/// with the origin of the grid's transform, in CRS units; integer types hold the nearest value, halves up.
public struct RampRaster: Sendable {
    /// Where it lies.
    public var grid: Grid
    /// How samples are stored.
    public var sampleType: SampleType
    /// Number of bands.
    public var bands: Int
    /// Value at the origin of band 0.
    public var base: Double
    /// Change per band.
    public var bandStep: Double
    /// Change per unit of x.
    public var perX: Double
    /// Change per unit of y.
    public var perY: Double
    /// Nodata value of the file.
    public var nodata: Double?
    /// Side of the file's blocks, a multiple of 16.
    public var blockSize: Int
    /// Pixels that the raster lacks.
    public var isHole: @Sendable (_ row: Int, _ column: Int) -> Bool

    /// Makes a ramp, by default over 64 x 48 pixels of 10 m in UTM zone 33 north, three `uint8` bands.
    public init(
        crs: CoordinateReferenceSystem? = .init("EPSG:32633"),
        transform: GeoTransform = .init(originX: 500_000, originY: 5_000_000, pixelSize: 10),
        width: Int = 64, height: Int = 48, sampleType: SampleType = .uint8, bands: Int = 3,
        base: Double = 5, bandStep: Double = 1, perX: Double = 0.1, perY: Double = -0.2, nodata: Double? = nil,
        blockSize: Int = 16, isHole: @escaping @Sendable (_ row: Int, _ column: Int) -> Bool = { _, _ in false }
    ) {
        grid = Grid(crs: crs, transform: transform, width: width, height: height)
        self.sampleType = sampleType
        self.bands = bands
        self.base = base
        self.bandStep = bandStep
        self.perX = perX
        self.perY = perY
        self.nodata = nodata
        self.blockSize = blockSize
        self.isHole = isHole
    }

    /// The exact value of a band (from 1) at a place in CRS units.
    public func value(band: Int, x: Double, y: Double) -> Double {
        base + Double(band) * bandStep + perX * (x - grid.transform.originX)
            + perY * (y - grid.transform.originY)
    }

    /// The value that the file holds in a band (from 1), by row and column.
    public func stored(band: Int, row: Int, column: Int) -> Float {
        let place = grid.transform.point(column: Double(column) + 0.5, row: Double(row) + 0.5)
        let exact = value(band: band, x: place.x, y: place.y)
        let nearest = (exact + 0.5).rounded(.down)
        return switch sampleType {
        case .uint8: Float(min(255, max(0, nearest)))
        case .uint16: Float(min(65535, max(0, nearest)))
        case .int16: Float(min(32767, max(-32768, nearest)))
        case .float32: Float(exact)
        }
    }

    /// The pixels; the samples of holes are 0.
    public func buffer() -> PixelBuffer {
        var values: [Float] = []
        values.reserveCapacity(bands * grid.height * grid.width)
        var validity = [Bool](repeating: true, count: grid.height * grid.width)
        for row in 0..<grid.height {
            for column in 0..<grid.width where isHole(row, column) { validity[row * grid.width + column] = false }
        }
        for band in 1...bands {
            for row in 0..<grid.height {
                for column in 0..<grid.width {
                    values.append(isHole(row, column) ? 0 : stored(band: band, row: row, column: column))
                }
            }
        }
        let samples: PixelBuffer.Samples =
            switch sampleType {
            case .uint8: .uint8(values.map { UInt8($0) })
            case .uint16: .uint16(values.map { UInt16($0) })
            case .int16: .int16(values.map { Int16($0) })
            case .float32: .float32(values)
            }
        return PixelBuffer(
            bands: bands, height: grid.height, width: grid.width, samples: samples,
            validity: validity.contains(false) ? validity : nil, grid: grid)
    }

    /// How the file is written.
    public var format: RasterFormat {
        let names = bands == 3 ? BandInfo.rgb : (1...bands).map { BandInfo(name: "ramp \($0)") }
        return RasterFormat(sampleType: sampleType, nodata: nodata, bands: names, blockSize: blockSize)
    }

    /// Writes the raster as a tiled GeoTIFF.
    @discardableResult
    public func write(to path: String, cloudOptimized: Bool = false) throws -> RampRaster {
        try writeRaster(buffer(), to: path, format: format, cloudOptimized: cloudOptimized, overwrite: true)
        return self
    }
}
