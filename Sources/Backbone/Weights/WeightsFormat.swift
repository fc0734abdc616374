// The ways in which a backbone's tensors are named and described on disk.

/// Who named the tensors of a weights file.
public enum WeightsFormat: String, Sendable, CaseIterable {
    /// Official names in safetensors, with our description in the metadata.
    case geodino
    /// The names of the published DINOv3 and DINOv2 checkpoints, mostly in `.pth` files.
    case official
    /// The names of Hugging Face transformers, in safetensors beside a `config.json`.
    case huggingface
    /// The names of timm; read and not written.
    case timm

    /// The formats that a conversion can write.
    public static let written: [WeightsFormat] = [.huggingface, .official, .geodino]
}

/// The published statistics that images are normalised with, of values scaled to 0 to 1.
public enum InputStatistics: String, Sendable, CaseIterable {
    /// Of ImageNet, for the models of web images (LVD-1689M).
    case web
    /// Of SAT-493M, for the satellite models.
    case sat

    /// What is taken off red, green and blue.
    public var mean: [Double] { self == .web ? [0.485, 0.456, 0.406] : [0.430, 0.411, 0.296] }
    /// What they are then divided by.
    public var std: [Double] { self == .web ? [0.229, 0.224, 0.225] : [0.213, 0.156, 0.143] }
    /// Metres per pixel of the training images; `nil` where they differed.
    public var gsd: Double? { self == .web ? nil : 0.6 }

    /// The statistics with these values; `nil` for others.
    public init?(mean: [Double], std: [Double]) {
        guard let known = Self.allCases.first(where: { $0.mean == mean && $0.std == std }) else { return nil }
        self = known
    }
}
