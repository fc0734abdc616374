// The names of the published checkpoints, and what training code puts before them.
internal import Files
internal import Telemetry
internal import Torch

/// What comes before the official names in a file.
struct OfficialNames {
    /// Such as `teacher.backbone.`; empty in the published files.
    let prefix: String
    /// Whether the tensors are those of a ConvNeXt.
    let isConvNeXt: Bool
    /// Whether a tensor by which a backbone is known is there.
    let hasMark: Bool

    private static let transformerMark = "cls_token"
    private static let convNeXtMark = "downsample_layers.0.0.weight"

    /// The prefix that a file uses; where it holds a student and a teacher, the teacher's.
    init(in names: [String]) {
        func prefixes(_ mark: String) -> [String] {
            names.filter { $0 == mark || $0.hasSuffix(".\(mark)") }.map { String($0.dropLast(mark.count)) }
        }
        let transformers = prefixes(Self.transformerMark)
        isConvNeXt = transformers.isEmpty && !prefixes(Self.convNeXtMark).isEmpty
        let found = isConvNeXt ? prefixes(Self.convNeXtMark) : transformers
        hasMark = !found.isEmpty
        prefix = found.first { $0.contains("teacher") } ?? found.min { ($0.count, $0) < ($1.count, $1) } ?? ""
    }

    /// Whether a stored name belongs to the backbone and to nothing else.
    ///
    /// Heads and other networks stand next to it. A published ConvNeXt holds its last norm a second time.
    func isOfBackbone(_ name: String) -> Bool {
        name.hasPrefix(prefix) && !(isConvNeXt && name.hasPrefix("\(prefix)norms.3."))
    }

    /// The architecture, read off the tensors.
    ///
    /// - Parameter heads: The number of attention heads, where the user gives it.
    func architecture(
        of source: any TensorSource, path: String, heads: Int? = nil
    ) throws(BackboneError) -> BackboneArchitecture {
        func shape(_ name: String) -> [Int]? { source.entry(prefix + name)?.shape }
        if isConvNeXt { return .convNeXt(try ConvNeXtConfiguration.inferred(path: path, shape: shape)) }
        var configuration = try BackboneConfiguration.inferred(path: path, heads: heads, shape: shape)
        if let periods = try? source.tensor("\(prefix)rope_embed.periods", copy: true) {
            configuration.rope.base = RotaryConfiguration.base(of: periods.doubles()) ?? configuration.rope.base
        }
        return .transformer(configuration)
    }
}
