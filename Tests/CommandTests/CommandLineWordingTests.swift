// The options that libraries advise are options of commands that can give the advice.
import Foundation
import Telemetry
import Testing

@Suite struct CommandLineWordingTests {
    /// The commands that use a module, and so print its errors.
    private static let users: [String: [String]] = [
        "Backbone": ["canopy", "embed", "fit", "landcover", "weights"], "Benchmarks": ["score"],
        "Corpus": ["corpus", "tile"],
        "Downstream": ["canopy", "embed", "fit", "landcover"], "Mapping": ["canopy", "embed", "landcover"],
        "Pretraining": ["pretrain"], "Raster": ["canopy", "embed", "fit", "landcover", "score", "tile"],
        "Scenes": ["canopy", "embed", "fit", "landcover", "tile"],
        "Synth": ["synth"], "Training": ["fit", "pretrain"],
    ]

    /// The options in the help of each command, by its words, such as `corpus pack`.
    private static let offered = Result { try options(of: []) }

    /// The options of a command and of its subcommands.
    private static func options(of command: [String]) throws -> [String: Set<String>] {
        let outcome = try Program.run(command + ["--help"])
        try #require(outcome.status == 0, "\(command): \(outcome.errors)")
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
        var names: Set<String> = []
        // A line such as `  -o, --output <output>   The GeoTIFF to write.`
        for line in lines where line.hasPrefix("  -") {
            for word in line.split(whereSeparator: { " ,/".contains($0) }) {
                if word.hasPrefix("-") { names.insert(String(word)) } else if !word.hasPrefix("<") { break }
            }
        }
        var found = [command.joined(separator: " "): names]
        guard let start = lines.firstIndex(of: "SUBCOMMANDS:") else { return found }
        for line in lines[(start + 1)...].prefix(while: { !$0.isEmpty }) {
            // What is indented further continues a description.
            guard line.hasPrefix("  "), !line.hasPrefix("   "), let name = line.split(separator: " ").first else {
                continue
            }
            found.merge(try options(of: command + [String(name)])) { first, _ in first }
        }
        return found
    }

    /// The option of each setting in the table, by the setting's name in Swift.
    private static func table() throws -> [String: String] {
        let path = "Sources/geodino/Console/CommandLineWording.swift"
        let text = try String(contentsOf: Program.root.appendingPathComponent(path), encoding: .utf8)
        let rows = text.matches(of: /case \.([a-zA-Z]+): "(--?[a-z\-]+)"/)
        return Dictionary(uniqueKeysWithValues: rows.map { (String($0.output.1), String($0.output.2)) })
    }

    /// The names of the settings that a module's sources have in messages.
    private static func settings(of module: String) throws -> Set<String> {
        let folder = Program.root.appendingPathComponent("Sources/\(module)")
        let files = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        var names: Set<String> = []
        for file in files where file.hasSuffix(".swift") {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            names.formUnion(text.matches(of: /(?:Setting|for: )\.([a-z][a-zA-Z]*)/).map { String($0.output.1) })
        }
        return names
    }

    @Test func `every option of the table is in the help of a command`() throws {
        let table = try Self.table()
        let offered = try Self.offered.get()
        #expect(table.count == Setting.allCases.count, "the table was read as \(table)")
        #expect(offered.count > 15 && offered["corpus pack"] != nil, "the commands were read as \(offered.keys)")
        for (setting, option) in table {
            #expect(
                offered.values.contains { $0.contains(option) }, "no command has \(option), the word for \(setting)")
        }
    }

    @Test func `a command has the options that its modules advise, but for those named`() throws {
        let table = try Self.table()
        let offered = try Self.offered.get()
        let modules = try FileManager.default.contentsOfDirectory(
            atPath: Program.root.appendingPathComponent("Sources").path)
        var lacking: Set<String> = []
        // Telemetry declares the settings, and what it says of outputs is said by all commands.
        for module in modules.sorted() where !["Telemetry", "geodino"].contains(module) {
            let settings = try Self.settings(of: module).filter { table[$0] != nil }
            guard !settings.isEmpty else { continue }
            let users = try #require(Self.users[module], "the table does not say which commands use \(module)")
            for setting in settings {
                let option = try #require(table[setting])
                for user in users {
                    let options = offered.filter { $0.key == user || $0.key.hasPrefix("\(user) ") }.values
                    if !options.contains(where: { $0.contains(option) }) {
                        lacking.insert("\(user) \(option) (\(module))")
                    }
                }
            }
        }
        #expect(lacking == Self.exceptions, "\(lacking.symmetricDifference(Self.exceptions).sorted())")
    }

    /// Options that a module advises and a command that uses it lacks: where it cannot give that advice, or gives its own.
    private static let exceptions: Set<String> = [
        // Only feature maps choose layers, windows and components.
        "canopy --basis (Downstream)", "canopy --layers (Backbone)", "canopy --layers (Downstream)",
        "fit --basis (Downstream)", "landcover --basis (Downstream)", "landcover --window (Downstream)",
        // The statistics and the form of a backbone are those of the model.
        "landcover --arch (Backbone)", "landcover --band-mean (Backbone)", "landcover --band-std (Backbone)",
        "landcover --heads (Backbone)", "landcover --statistics (Backbone)",
        "landcover --layers (Backbone)",
        "landcover --layers (Downstream)", "fit --layers (Backbone)", "fit --layers (Downstream)",
        "fit --window (Downstream)",
        "weights --layers (Backbone)",
        // Only maps of classes have polygons.
        "canopy --polygons (Mapping)", "embed --polygons (Mapping)",
        // A feature map cannot be split, and its request says so.
        "embed --split (Mapping)",
        // Rows kept at its output belong to another command's map, and only that command can continue it.
        "embed --resume (Mapping)",
        // A profile or a model has the stretch of these, and their errors name it.
        "canopy --stretch (Raster)", "fit --stretch (Raster)", "landcover --stretch (Raster)",
        "tile --stretch (Raster)",
        // 'geodino corpus' cuts nothing.
        "corpus --resume (Corpus)",
    ]
}
