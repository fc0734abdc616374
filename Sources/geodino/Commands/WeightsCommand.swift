// geodino weights: what a file of weights holds, and the same weights in another format.
import ArgumentParser
import Backbone
import Foundation
import Geo
import Telemetry
import Torch

struct WeightsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights", abstract: "Inspect weights and convert them between formats.",
        discussion: """
            W is a file or a folder: weights written by geodino, a published .pth of DINOv3 or DINOv2, or a model \
            from Hugging Face or timm. A .pth is read without running any of its code; anything that is not a tensor \
            is refused.
            """,
        subcommands: [WeightsInfoCommand.self, WeightsConvertCommand.self])
}

/// What the user knows of weights that do not describe themselves.
struct WeightsArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The architecture, if the file does not say it: \(BackboneArchitecture.presetNames.joined(separator: ", ")).",
            valueName: "name"))
    var arch: String?

    @Option(help: ArgumentHelp("The number of attention heads, if the file does not say it.", valueName: "count"))
    var heads: Int?

    @Option(help: ArgumentHelp("Normalise with these published statistics: web or sat.", valueName: "name"))
    var statistics: String?

    @Option(help: ArgumentHelp("Read the rotary periods from this file.", valueName: "file"))
    var periods: String?

    @Option(
        help: ArgumentHelp(
            "Adapt weights for red, green and blue to images of these bands, such as red,green,blue,nir: the filters of the other bands are the mean of the three, and all filters are scaled by 3/N.",
            valueName: "names"))
    var inflate: String?

    @Option(help: ArgumentHelp("With --inflate: mean of each band, for values from 0 to 1.", valueName: "numbers"))
    var bandMean: String?

    @Option(help: ArgumentHelp("With --inflate: standard deviation of each band.", valueName: "numbers"))
    var bandStd: String?

    func validate() throws {
        if let arch, BackboneArchitecture.preset(arch) == nil {
            throw ValidationError(
                "--arch takes one of \(BackboneArchitecture.presetNames.joined(separator: ", ")), got '\(arch)'")
        }
        if let heads, !(1...1024).contains(heads) {
            throw ValidationError("--heads must be 1 to 1024, got \(heads)")
        }
        if let statistics, InputStatistics(rawValue: statistics) == nil {
            throw ValidationError("--statistics takes web or sat, got '\(statistics)'")
        }
        for (name, text) in [("--band-mean", bandMean), ("--band-std", bandStd)] {
            guard let text else { continue }
            guard inflate != nil else { throw ValidationError("\(name) requires --inflate") }
            guard Self.numbers(text) != nil else {
                throw ValidationError("\(name) takes one number per band, such as 0.43,0.41,0.30,0.5; got '\(text)'")
            }
        }
    }

    /// The options that were given.
    var given: [String] {
        [
            ("--arch", arch), ("--heads", heads.map { "\($0)" }), ("--statistics", statistics), ("--periods", periods),
            ("--inflate", inflate),
            ("--band-mean", bandMean), ("--band-std", bandStd),
        ].filter { $0.1 != nil }.map(\.0)
    }

    var options: WeightsOptions {
        var options = WeightsOptions()
        options.architecture = arch.flatMap(BackboneArchitecture.preset)
        options.heads = heads
        options.willReadWholeFile = { path, bytes in
            // Shorter waits need no word.
            guard bytes >= 500_000_000 else { return }
            printToStandardError(
                "reading \(path) (\(String(format: "%.1f", Double(bytes) / 1e9)) GB) to identify it by its content; --statistics skips this"
            )
        }
        options.statistics = statistics.flatMap(InputStatistics.init(rawValue:))
        options.periods = periods
        options.bands = inflate?.split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        options.bandMean = bandMean.flatMap(Self.numbers)
        options.bandStd = bandStd.flatMap(Self.numbers)
        return options
    }

    private static func numbers(_ text: String) -> [Double]? {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
        return numbers.contains(nil) ? nil : numbers.compactMap(\.self)
    }
}

struct WeightsInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show the architecture, parameters, bands, normalisation, GSD, provenance and hash.")

    @Argument(help: "Weights: a file or a folder.")
    var weights: String

    @OptionGroup var arguments: WeightsArguments

    @Flag(help: "Do not compute the hash, which needs the whole file.")
    var noHash = false

    @OptionGroup var result: ResultOptions

    func run() throws {
        var options = arguments.options
        options.readsWholeFile = !noHash
        let contents = try WeightsContents.open(weights, options: options)
        let report = WeightsReport(contents, sha256: noHash ? nil : try contents.sha256())
        try result.show(report, text: report.text)
        for note in contents.notes { printToStandardError("note: \(note)") }
    }
}

struct WeightsConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write weights in another format without changing a bit of them.",
        discussion: """
            geodino: one .safetensors file with official names and a description. official: a .pth file that \
            torch.load reads. huggingface: a folder that transformers' from_pretrained reads.
            """)

    @Argument(help: "Weights: a file or a folder.")
    var weights: String

    @Option(name: .shortAndLong, help: "The file to write, or for huggingface the folder.")
    var output: String

    @Option(help: ArgumentHelp("huggingface, official or geodino.", valueName: "format"))
    var to: String

    @OptionGroup var arguments: WeightsArguments

    @Flag(help: "Replace existing files.")
    var overwrite = false

    func validate() throws {
        guard let format = WeightsFormat(rawValue: to), WeightsFormat.written.contains(format) else {
            throw ValidationError("--to takes huggingface, official or geodino, got '\(to)'")
        }
    }

    func run() throws {
        let contents = try WeightsContents.open(weights, options: arguments.options)
        for note in contents.notes { printToStandardError("note: \(note)") }
        let format = WeightsFormat(rawValue: to) ?? .geodino
        try checkOutputName(output)
        // A folder is made with those above it.
        if format != .huggingface { try checkParent(of: output) }
        var isFolder: ObjCBool = false
        if format == .huggingface, FileManager.default.fileExists(atPath: output, isDirectory: &isFolder),
            !isFolder.boolValue
        {
            throw CommandError(
                .badArgument, "the output is a folder, but a file has its name", in: output,
                try: "give \(UserAction.value("another name", for: .output))")
        }
        for warning in contents.warnings(convertingTo: format) { printToStandardError("warning: \(warning)") }
        for file in try contents.convert(to: format, output: output, overwrite: overwrite) { print(file) }
    }
}

/// What `weights info` says.
private struct WeightsReport: Encodable {
    var file: String
    var format: String
    var name: String?
    var architecture: BackboneArchitecture
    var parameters: Int
    var types: [String: Int]
    var bytes: Int
    var bands: [String]
    var mean: [Double]
    var std: [Double]
    var statistics: String?
    var gsd: Double?
    var provenance: [String: String]
    var sha256: String?
    var notes: [String]

    init(_ contents: WeightsContents, sha256: String?) {
        let record = contents.record
        file = contents.path
        format = contents.format.rawValue
        architecture = record.architecture
        name = record.architecture.presetName
        parameters = record.architecture.parameterCount
        types = contents.typeCounts
        bytes = contents.byteCount
        bands = record.bands.map(\.name)
        mean = record.mean
        std = record.std
        statistics = InputStatistics(mean: record.mean, std: record.std)?.rawValue
        gsd = record.gsd
        provenance = record.provenance
        self.sha256 = sha256
        notes = contents.notes
    }

    var text: String {
        var lines = [
            "file          \(file)", "format        \(format)",
            "architecture  \(name.map { "\($0): " } ?? "")\(architecture.summary)",
            "parameters    \(parameters)",
            "tensors       \(types.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")), \(bytes) bytes",
            "bands         \(bands.joined(separator: ", "))",
            "mean, std     \(mean) \(std)\(statistics.map { " (\($0))" } ?? "")",
            "gsd           \(gsd.map { "\($0) m" } ?? "not one")",
        ]
        for (key, value) in provenance.sorted(by: { $0.key < $1.key }) {
            lines.append("from          \(key): \(value)")
        }
        if let sha256 { lines.append("sha256        \(sha256)") }
        return lines.joined(separator: "\n")
    }
}

extension BackboneArchitecture {
    /// The dimensions in a line.
    var summary: String {
        switch self {
        case .transformer(let a):
            """
            ViT \(a.width) x \(a.depth), \(a.heads) heads of \(a.headWidth), patch \(a.patchSize), \
            \(counted(a.registers, "registers")), \(a.ffn.rawValue) \(a.hiddenWidth)\
            \(a.positions.map { ", positions learnt on \($0.grid) x \($0.grid) patches" } ?? "")
            """
        case .convNeXt(let a): "ConvNeXt, depths \(a.depths), widths \(a.widths)"
        }
    }
}
