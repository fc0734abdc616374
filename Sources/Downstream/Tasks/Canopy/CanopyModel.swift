// What a canopy model says of itself on disk.
public import Geo
public import Torch

/// What `model.json` of a canopy model says.
public struct CanopyModelDescription: HeadModelDescription {
    /// The task.
    public static let taskName = "canopy"

    /// The version of this description.
    public var formatVersion = CanopyModelDescription.currentVersion
    /// What the model does.
    public var task = CanopyModelDescription.taskName
    /// The weights of the backbone.
    public var backbone: ModelBackboneFile
    /// The weights of the head.
    public var head: ModelHeadFile
    /// From the head's numbers to metres.
    public var bins: HeightBins
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
    /// The unit of what comes out.
    public var units = "m"
    /// How well the model did on held-out ground; `nil` where none was held out.
    public var validation: CanopyValidation?
    /// Where the model comes from.
    public var provenance: [String: String]

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case formatVersion = "format_version"
        case task, backbone, head, bins, taps, window, layout, mean, std, units, validation, provenance
    }

    /// What a map of the model holds.
    public var blendedBands: [BandInfo] { [BandInfo(name: "canopy height", unit: units)] }
    /// One number per bin.
    public var outputs: Int { bins.count }
    /// What is wrong with the bins.
    public var problems: [String] { bins.problems }

    /// Heights in metres, `[B, 1, H, W]`, of the head's numbers `[B, outputs, H, W]`.
    public func blended(_ logits: Tensor) -> Tensor { bins.metres(logits) }
}

/// A trained canopy model, loaded.
public typealias CanopyModel = HeadModel<CanopyModelDescription>

/// A canopy model as the map maker wants it.
public typealias CanopyPredictor = HeadPredictor<CanopyModelDescription>
