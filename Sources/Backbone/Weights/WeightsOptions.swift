// What a user may say about weights that do not describe themselves.

/// Choices where a weights file leaves something open.
public struct WeightsOptions: Sendable {
    /// The architecture, where names and shapes do not tell.
    public var architecture: BackboneArchitecture?
    /// The number of attention heads, where neither names nor shapes tell.
    public var heads: Int?
    /// The number that a description apart from the file gives, for a file that does not tell; unlike `heads` it contradicts nothing.
    package var describedHeads: Int?
    /// The statistics that images are normalised with, whatever the file says.
    public var statistics: InputStatistics?
    /// Another file where the rotary periods come from: safetensors or `.pth` with `rope_embed.periods`.
    public var periods: String?
    /// The bands that images will have, where the weights take red, green and blue: their patch embedding is inflated.
    public var bands: [String]?
    /// What is taken off each of these bands; without it, the mean of what is taken off red, green and blue.
    public var bandMean: [Double]?
    /// What each of these bands is divided by, as `bandMean`.
    public var bandStd: [Double]?
    /// Whether a file may be read as a whole to know a published one by its content; without, its name is believed, and a note says so.
    public var readsWholeFile = true
    /// Told before a file is read as a whole, of its path and its bytes: that takes about 3 s for each gigabyte.
    public var willReadWholeFile: (@Sendable (String, Int) -> Void)?
    /// The published files by the first eight digits of their SHA-256.
    package var published = InputStatistics.ofPublished

    /// Nothing is said.
    public init() {}
}
