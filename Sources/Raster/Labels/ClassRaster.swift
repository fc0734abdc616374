// Rasters of classes: whole numbers, read onto any grid without a number that the file does not hold.
public import Geo
public import Telemetry

/// A raster of classes, opened for reading: one band of whole numbers, and what the file says of them.
///
/// Not `Sendable`: open one per thread. It closes itself.
public final class ClassRaster {
    /// The path as it was given.
    public let path: String
    /// The number of the band, from 1.
    public let band: Int
    /// Names of values: from the raster's attribute table, else its category names.
    public let names: [Int: String]
    /// Red, green, blue of values, 0 to 255: from the raster's attribute table, else its palette.
    public let colours: [Int: [UInt8]]

    let reader: RasterReader
    let pixels: ClassPixels

    /// Opens a raster of any integer type; a palette's indices are the classes.
    ///
    /// - Parameters:
    ///   - path: Any raster of GDAL.
    ///   - band: The number of the band, from 1; `nil` takes the only one, alpha aside.
    /// - Throws: `badLabels` for floating-point values (whatever they are: the type decides) and for several bands without
    ///   a choice; else as `RasterReader`.
    public init(path: String, band: Int? = nil) throws(RasterError) {
        let reader = try RasterReader(path: path, options: RasterOpenOptions(expandPalette: false))
        let number = try Self.number(of: band, in: reader)
        let pixels = try ClassPixels(reader.source, number)
        let said = try GDAL.waiting(reader.isRemote, for: path) { () throws(RasterError) in
            ClassNames(of: pixels.band.handle, reader.dataset.gdal)
        }
        self.path = path
        self.band = number
        self.reader = reader
        self.pixels = pixels
        names = said.names
        colours = said.colours
    }

    /// The number of the band that is meant.
    private static func number(of band: Int?, in reader: RasterReader) throws(RasterError) -> Int {
        if let band { return band }
        guard reader.bands.count == 1, let only = reader.bands.first else {
            let names = reader.bands.prefix(8).map { "\($0.index) '\($0.name)'" }.joined(separator: ", ")
            throw RasterError(
                .badLabels, "expected one band of classes, found \(reader.bands.count) bands", in: reader.path,
                why: ["its bands are \(names)" + (reader.bands.count > 8 ? " ..." : "")],
                try: "choose the band, or pick it: gdal_translate -b N \(reader.dataset.quotedName) classes.tif")
        }
        return only.index
    }

    /// Where its pixels are; without a CRS for an image that is nowhere on Earth.
    public var grid: Grid { reader.grid }
    /// GDAL's name of the type in the file, such as `Byte`.
    public var storedType: String { pixels.band.info.storedType }
    /// The value that means "absent"; `nil` where none is declared.
    public var nodata: Double? { pixels.band.info.nodata }

    /// Reads classes onto a grid, in whatever CRS that is; no class is ever mixed from others.
    ///
    /// A target pixel of two source pixels or more, by area, gets the most frequent class under it: each source pixel
    /// votes with the area that the target pixel covers of it, whose corners go through PROJ themselves and whose edges are
    /// straight in the source. Of equal classes the smaller number wins. Invalid source pixels have no vote, and a target
    /// pixel is valid where at least half of its area is. A smaller target pixel gets the source pixel that holds its centre.
    ///
    /// Each pixel depends on its own place alone: a window of a grid gets what the whole grid gets there.
    ///
    /// - Parameter grid: The target; without CRS only where the raster has none either.
    /// - Returns: Class and validity of each pixel, row by row; 0 where it is invalid.
    /// - Throws: `noCRS`, `badCRS`, `badGrid` (not invertible, more than 2 GB, or pixels that cover too much of the raster
    ///   to hold), `badLabels` for a number beyond 32 bits, `readFailed`, `cancelled` while it waits for another machine.
    public func values(onto grid: Grid) throws(RasterError) -> (values: [Int32], validity: [Bool]) {
        try GDAL.waiting(reader.isRemote, for: path) { [reader, pixels] () throws(RasterError) in
            let lattice: Lattice
            if let window = try reader.windowCoinciding(with: grid) {
                guard reader.controlPoints != nil else { return try pixels.read(window) }
                lattice = try Lattice(reader.grid, window: window)
            } else {
                lattice = try Lattice(grid, window: grid.window)
            }
            var sampler = try ClassSampler(reader, pixels, lattice)
            return try sampler.read()
        }
    }
}
