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
    /// What is written with a map of classes.
    let outputs: ClassOutputs

    /// Says how blended bands are written.
    init(_ product: RasterProduct, blended bands: [BandInfo], outputs: ClassOutputs = ClassOutputs()) {
        self.product = product
        self.outputs = outputs
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

    /// The value of a probability of 1 in 8 bits.
    static let probabilityScale = 250.0

    /// The legend of a map of classes; `nil` for other maps.
    var legend: Legend? {
        if case .classes(let legend) = product { legend } else { nil }
    }

    /// The classes that pixels may have, in the legend's order, followed by `unsure` if pixels may be unsure; empty for other maps.
    var classes: [LegendClass] {
        guard let legend else { return [] }
        return legend.classes + (outputs.rejectBelow == nil ? [] : [.unsure])
    }

    /// Whether all classes must be known before the map is written.
    var needsAllClasses: Bool { legend != nil && (outputs.minimumArea != nil || outputs.polygons != nil) }

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
        case .classes: Float(Legend.nodataID)
        }
    }

    /// How overviews are made: the mean of two classes is neither.
    var overviews: RasterFormat.Overviews {
        if case .classes = product { .mode } else { .average }
    }

    /// Colours and names of the values of the file; `nil` where these are not classes.
    var palette: [RasterFormat.PaletteEntry]? {
        legend == nil
            ? nil
            : classes.map { RasterFormat.PaletteEntry(index: Int($0.id), colour: $0.colour + [255], name: $0.name) }
    }

    /// The shape of blocks and file.
    var shape: BlockShape { BlockShape(blended: blended, written: bands.count) }

    /// The bands of the file of probabilities; `nil` if it was not asked for.
    var probabilityBands: [BandInfo]? {
        outputs.probabilities ? legend?.classes.map { BandInfo(name: $0.name) } : nil
    }

    /// The band of the file of largest probabilities; `nil` if it was not asked for.
    var confidenceBands: [BandInfo]? {
        outputs.confidence && legend != nil ? [BandInfo(name: "largest probability")] : nil
    }

    /// What a decided row holds for each pixel: the values, or the class, then its probability and those of all classes if they are written.
    var rowShape: RowShape {
        guard legend != nil else { return RowShape(planes: bands.count, holdsBytes: false) }
        return RowShape(
            planes: 1 + (confidenceBands?.count ?? 0) + (probabilityBands?.count ?? 0), holdsBytes: true)
    }

    /// Bytes per pixel of all rasters together: of the temporary files, and of the finished ones.
    var bytesPerPixel: (temporary: Int, kept: Int) {
        let kept = sampleType.byteCount * bands.count + (probabilityBands?.count ?? 0) + (confidenceBands?.count ?? 0)
        return (kept + (needsAllClasses ? 1 : 0), kept)
    }
}
