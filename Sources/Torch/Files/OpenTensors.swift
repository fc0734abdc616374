// Opening a file of weights without being told its format.
internal import Files
public import Telemetry

/// Opens a file of weights, whatever its format: safetensors, the index of sharded safetensors, or what `torch.save`
/// wrote (`.pth`, `.pt`, `.bin`; zip archives and the format before them).
///
/// The content decides, not the name. Nothing in the file is executed.
///
/// - Throws: `TorchError` (`notFound`, `readFailed`, `badFile`).
public func openTensors(_ path: String) throws(TorchError) -> any TensorSource {
    if path.hasSuffix(".json") { return try ShardedSafetensors(index: path) }
    let map = try WeightsMap(weights: path)
    let start = UnsafeRawBufferPointer(rebasing: map.bytes.prefix(16))
    // A pickle of the first protocol begins like any text: there the name decides what is said of it.
    let isNamedSo =
        [".pth", ".pt"].contains { path.lowercased().hasSuffix($0) }
        && !(start.count > 8 && start[8] == UInt8(ascii: "{"))
    if PyTorchFile.recognises(start) || isNamedSo { return try PyTorchFile(map) }
    return try SafetensorsFile(map)
}
