// How what a map blends becomes what its file holds.
internal import Geo
internal import Raster

/// A product with the form in which a file holds it.
struct WrittenProduct: Sendable {
    /// What becomes of the blended values.
    let product: RasterProduct
    /// Number of blended bands.
    let blended: Int
    /// The bands of the file.
    let bands: [BandInfo]

    /// Says how blended bands are written.
    init(_ product: RasterProduct, blended bands: [BandInfo]) {
        self.product = product
        blended = bands.count
        if case .classes(let legend) = product {
            precondition(
                bands.count == legend.classes.count,
                "a map of \(legend.classes.count) classes blends as many bands, got \(bands.count)")
            self.bands = [BandInfo(name: "class")]
        } else {
            self.bands = bands
        }
    }

    /// The type of the file's samples.
    var sampleType: SampleType {
        switch product {
        case .values: .float32
        case .picture, .classes: .uint8
        }
    }

    /// The value of pixels outside the area and without imagery.
    var nodata: Float {
        switch product {
        case .values: mapNodata
        case .picture: 0
        case .classes: 255
        }
    }

    /// How overviews are made: the mean of two classes is neither.
    var overviews: RasterFormat.Overviews {
        if case .classes = product { .mode } else { .average }
    }

    /// Colours and names of the values of the file; `nil` where these are not classes.
    var palette: [RasterFormat.PaletteEntry]? {
        guard case .classes(let legend) = product else { return nil }
        return legend.classes.map {
            RasterFormat.PaletteEntry(index: Int($0.id), colour: $0.colour + [255], name: $0.name)
        }
    }

    /// The shape of blocks and file.
    var shape: BlockShape { BlockShape(blended: blended, written: bands.count) }
}
