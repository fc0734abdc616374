// What training code wraps around a network's layers leaves words in their names, which are taken out here.
internal import Files
internal import Telemetry
package import Torch

/// Opens a file of weights as `openTensors` does, and takes out of its names what wrappers of layers left in them.
///
/// `torch.compile` leaves `_orig_mod`, data-parallel training `module`, sharding `_fsdp_wrapped_module`, and recomputing blocks
/// `_checkpoint_wrapped_module`, anywhere in a name. The original DINOv2 code trains blocks in chunks, `blocks.2.17.`, where the second
/// number is the block's own.
///
/// - Throws: `BackboneError` (`badWeights`) where two tensors would get one name; errors of the file format as they come.
package func openWeights(_ path: String) throws -> any TensorSource {
    let source = try openTensors(path)
    let plain = WrappedNames.plain(source.names)
    guard plain != source.names else { return source }
    return try PlainlyNamedTensors(source, plain)
}

private enum WrappedNames {
    private static let wrappers: Set<Substring> = [
        "_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    ]

    /// The names without wrappers and chunks, in the same order.
    static func plain(_ names: [String]) -> [String] {
        let unwrapped = names.map { name in
            name.split(separator: ".", omittingEmptySubsequences: false).filter { !wrappers.contains($0) }
        }
        // Every block of a network is in a chunk, or none is.
        let places = unwrapped.map(numberedBlock)
        let isChunked =
            places.contains { $0 != nil } && zip(unwrapped, places).allSatisfy { $1 != nil || !hasBlock($0) }
        return zip(unwrapped, places).map { parts, place in
            guard isChunked, let place else { return parts.joined(separator: ".") }
            var parts = parts
            parts.remove(at: place)
            return parts.joined(separator: ".")
        }
    }

    private static func hasBlock(_ parts: [Substring]) -> Bool {
        zip(parts, parts.dropFirst()).contains { $0 == "blocks" && Int($1) != nil }
    }

    /// The place of a chunk's number, as in `blocks.2.17.norm1.weight`.
    private static func numberedBlock(_ parts: [Substring]) -> Int? {
        guard let blocks = parts.firstIndex(of: "blocks"), parts.count > blocks + 3,
            Int(parts[blocks + 1]) != nil, Int(parts[blocks + 2]) != nil,
            // A timm ConvNeXt or EfficientNet has stages.0.blocks.0.0 or blocks.0.0.conv_dw.
            ["norm1", "norm2", "attn", "mlp", "ls1", "ls2"].contains(parts[blocks + 3])
        else { return nil }
        return blocks + 1
    }
}

/// The tensors of a file under other names.
private final class PlainlyNamedTensors: TensorSource {
    private let source: any TensorSource
    let entries: [TensorEntry]
    /// Places in `entries`, which are in the order of the file's.
    private let places: [String: Int]
    private let stored: [String]

    init(_ source: any TensorSource, _ names: [String]) throws(BackboneError) {
        self.source = source
        stored = source.names
        entries = zip(source.entries, names).map { TensorEntry(name: $1, type: $0.type, shape: $0.shape) }
        var places: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            if let other = places.updateValue(index, forKey: name) {
                throw BackboneError(
                    .badWeights, "two tensors have the same name once the wrappers' prefixes are removed",
                    in: source.path,
                    why: ["\(source.names[other]) and \(source.names[index]) both become \(name)"],
                    try: "save only one network: torch.save(model.state_dict(), ...)")
            }
        }
        self.places = places
    }

    var path: String { source.path }
    var files: [String] { source.files }
    var metadata: [String: String] { source.metadata }

    func entry(_ name: String) -> TensorEntry? { places[name].map { entries[$0] } }

    func tensor(_ name: String, copy: Bool) throws(TorchError) -> Tensor {
        try source.tensor(places[name].map { stored[$0] } ?? name, copy: copy)
    }

    func willNeed(_ name: String) {
        if let place = places[name] { source.willNeed(stored[place]) }
    }
}
