// How a raster is written.
public import Geo

/// How a raster is written: type, nodata, bands, codec, tags, palette, overviews.
public struct RasterFormat: Sendable, Hashable {
    /// A codec without loss.
    public enum Compression: String, Sendable, Codable, CaseIterable {
        /// No compression.
        case none
        /// DEFLATE, which every reader knows.
        case deflate
        /// ZSTD: smaller and faster, for readers built on GDAL.
        case zstd
        /// LZW.
        case lzw
    }

    /// How a pixel of an overview comes from the four below it.
    public enum Overviews: String, Sendable, Codable, CaseIterable {
        /// Mean of the valid ones.
        case average
        /// The most frequent one.
        case mode
        /// No overviews.
        case none
    }

    /// What is stored together in the file.
    public enum Interleave: String, Sendable, Codable, CaseIterable {
        /// All bands of a pixel; the only way of cloud optimized files before GDAL 3.11.
        case pixel
        /// All pixels of a band, block by block: a reader of one band of many reads only that.
        case band
    }

    /// One entry of a palette.
    public struct PaletteEntry: Sendable, Hashable, Codable {
        /// The pixel value.
        public var index: Int
        /// Red, green, blue, alpha, 0 to 255.
        public var colour: [UInt8]
        /// What the value stands for.
        public var name: String

        /// Makes an entry; `colour` has four parts.
        public init(index: Int, colour: [UInt8], name: String) {
            precondition(colour.count == 4, "a palette colour has 4 parts, got \(colour.count)")
            self.index = index
            self.colour = colour
            self.name = name
        }
    }

    /// How samples are stored.
    public var sampleType: SampleType
    /// The value of invalid pixels; `nil` writes a mask band instead where one is needed.
    public var nodata: Double?
    /// Names and units of the bands.
    public var bands: [BandInfo]
    /// The codec.
    public var compression: Compression
    /// Tags of the whole file, such as `TIFFTAG_SOFTWARE`.
    public var tags: [String: String]
    /// Colours and names of the values of a single `uint8` band.
    public var palette: [PaletteEntry]?
    /// How overviews are made (cloud optimized files only).
    public var overviews: Overviews
    /// Side of the file's blocks in pixels, a multiple of 16.
    public var blockSize: Int
    /// What is stored together in a file that is not cloud optimized.
    public var interleave: Interleave

    /// Makes a format.
    public init(
        sampleType: SampleType, nodata: Double? = nil, bands: [BandInfo],
        compression: Compression = .deflate, tags: [String: String] = [:], palette: [PaletteEntry]? = nil,
        overviews: Overviews = .average, blockSize: Int = 512, interleave: Interleave = .pixel
    ) {
        precondition(
            blockSize > 0 && blockSize % 16 == 0, "a block side is a multiple of 16, got \(blockSize)")
        self.sampleType = sampleType
        self.nodata = nodata
        self.bands = bands
        self.compression = compression
        self.tags = tags
        self.palette = palette
        self.overviews = overviews
        self.blockSize = blockSize
        self.interleave = interleave
    }

    /// GDAL's creation options for a tiled GeoTIFF.
    var creationOptions: [String] {
        var options = [
            "TILED=YES", "BLOCKXSIZE=\(blockSize)", "BLOCKYSIZE=\(blockSize)", "BIGTIFF=IF_SAFER",
            "SPARSE_OK=TRUE", "INTERLEAVE=\(interleave.rawValue.uppercased())",
        ]
        if compression != .none {
            options.append("COMPRESS=\(compression.rawValue.uppercased())")
            options.append("PREDICTOR=\(sampleType == .float32 ? 3 : 2)")
        }
        let names = bands.map(\.name)
        if palette == nil, names.starts(with: ["red", "green", "blue"]), sampleType != .float32, names.count <= 4 {
            options.append("PHOTOMETRIC=RGB")
            // The fourth band of four is infrared far more often than it is alpha.
            if names.count == 4 { options.append("ALPHA=\(names[3] == "alpha" ? "YES" : "NO")") }
        } else if palette == nil {
            options.append("PHOTOMETRIC=MINISBLACK")
            if names.count > 1 { options.append("ALPHA=NO") }
        }
        return options
    }
}
