// geodino embed: what a backbone says about images, scenes and tiles.
import ArgumentParser
import Backbone
import Downstream
import Files
import Foundation
import Geo
import Telemetry
import Torch

#if EARTH
    import Corpus
    import Mapping
    import Raster
#endif

struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed", abstract: "Write a backbone's tokens of images, scenes or tiles.",
        discussion: """
            Inputs are images, scenes, or one corpus or pack; or a --tensor file. Georeferenced rasters are scenes \
            and are cut into windows on one grid. Rasters that are not georeferenced are images, and so are all \
            rasters with --whole or --size.
            A .safetensors output holds, in float32, cls [N, D], registers [N, R, D] and patches [N, h, w, D]; with \
            --layers also layers.L.cls and so on. For scenes it also holds bounds [N, 4] (min x, min y, max x, max y \
            in the CRS that the metadata names) and valid [N, h, w]. Row i of a corpus is its tile i.
            A .tif output is a georeferenced raster of the scenes with one pixel per patch and one band per element \
            of a token. Its windows overlap and are blended. With --pca 3 it is a picture.
            """)

    @Argument(help: "Images or scenes that GDAL can open, or one corpus or pack.")
    var inputs: [String] = []

    @Option(
        help: ArgumentHelp(
            "Instead of inputs: a safetensors file with 'pixels' [N, C, H, W] (float32, normalised).", valueName: "file"
        ))
    var tensor: String?

    @Option(help: "Weights: a file or a folder, in geodino's, the official, Hugging Face's or timm's format.")
    var weights: String

    @Option(name: .shortAndLong, help: "The .safetensors or .tif file to write.")
    var output: String

    @Option(
        help: ArgumentHelp(
            "Also write the tokens after these blocks, counted from 0, such as 5,11,17,23. A .tif takes one block.",
            valueName: "list"))
    var layers: String?

    @Flag(help: "Do not apply the final normalisation to the tokens of --layers.")
    var rawLayers = false

    @Flag(
        help:
            "Keep a ConvNeXt's --layers on their own grids of 4, 8, 16 and 32 pixels instead of resampling all to 16."
    )
    var ownGrids = false

    @Option(help: ArgumentHelp("Write only these kinds of tokens: cls, registers, patches.", valueName: "list"))
    var only: String?

    @Option(help: ArgumentHelp("Bands of a .tif: the first n principal components; 3 make a picture.", valueName: "n"))
    var pca: Int?

    @Option(
        help: ArgumentHelp(
            "With --pca: the components written next to another map (.pca.safetensors), for the same colours.",
            valueName: "file"))
    var basis: String?

    @OptionGroup var windows: BatchOptions

    @Option(help: "Data type of the computation: float32, float64 or bfloat16.")
    var dtype = "float32"

    @Flag(help: "Keep the weights on disk and only one block of them in memory, for networks larger than memory.")
    var stream = false

    @Flag(help: "Treat every raster as one image, even if it is georeferenced.")
    var whole = false

    @Option(
        help: ArgumentHelp(
            "Resample to this side: every raster, treated as one image, or every tile of a corpus or a pack.",
            valueName: "pixels"))
    var size: Int?

    @Option(
        help: ArgumentHelp(
            "Side of a window of a scene. (default: 512, or the nearest whole number of patches: 518 for patches of 14)",
            valueName: "pixels"))
    var window: Int?

    @Option(help: "Pixels by which windows overlap. (default: 0; for a .tif a quarter of the window)")
    var overlap: Int?

    @Option(help: ArgumentHelp("Metres per pixel, or native. (default: the weights' GSD)", valueName: "metres"))
    var gsd: String?

    @Option(
        help: ArgumentHelp(
            "How values become 8 bits: none, percentile:LOW,HIGH or fixed:LOW,HIGH. (default: the weights' stretch)",
            valueName: "rule"))
    var stretch: String?

    @OptionGroup var bands: BandOptions

    @OptionGroup var area: AreaOptions

    @Flag(help: "Replace an existing file and the files next to it.")
    var overwrite = false

    @OptionGroup var arguments: WeightsArguments
    @OptionGroup var device: DeviceOptions
    #if EARTH
        @OptionGroup var gdal: GDALOptions
    #endif
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var shared: ProgressOptions

    private var isRaster: Bool { [".tif", ".tiff"].contains { output.lowercased().hasSuffix($0) } }

    func validate() throws {
        guard computeTypes[dtype] != nil else {
            throw ValidationError("--dtype takes float32, float64 or bfloat16, got '\(dtype)'")
        }
        guard let layers = layerNumbers else {
            throw ValidationError(
                "--layers takes block numbers, counted from 0, such as 5,11,17,23; got '\(layers ?? "")'")
        }
        guard inputs.isEmpty != (tensor == nil) else {
            throw ValidationError("give either images, scenes or a corpus, or --tensor FILE")
        }
        if keptKinds == nil { throw ValidationError("--only takes cls, registers, patches; got '\(only ?? "")'") }
        for (name, value) in [("--size", size), ("--window", window)] {
            guard let value else { continue }
            guard (1...8192).contains(value) else { throw ValidationError("\(name) must be 1 to 8192, got \(value)") }
        }
        if let gsd, gsd != "native", !(0.001...100_000).contains(Double(gsd) ?? 0) {
            throw ValidationError("--gsd takes metres from 0.001 to 100000, or native; got '\(gsd)'")
        }
        if let stretch, StretchRule(text: stretch) == nil {
            throw ValidationError("--stretch takes none, percentile:LOW,HIGH or fixed:LOW,HIGH; got '\(stretch)'")
        }
        if rawLayers, layers.isEmpty { throw ValidationError("--raw-layers requires --layers") }
        if ownGrids, layers.isEmpty { throw ValidationError("--own-grids requires --layers") }
        if tensor != nil, let option = options(beside: .tensor).first {
            throw ValidationError("\(option) cannot be combined with --tensor, whose pixels are used as they are")
        }
        guard isRaster else {
            guard output.lowercased().hasSuffix(".safetensors") else {
                throw ValidationError("the output must be a .safetensors or a .tif file, got '\(output)'")
            }
            if pca != nil || basis != nil { throw ValidationError("--pca and --basis require a .tif output") }
            return
        }
        guard tensor == nil, size == nil, !whole else {
            throw ValidationError("a .tif is made from scenes: leave out --tensor, --size and --whole")
        }
        guard layers.count <= 1, only == nil else {
            throw ValidationError(
                "a .tif holds the patches of one layer: give one number after --layers, and leave out --only")
        }
        if let pca, !(1...65535).contains(pca) { throw ValidationError("--pca must be 1 to 65535, got \(pca)") }
        if basis != nil, pca == nil { throw ValidationError("--basis requires --pca N") }
    }

    private static func numbers(_ text: String, from least: Int) -> [Int]? {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        return numbers.allSatisfy { ($0 ?? least - 1) >= least } ? numbers.compactMap(\.self) : nil
    }
    private var layerNumbers: [Int]? { layers.map { Self.numbers($0, from: 0) } ?? [] }
    private var grid: TapGrid { ownGrids ? .own : .patches }
    private var keptKinds: Set<EmbedOptions.Kind>? {
        guard let only else { return Set(EmbedOptions.Kind.allCases) }
        let kinds = only.split(separator: ",", omittingEmptySubsequences: false)
            .map { EmbedOptions.Kind(rawValue: String($0)) }
        return kinds.contains(nil) ? nil : Set(kinds.compactMap(\.self))
    }

    /// The options given that mean nothing for a kind of input.
    private func options(beside kind: EmbedInputKind) -> [String] {
        let given: [(name: String, isGiven: Bool, kinds: Set<EmbedInputKind>)] = [
            ("--whole", whole, [.images]), ("--size", size != nil, [.images, .tiles]),
            ("--bands", bands.text != nil, [.images, .scenes]), ("--stretch", stretch != nil, [.images, .scenes]),
            ("--window", window != nil, [.scenes]), ("--overlap", overlap != nil, [.scenes]),
            ("--gsd", gsd != nil, [.scenes]),
        ]
        let own = given.filter { $0.isGiven && !$0.kinds.contains(kind) }.map(\.name)
        return own + (kind == .scenes ? [] : area.given)
    }

    /// All files and folders that are read.
    private func read(_ kind: EmbedInputKind) -> [String] {
        var files =
            [tensor, area.aoi, basis, arguments.periods].compactMap(\.self) + WeightsContents.files(of: weights)
        #if EARTH
            if kind == .images || kind == .scenes { return files + inputs.flatMap(RasterReader.files) }
        #endif
        files += inputs
        return files
    }

    func run() throws {
        #if EARTH
            try gdal.apply()
        #endif
        let kind = try inputKind()
        if let option = options(beside: kind).first {
            let hint =
                kind == .images && !whole && size == nil
                ? ["the rasters are not georeferenced, so they are images and not scenes"] : []
            throw CommandError(
                .badArgument, "\(option) does not apply to \(kind.rawValue)", in: inputs.first ?? "", why: hint,
                try: "leave out \(option)")
        }
        if isRaster, kind != .scenes {
            #if EARTH
                if kind == .images, let first = inputs.first, let reader = try? RasterReader(path: first),
                    reader.grid.crs == nil
                {
                    let gap = reader.placeMissing()
                    throw CommandError(
                        .badArgument, "a .tif cannot be made from \(kind.rawValue)", in: first, why: gap.causes,
                        try: "write a .safetensors file" + (gap.remedy.map { ", or georeference it: \($0)" } ?? ""))
                }
            #endif
            throw CommandError(
                .badArgument, "a .tif cannot be made from \(kind.rawValue)", in: inputs.first ?? "",
                try: "give georeferenced scenes, or write a .safetensors file")
        }
        // Components beside the map, be they made or left by an older one.
        let read = read(kind)
        let components = URL(fileURLWithPath: output).deletingPathExtension().relativePath + ".pca.safetensors"
        let keepsBasis = basis.map { inputFile(at: components, among: [$0]) != nil } ?? false
        try checkOutputs(
            [output] + (isRaster && !keepsBasis ? [components] : []), inputs: read, overwrite: overwrite)
        let contents = try WeightsContents.open(weights, options: arguments.options)
        for note in contents.notes { printToStandardError("note: \(note)") }
        var record = contents.record
        if let rule = stretch.flatMap(StretchRule.init(text:)) { record.stretch = rule }
        if stream, case .convNeXt = record.architecture {
            printToStandardError("note: --stream is for transformers; a ConvNeXt is loaded as a whole")
        }
        if ownGrids, case .transformer = record.architecture {
            printToStandardError("note: --own-grids is for a ConvNeXt; all blocks of a transformer have the same grid")
        }
        if keptKinds == [.registers], record.architecture.registers == 0 {
            throw CommandError(.badArgument, "the network has no register tokens", in: "--only")
        }
        let device = try Device(named: device.device ?? "cpu")
        if let count = self.device.tensorThreads { Torch.setThreads(count) }
        let meter = shared.meter("embed")
        defer { meter.finish() }
        let type = computeTypes[dtype] ?? .float32
        func network() throws -> any ImageBackbone {
            try contents.network(
                dtype: type, device: device, residency: stream ? .streamed : contents.residency(for: type, on: device))
        }
        guard isRaster else {
            try writeTokens(kind, network, record, contents, type, device, meter)
            return
        }
        #if EARTH
            let job = FeatureMapJob(
                scenes: inputs, output: output, options: try rasterOptions(record), batch: windows.batch,
                layer: layerNumbers?.first, normalises: !rawLayers, grid: grid, input: try inputMetadata(record),
                dtype: dtype,
                pca: pca,
                basis: basis, componentsPath: components, keepsBasis: keepsBasis, overwrite: overwrite, read: read)
            try job.run(network, record, contents, meter)
        #endif
    }

    private func writeTokens(
        _ kind: EmbedInputKind, _ network: () throws -> any ImageBackbone, _ record: WeightsRecord,
        _ contents: WeightsContents, _ type: DType, _ device: Device, _ meter: ProgressMeter
    ) throws {
        let input = try images(kind, record, meter)
        var options = EmbedOptions()
        options.kinds = keptKinds ?? options.kinds
        options.layers = layerNumbers ?? []
        options.normalisesLayers = !rawLayers
        options.grid = grid
        options.batch = windows.batch
        let metadata = input.metadata.merging(try weightsMetadata(contents, record, kind)) { own, _ in own }
        let file = try TokenFile(
            output, network: network(), count: input.count, height: input.height, width: input.width, options: options,
            beside: input.beside, metadata: metadata, overwrite: overwrite)
        var done = 0
        try input.batches(of: windows.batch) { part in
            guard meter.handler(Progress(unit: input.unit, done: done, total: input.count)) else {
                throw BackboneError(.cancelled, "interrupted before the file was written", in: output)
            }
            try file.append(part.images.to(type).to(device), beside: part.rows)
            done += part.images.shape[0]
        }
        try file.finish()
        meter.finish()
        print("\(output): \(counted(input.count, input.unit)) of \(input.width) x \(input.height) px")
    }

    /// What the tokens are of, for the file.
    private func weightsMetadata(
        _ contents: WeightsContents, _ record: WeightsRecord, _ kind: EmbedInputKind
    ) throws -> [String: String] {
        var metadata = ["software": "geodino \(geodinoVersion)", "weights": contents.path, "dtype": dtype]
        // Hashing what is larger than that would take longer than the tokens of an image.
        if contents.byteCount <= 4 << 30 { metadata["weights_sha256"] = try contents.sha256() }
        if layers != nil { metadata["layers_normalised"] = rawLayers ? "no" : "yes" }
        let input = try inputMetadata(record)
        // Pixels of a tensor were normalised by somebody else.
        guard kind != .tensor else {
            return metadata.merging(input.filter { ["periods_sha256", "layers_grid"].contains($0.key) }) { $1 }
        }
        metadata.merge(input) { first, _ in first }
        guard kind != .tiles else {
            if let size { metadata["size"] = "\(size)" }
            return metadata
        }
        metadata["stretch"] = record.stretch.text
        if let bands = bands.text { metadata["bands"] = bands }
        if area.allTouched { metadata["all_touched"] = "yes" }
        if area.noClip { metadata["no_clip"] = "yes" }
        return metadata
    }

    /// What decides, beside the weights' file, what the network says of given pixels.
    private func inputMetadata(_ record: WeightsRecord) throws -> [String: String] {
        var metadata = [
            "mean": record.mean.map { "\($0)" }.joined(separator: ","),
            "std": record.std.map { "\($0)" }.joined(separator: ","),
            "band_names": record.bands.map(\.name).joined(separator: ","),
        ]
        if ownGrids {
            metadata["layers_grid"] = "own"
        } else if case .convNeXt(let network) = record.architecture, !rawLayers,
            layerNumbers?.contains(network.depths.count - 1) == true
        {
            // Components of tokens that were normalised before they were resized, as earlier versions did, are of others.
            metadata["layers_grid"] = "patches"
        }
        if let periods = arguments.periods { metadata["periods_sha256"] = try SHA256.hex(ofFile: periods) }
        return metadata
    }

    /// What the inputs are, by their headers.
    private func inputKind() throws -> EmbedInputKind {
        if tensor != nil { return .tensor }
        if let tiles = inputs.first(where: isTiles) {
            guard inputs.count == 1 else {
                throw CommandError(
                    .badArgument, "a corpus or a pack cannot be combined with other inputs", in: tiles,
                    try: "give only the corpus or the pack")
            }
            return .tiles
        }
        #if EARTH
            let placed = try inputs.map { try RasterReader(path: $0).grid.crs != nil }
            if whole || size != nil || !placed.contains(true) { return .images }
            if let place = placed.firstIndex(of: false) {
                throw CommandError(
                    .badArgument, "the raster is not georeferenced, but others are", in: inputs[place],
                    try: "--whole, which treats every raster as one image")
            }
            return .scenes
        #else
            throw CommandError(
                .notFound, "this is the tensor half of geodino, which reads only packs and --tensor", in: inputs[0],
                try: "geodino corpus pack CORPUS -o PACK, on a machine with GDAL")
        #endif
    }

    /// Where the images come from.
    private func images(_ kind: EmbedInputKind, _ record: WeightsRecord, _ meter: ProgressMeter) throws
        -> any EmbedInput
    {
        if let tensor { return try TensorInput(tensor, channels: record.architecture.channels) }
        if kind == .tiles {
            let tiles = try TileInput(inputs[0], record: record, size: size)
            for note in tiles.notes { printToStandardError("note: \(note)") }
            return tiles
        }
        #if EARTH
            let options = try rasterOptions(record)
            if kind == .images {
                let images = try ImageInput(inputs, record: record, options: options)
                for warning in images.warnings { printToStandardError("warning: \(warning)") }
                return images
            }
            let scenes = try SceneInput(
                inputs, output: output, record: record, options: options,
                layerStride: (layerNumbers ?? []).filter(record.architecture.tapWidths.indices.contains)
                    .map { record.architecture.tapStride(ofLayer: $0, grid: grid) }.min(), progress: meter.handler)
            for warning in scenes.warnings { printToStandardError("warning: \(warning)") }
            return scenes
        #else
            preconditionFailure("the tensor half knows tensors and packs")
        #endif
    }

    private func isTiles(_ path: String) -> Bool {
        if FileManager.default.fileExists(atPath: "\(path)/pack.json") { return true }
        #if EARTH
            return isCorpus(path)
        #else
            return false
        #endif
    }

    #if EARTH
        private func rasterOptions(_ record: WeightsRecord) throws -> RasterInputOptions {
            var options = RasterInputOptions()
            options.bands = try bands.request(inputs)
            options.size = size
            options.aoi = area.aoi
            options.allTouched = area.allTouched
            options.noClip = area.noClip
            options.window = window ?? record.architecture.fittingSide(options.window)
            options.overlap = overlap
            options.gsd = gsd == "native" ? nil : gsd.flatMap(Double.init) ?? record.gsd
            options.threads = threads.count
            return options
        }
    #endif
}
