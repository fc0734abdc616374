// geodino embed: what a backbone says about images.
import ArgumentParser
import Backbone
import Foundation
import Telemetry
import Torch

struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed", abstract: "Write the tokens that a backbone makes of images.",
        discussion: """
            The output is a safetensors file, float32, with cls [N, D], registers [N, R, D] and patches [N, h, w, D]; \
            with --layers also layers.L.cls and so on.
            """)

    @Option(
        help: ArgumentHelp(
            "A safetensors file with images: 'pixels' [N, C, H, W] float32, normalised.", valueName: "file"))
    var tensor: String

    @Option(help: "Weights: a file or a folder, of geodino, official or of Hugging Face.")
    var weights: String

    @Option(name: .shortAndLong, help: "The .safetensors file to write.")
    var output: String

    @Option(help: ArgumentHelp("Also the tokens after these blocks, from 0, such as 5,11,17,23.", valueName: "list"))
    var layers: String?

    @Flag(help: "Leave the final normalisation off the tokens of --layers.")
    var rawLayers = false

    @Option(help: "Images per call of the network.")
    var batch = 8

    @Option(help: "The type to compute in: float32, float64 or bfloat16.")
    var dtype = "float32"

    @Flag(help: "Keep the weights on disk and in memory one block of them: for networks larger than memory.")
    var stream = false

    @Flag(help: "Replace an existing file.")
    var overwrite = false

    @OptionGroup var arguments: WeightsArguments
    @OptionGroup var device: DeviceOptions
    @OptionGroup var shared: ProgressOptions

    private static let types: [String: DType] = ["float32": .float32, "float64": .float64, "bfloat16": .bfloat16]

    func validate() throws {
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must be 1 to 4096, got \(batch)") }
        guard Self.types[dtype] != nil else {
            throw ValidationError("--dtype takes float32, float64 or bfloat16, got '\(dtype)'")
        }
        if layers != nil, layerNumbers == nil {
            throw ValidationError("--layers takes block numbers from 0, such as 5,11,17,23; got '\(layers ?? "")'")
        }
    }

    private var layerNumbers: [Int]? {
        guard let layers else { return [] }
        let numbers = layers.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        return numbers.allSatisfy { ($0 ?? -1) >= 0 } ? numbers.compactMap(\.self) : nil
    }

    func run() throws {
        let images = try openTensors(tensor)
        let contents = try WeightsContents.open(weights, options: arguments.options)
        for note in contents.notes { printToStandardError("note: \(note)") }
        let shape = try pixelShape(images, channels: contents.record.architecture.channels)
        let device = try Device(named: device.device ?? "cpu")
        if let count = self.device.tensorThreads { Torch.setThreads(count) }
        let type = Self.types[dtype] ?? .float32
        let residency: WeightsResidency = stream ? .streamed : contents.residency(for: type)
        let network = try contents.network(dtype: type, device: device, residency: residency)
        var options = EmbedOptions()
        options.layers = layerNumbers ?? []
        options.normalisesLayers = !rawLayers
        options.batch = batch
        let file = try TokenFile(
            output, network: network, count: shape[0], height: shape[2], width: shape[3], options: options,
            metadata: ["weights": contents.path], overwrite: overwrite)
        let meter = shared.meter("embed")
        defer { meter.finish() }
        let pixels = try images.tensor("pixels", copy: false)
        for start in stride(from: 0, to: shape[0], by: batch) {
            guard meter.handler(Progress(unit: "images", done: start, total: shape[0])) else {
                throw BackboneError(.cancelled, "interrupted; the file was not written", in: output)
            }
            let part = pixels.narrow(dim: 0, start: start, length: min(batch, shape[0] - start))
            try file.append(part.to(type).to(device))
        }
        try file.finish()
        meter.finish()
        print("\(output): \(shape[0]) images of \(shape[3]) x \(shape[2]) px")
    }

    /// The shape of the images, checked.
    private func pixelShape(_ images: any TensorSource, channels: Int) throws -> [Int] {
        guard let entry = images.entry("pixels") else {
            throw CommandError(
                .badArgument, "the file has no tensor 'pixels'", in: tensor,
                why: ["it has \(images.names.prefix(8).joined(separator: ", "))"])
        }
        guard entry.shape.count == 4, entry.shape[1] == channels, entry.shape[0] > 0, entry.type == .float32 else {
            throw CommandError(
                .badArgument, "'pixels' is \(entry.type.rawValue) \(entry.shape)", in: tensor,
                why: ["these weights take F32 [N, \(channels), H, W], normalised"])
        }
        return entry.shape
    }
}
