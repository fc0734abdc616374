// What a user may say about weights that do not describe themselves.

/// Choices where a weights file leaves something open.
public struct WeightsOptions: Sendable {
    /// The architecture, where names and shapes do not tell.
    public var architecture: BackboneArchitecture?
    /// The statistics that images are normalised with, whatever the file says.
    public var statistics: InputStatistics?
    /// Another file where the rotary periods come from: safetensors or `.pth` with `rope_embed.periods`.
    public var periods: String?

    /// Nothing is said.
    public init() {}
}
