// What an image is labelled with: numbers of a raster, classes of a raster, or labels that people drew.
public import Geo
public import Raster
internal import Telemetry

/// The truth of a pair.
public enum PairTruth: Sendable {
    /// Physical values of a raster's band, such as heights; those outside of `valid` do not count, `nil` takes all.
    case values(path: String, band: Int, valid: ClosedRange<Double>?)
    /// Classes of a raster of whole numbers.
    case classes(path: String, band: Int, legend: Legend)
    /// Labels of a vector layer.
    ///
    /// With `allTouched` a polygon labels every pixel that it touches; lines have a width in metres, `nil` for the pixels that they pass through.
    case labels(LabelLayer, legend: Legend, allTouched: Bool, lineWidth: Double?)

    /// The file.
    public var path: String {
        switch self {
        case .values(let path, _, _), .classes(let path, _, _): path
        case .labels(let layer, _, _, _): layer.path
        }
    }

    /// The legend of classes; `nil` for values.
    public var legend: Legend? {
        switch self {
        case .values: nil
        case .classes(_, _, let legend), .labels(_, let legend, _, _): legend
        }
    }

    /// The type of what is read.
    var sampleType: SampleType { legend == nil ? .float32 : .uint8 }
}

/// Where a truth is on the pixels of a pair, and how it is read there.
struct TruthPlan: Sendable {
    let truth: PairTruth
    let frame: PixelFrame
    /// The pixels of the frame that it may cover.
    let window: PixelWindow
    /// A raster's place; `nil` for a vector layer, and for rasters that lie pixel on pixel.
    let scene: PlacedScene?
    /// The kernel of values.
    let resampling: Resampling
    /// Its bounds in degrees, where it needs a place.
    let degrees: Bounds?

    /// Places a truth; `nil` where it has no place in the lattice's CRS.
    ///
    /// - Parameter gsd: Metres per pixel of the lattice.
    init?(_ truth: PairTruth, on lattice: PixelLattice, gsd: Double, _ open: OpenScenes) throws {
        self.truth = truth
        frame = .lattice(lattice)
        switch truth {
        case .values(let path, let band, _), .classes(let path, let band, _):
            let facts = try Scene(open.reader(path))
            guard let scene = try PlacedScene(facts, on: lattice, bands: [band], gsd: gsd) else { return nil }
            self.scene = scene
            window = scene.window
            // A pixel and a bit larger than the target's is an average already; the reader knows equal grids by itself.
            resampling = gsd > facts.gsd * 1.05 ? .average : .bilinear
            degrees = facts.degrees
        case .labels(let layer, _, _, let width):
            let transformer = try CoordinateTransformer(from: layer.crs, to: lattice.crs)
            // Points have no extent, and lines grow by their width.
            let margin = 2 * lattice.pixelSize + (width ?? 0)
            guard let bounds = transformer.bounds(layer.bounds),
                let window = lattice.window(
                    covering: bounds.expanded(by: margin + 0.002 * max(bounds.width, bounds.height)))
            else { return nil }
            scene = nil
            self.window = window
            resampling = .nearest
            degrees = try CoordinateTransformer(from: layer.crs, to: .wgs84).bounds(layer.bounds)
        }
    }

    /// Lays the raster of a truth on an image of its size, pixel on pixel.
    ///
    /// - Parameters:
    ///   - step: Pixels of both to the side of one of the frame's.
    ///   - window: All of the image.
    init(_ truth: PairTruth, frame: PixelFrame, step: Double, window: PixelWindow) {
        self.truth = truth
        self.frame = frame
        self.window = window
        scene = nil
        resampling = step > 1.05 ? .average : .bilinear
        degrees = nil
    }
}

/// A truth with its files open, for one thread at a time.
final class TruthReader {
    private enum Source {
        case values(RasterReader, band: Int)
        case classes(ClassRaster)
        case labels(LabelLayer, allTouched: Bool, lineWidth: Double?)
    }

    private let plan: TruthPlan
    private let source: Source
    private let meanings: [LabelValue: Legend.Meaning]

    init(_ plan: TruthPlan) throws {
        self.plan = plan
        meanings = plan.truth.legend?.meanings ?? [:]
        source =
            switch plan.truth {
            case .values(let path, let band, let valid):
                .values(
                    try RasterReader(
                        path: path, options: RasterOpenOptions(expandPalette: false, validValues: valid)), band: band)
            case .classes(let path, let band, _): .classes(try ClassRaster(path: path, band: band))
            case .labels(let layer, _, let allTouched, let lineWidth):
                .labels(layer, allTouched: allTouched, lineWidth: lineWidth)
            }
    }

    /// Values read so far that do not count, since they are out of range.
    var rejected: Int {
        if case .values(let reader, _) = source { reader.rejectedCount } else { 0 }
    }

    /// A window of the frame.
    ///
    /// - Returns: Values, or indices of classes, `nil` where nothing is valid; and of drawn labels, which pixels those of two
    ///   classes claim.
    func read(_ window: PixelWindow) throws -> (pixels: PixelBuffer?, isDisputed: [Bool]?) {
        guard !window.intersection(plan.window).isEmpty else { return (nil, nil) }
        let buffer: PixelBuffer
        var isDisputed: [Bool]?
        switch source {
        case .values(let reader, let band): buffer = try values(reader, band, window)
        case .classes(let raster): buffer = try classes(raster, window)
        case .labels(let layer, let allTouched, let lineWidth):
            let burnt = try layer.burn(
                onto: plan.frame.grid(of: window), allTouched: allTouched, lineWidth: lineWidth
            ) { [meanings] in meanings[$0] ?? .unknown }
            isDisputed = burnt.isDisputed
            buffer = PixelBuffer(
                bands: 1, height: window.height, width: window.width, samples: .uint8(burnt.indices),
                validity: burnt.validity)
        }
        return (buffer.validity?.contains(true) ?? true ? buffer : nil, isDisputed)
    }

    private func values(_ reader: RasterReader, _ band: Int, _ window: PixelWindow) throws -> PixelBuffer {
        var buffer: PixelBuffer
        if let column = plan.scene?.alignedColumn, let row = plan.scene?.alignedRow {
            buffer = try reader.read(window.shifted(columns: -column, rows: -row), bands: [band], values: .physical)
        } else {
            buffer = try reader.read(
                onto: plan.frame.grid(of: window, in: reader.grid), bands: [band], resampling: plan.resampling,
                values: .physical)
        }
        buffer.grid = nil
        return buffer
    }

    private func classes(_ raster: ClassRaster, _ window: PixelWindow) throws -> PixelBuffer {
        let (values, flags) = try raster.values(onto: plan.frame.grid(of: window, in: raster.grid))
        var indices = [UInt8](repeating: 0, count: values.count)
        var validity = flags
        var last: (value: Int32, meaning: Legend.Meaning)?
        for place in values.indices where flags[place] {
            let value = values[place]
            if last?.value != value { last = (value, meanings[.number(Int(value))] ?? .unknown) }
            switch last?.meaning {
            case .index(let index): indices[place] = UInt8(index)
            case .unknown: throw Self.unknown(value, in: raster.path)
            case .ignored, nil: validity[place] = false
            }
        }
        return PixelBuffer(
            bands: 1, height: window.height, width: window.width, samples: .uint8(indices), validity: validity)
    }

    private static func unknown(_ value: Int32, in path: String) -> SceneError {
        SceneError(
            .badPairs, "the legend does not say what the value \(value) stands for", in: path,
            try: "add the value to a class of the legend, or to those that it ignores")
    }
}
