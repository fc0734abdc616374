// Tokens of many images as one safetensors file.
public import Files
internal import FoundationEssentials
internal import Telemetry
public import Torch

/// What is wanted of a network about images.
public struct EmbedOptions: Sendable {
    /// The tokens of an image.
    public enum Kind: String, Sendable, CaseIterable {
        /// The class token, one per image.
        case cls
        /// The registers.
        case registers
        /// The patches, row by row.
        case patches
    }

    /// The kinds that are kept.
    public var kinds = Set(Kind.allCases)
    /// Blocks, from 0, whose tokens are kept next to the network's output.
    public var layers: [Int] = []
    /// Whether the final normalisation is applied to the tokens of `layers`.
    public var normalisesLayers = true
    /// The grid of `layers`.
    public var grid = TapGrid.patches
    /// Images per call of the network.
    public var batch = 8

    /// The network's output, eight images at a time.
    public init() {}
}

/// Writes `cls` [N, D], `registers` [N, R, D] and `patches` [N, h, w, D], float32; for each layer asked for also
/// `layers.L.cls` and so on, and what the caller knows of the images.
///
/// Memory does not depend on the number of images.
public final class TokenFile {
    private let writer: SafetensorsWriter
    private let network: any ImageBackbone
    private let options: EmbedOptions
    private let beside: [TensorEntry]
    private let count: Int
    private var done = 0

    /// Starts a file.
    ///
    /// - Parameters:
    ///   - path: The file; one in its way is replaced only when `overwrite` says so.
    ///   - network: The network that images will be given to.
    ///   - count: The number N of images.
    ///   - height: Their height in pixels, a multiple of the architecture's stride.
    ///   - width: Their width.
    ///   - options: What is kept.
    ///   - beside: More arrays, with N first; their bytes come with the images.
    ///   - metadata: Texts by name that go into the file.
    ///   - overwrite: Whether a file of that name is replaced.
    /// - Throws: `BackboneError` (`exists`, `badConfiguration`); `TorchError` when the file cannot be written.
    public init(
        _ path: String, network: any ImageBackbone, count: Int, height: Int, width: Int, options: EmbedOptions,
        beside: [TensorEntry] = [], metadata: [String: String] = [:], overwrite: Bool = false
    ) throws {
        let architecture = network.architecture
        let patch = architecture.stride
        guard height > 0, width > 0, height % patch == 0, width % patch == 0 else {
            throw BackboneError(
                .badConfiguration, "images of \(width) x \(height) pixels do not divide into whole patches",
                why: ["width and height must be multiples of \(patch)"],
                try:
                    "crop, pad or resample the images, for example to \(architecture.fittingSide(width)) x \(architecture.fittingSide(height))"
            )
        }
        let widths = architecture.tapWidths
        let known = Set(widths.indices)
        if let unknown = options.layers.first(where: { !known.contains($0) }) {
            throw BackboneError(
                .badConfiguration, "the network has no layer \(unknown)", in: "\(Setting.layers)",
                why: ["its layers are 0 to \(widths.count - 1)"])
        }
        guard Set(options.layers).count == options.layers.count else {
            throw BackboneError(
                .badConfiguration, "a layer is given twice: \(options.layers.map(String.init).joined(separator: ", "))",
                in: "\(Setting.layers)", try: "give each layer once")
        }
        if !overwrite, FileManager.default.fileExists(atPath: path) {
            throw BackboneError(
                .exists, "the file exists already", in: path, try: "choose another name, or \(Setting.overwrite)")
        }
        func described(_ prefix: String, _ tokenWidth: Int, stride: Int) -> [TensorEntry] {
            EmbedOptions.Kind.allCases.filter(options.kinds.contains).map { kind in
                let shape =
                    switch kind {
                    case .cls: [count, tokenWidth]
                    case .registers: [count, architecture.registers, tokenWidth]
                    case .patches: [count, height / stride, width / stride, tokenWidth]
                    }
                return TensorEntry(name: "\(prefix)\(kind.rawValue)", type: .float32, shape: shape)
            }
        }
        var entries = described("", architecture.width, stride: patch)
        for layer in options.layers.sorted() {
            entries += described(
                "layers.\(layer).", widths[layer],
                stride: architecture.tapStride(ofLayer: layer, grid: options.grid))
        }
        precondition(beside.allSatisfy { $0.shape.first == count }, "arrays beside the tokens have one row per image")
        // Wide elements first, so that readers find all of them at whole multiples of their size.
        entries += beside
        entries = entries.enumerated().sorted {
            ($1.element.type.byteCount, $0.offset) < ($0.element.type.byteCount, $1.offset)
        }.map(\.element)
        self.beside = beside
        writer = try SafetensorsWriter(path: path, entries: entries, metadata: metadata)
        self.network = network
        self.options = options
        self.count = count
    }

    /// Gives the next images to the network and writes what it says.
    ///
    /// - Parameters:
    ///   - images: `[B, C, H, W]`, normalised, of the size that was announced.
    ///   - rows: The bytes of the arrays beside the tokens, by name: B rows each.
    /// - Throws: `TorchError` when there is not enough memory, or weights or output cannot be read or written.
    public func append(_ images: Tensor, beside rows: [String: [UInt8]] = [:]) throws {
        guard let batch = images.shape.first, batch > 0 else { return }
        precondition(done + batch <= count, "more images than were announced")
        for entry in beside {
            let size = (entry.byteCount ?? 0) / max(count, 1)
            guard let bytes = rows[entry.name], bytes.count == batch * size else {
                preconditionFailure("'\(entry.name)' comes with every image")
            }
            try bytes.withUnsafeBytes { try writer.put($0, into: entry.name, at: done * size) }
        }
        let layers = options.layers.sorted()
        do {
            try catchingTorchErrors {
                try withoutGradient {
                    let said = network.forward(
                        images, tapping: layers, normalised: options.normalisesLayers, grid: options.grid)
                    try put("", said.output.cls, said.output.registers, said.output.patches)
                    for (layer, tap) in zip(layers, said.taps) {
                        try put(
                            "layers.\(layer).", tap.cls, tap.registers, tap.map.flattened(from: 2).transpose(1, 2))
                    }
                }
            }
        } catch {
            // Where a block could not be read, that is the reason of all that failed after it.
            throw (network as? VisionTransformer)?.readFailure ?? error
        }
        done += batch
    }

    /// Finishes the file; all announced images must have come.
    public func finish() throws {
        precondition(done == count, "fewer images than were announced")
        try writer.finish()
    }

    private func put(_ prefix: String, _ cls: Tensor, _ registers: Tensor, _ patches: Tensor) throws {
        for (kind, tensor) in [(EmbedOptions.Kind.cls, cls), (.registers, registers), (.patches, patches)]
        where tensor.count > 0 && options.kinds.contains(kind) {
            let plain = tensor.detached().to(.float32).to(.cpu).contiguous()
            let bytesEach = plain.count / plain.shape[0] * 4
            try plain.withBytes { try writer.put($0, into: prefix + kind.rawValue, at: done * bytesEach) }
        }
    }
}
