// Rasters that say things about themselves that our own writer never says, as GDAL's XML over a plain file.
import Foundation

/// A virtual raster over some bands of a file.
public struct VirtualRaster {
    /// A band.
    public struct Band {
        /// The band of the file, from 1.
        public var source: Int
        /// Elements of the band, such as `<Description>Red</Description>`.
        public var elements: String

        /// Makes a band.
        public init(_ source: Int, _ elements: String = "") {
            self.source = source
            self.elements = elements
        }
    }

    /// The file.
    public var source: String
    /// Columns.
    public var width: Int
    /// Rows.
    public var height: Int
    /// GDAL's name of the sample type.
    public var type = "Byte"
    /// The CRS; empty for none.
    public var crs = "EPSG:32633"
    /// Six numbers; empty for none.
    public var transform = "500000, 10, 0, 5000000, 0, -10"
    /// Elements of the whole.
    public var elements = ""
    /// The bands.
    public var bands: [Band] = []

    /// Describes a raster; what is left open is that of a `RampRaster`.
    public init(over source: String, width: Int = 64, height: Int = 48, bands: [Band]) {
        self.source = source
        self.width = width
        self.height = height
        self.bands = bands
    }

    /// Writes it.
    @discardableResult
    public func write(to path: String) throws -> String {
        var text = "<VRTDataset rasterXSize=\"\(width)\" rasterYSize=\"\(height)\">"
        if !crs.isEmpty { text += "<SRS dataAxisToSRSAxisMapping=\"1,2\">\(crs)</SRS>" }
        if !transform.isEmpty { text += "<GeoTransform>\(transform)</GeoTransform>" }
        text += elements
        for (number, band) in bands.enumerated() {
            text += """
                <VRTRasterBand dataType="\(type)" band="\(number + 1)">\(band.elements)
                <SimpleSource><SourceFilename>\(source)</SourceFilename><SourceBand>\(band.source)</SourceBand>
                <SrcRect xOff="0" yOff="0" xSize="\(width)" ySize="\(height)"/>
                <DstRect xOff="0" yOff="0" xSize="\(width)" ySize="\(height)"/></SimpleSource></VRTRasterBand>
                """
        }
        text += "</VRTDataset>"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }
}
