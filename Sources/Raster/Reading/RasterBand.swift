// What a raster says about one of its bands.
public import Geo

/// One band of a raster, as its file describes it.
public struct RasterBand: Sendable, Hashable {
    /// Number, from 1.
    public let index: Int
    /// Its description, else its colour, else `band N`.
    public let name: String
    /// `red`, `green`, `blue`, `gray`, `palette` or `undefined`.
    public let colour: String
    /// How its samples are read.
    public let sampleType: SampleType
    /// GDAL's name of the type in the file, such as `UInt16`.
    public let storedType: String
    /// The value that means "absent".
    public let nodata: Double?
    /// Unit of its physical values.
    public let unit: String?
    /// Physical value = raw value * scale + offset.
    public let scale: Double
    /// See `scale`.
    public let offset: Double
    /// What it shows, as STAC's common names have it (`red`, `green`, `blue`, `nir`, `rededge` ...); `nil` where the file does not say.
    ///
    /// By its description, else its metadata item `common_name`, else its colour.
    public let commonName: String?
    /// Significant bits of an integer sample, where the file declares fewer than its type has.
    public let significantBits: Int?

    /// What tells it from other bands, whatever its number: the common name, else a description that is a name; `nil` where
    /// nothing is said.
    public var identity: String? { commonName ?? (BandNames.isName(name, number: index) ? name.lowercased() : nil) }
}

extension [RasterBand] {
    /// The bands of some numbers; those that are not there are left out.
    public func numbered(_ numbers: [Int]) -> [RasterBand] {
        numbers.compactMap { number in first { $0.index == number } }
    }
}
