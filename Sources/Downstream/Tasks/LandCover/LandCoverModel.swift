// What a land-cover model says of itself on disk.
public import Geo
public import Torch

/// What `model.json` of a land-cover model says.
public struct LandCoverModelDescription: HeadModelDescription {
    /// The name of the task.
    public static let taskName = "landcover"

    /// The version of this description.
    public var formatVersion = LandCoverModelDescription.currentVersion
    /// What the model does.
    public var task = LandCoverModelDescription.taskName
    /// The weights of the backbone.
    public var backbone: ModelBackboneFile
    /// The weights of the head.
    public var head: ModelHeadFile
    /// The classes, in the order of the head's outputs.
    public var legend: Legend
    /// What logits are divided by before they become probabilities, so that these are calibrated; 1 leaves them as they are.
    public var temperature: Double
    /// The blocks whose tokens the head sees, from 0.
    public var taps: [Int]
    /// Side of a window in pixels, in and out.
    public var window: Int
    /// What is fed: bands, GSD and stretch rule; 8-bit.
    public var layout: PixelLayout
    /// What is taken off each band, of values scaled to 0 to 1.
    public var mean: [Double]
    /// What each band is then divided by.
    public var std: [Double]
    /// How well the model did on held-out ground; `nil` where none was held out.
    public var validation: LandCoverValidation?
    /// Where the model comes from.
    public var provenance: [String: String]

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case formatVersion = "format_version"
        case task, backbone, head, legend, temperature, taps, window, layout, mean, std, validation, provenance
    }

    /// The probability of each class.
    public var blendedBands: [BandInfo] { legend.classes.map { BandInfo(name: $0.name) } }
    /// The most probable class.
    public var product: RasterProduct { .classes(legend) }
    /// One number per class.
    public var outputs: Int { legend.classes.count }
    /// What is wrong with the temperature; empty where nothing is.
    public var problems: [String] {
        temperature.isFinite && temperature > 0 ? [] : ["temperature is \(temperature); expected a number above 0"]
    }

    /// Probabilities of the classes, `[B, classes, H, W]`, of logits of the same shape.
    public func blended(_ logits: Tensor) -> Tensor { (logits / temperature).softmax(dim: 1) }
}

/// A trained land-cover model, loaded.
public typealias LandCoverModel = HeadModel<LandCoverModelDescription>
