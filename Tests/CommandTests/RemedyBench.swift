// Runs a command that goes wrong, takes the remedy out of the error that was printed, applies it, and runs the command again.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

/// A command that goes wrong, and the remedy that its error offers.
struct Trouble: Sendable, CustomTestStringConvertible {
    /// Where the remedy is applied.
    enum Remedy: Sendable {
        /// A command line for a shell that begins with this word, such as `gdal_edit.py`. Where it makes a new file, that file takes
        /// the place of the one complained about.
        case command(String)
        /// An option of the same command, with so many values; it takes the place of one that was given before.
        case option(String, values: Int = 0)
        /// A `key: value` for the YAML document of this name, in place of the key's line.
        case key(String, in: String)
        /// Another name for the file complained about, quoted in the advice.
        case name
        /// Anything else: takes the advice and the arguments, and returns new arguments.
        case other(@Sendable (Bench, String, [String]) throws -> [String])
    }

    /// A sentence.
    var name: String
    /// What the error says.
    var says: String
    var remedy: Remedy
    /// What a person puts in the place of the words in capitals.
    var fill: [String: String] = [:]
    /// Whether the advice is a cause's (`why`), not the error's own (`try`).
    var isAdvisedInCause = false
    /// Makes the inputs and returns the command.
    var prepare: @Sendable (Bench) throws -> [String]
    /// Looks at what the mended command made.
    var check: @Sendable (Bench, Outcome) throws -> Void = { _, _ in }

    var testDescription: String { name }
}

/// A folder in which a command goes wrong.
struct Bench {
    let folder = TemporaryFolder()

    func file(_ name: String) -> String { folder.file(name) }

    private var url: URL { URL(fileURLWithPath: folder.path) }

    /// Runs the program in the folder.
    func run(_ arguments: [String]) throws -> Outcome { try Program.run(arguments, in: url) }

    /// Runs the program, which has to succeed.
    @discardableResult
    func make(_ arguments: String...) throws -> Outcome { try make(arguments) }

    /// Runs the program, which has to succeed.
    @discardableResult
    func make(_ arguments: [String]) throws -> Outcome {
        let outcome = try run(arguments)
        try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
        return outcome
    }

    /// Runs a command line in the folder, in a shell that finds the program; it has to succeed.
    func shell(_ line: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", line]
        process.currentDirectoryURL = url
        var environment = ProcessInfo.processInfo.environment
        let program = URL(fileURLWithPath: Program.path).deletingLastPathComponent().path
        environment["PATH"] = "\(program):\(environment["PATH"] ?? "/usr/bin:/bin")"
        process.environment = environment
        let log = file(".shell-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let said = String(decoding: try Data(contentsOf: URL(fileURLWithPath: log)), as: UTF8.self)
        try FileManager.default.removeItem(atPath: log)
        try #require(process.terminationStatus == 0, "\(line)\n\(said)")
    }

    // MARK: - The lesson

    /// Lets the trouble happen, follows the advice, and sees that the command succeeds.
    func learn(_ trouble: Trouble) throws {
        var arguments = try trouble.prepare(self)
        let failed = try run(arguments)
        #expect(!failed.signalled && failed.status == 1, "status \(failed.status): \(failed.errors)")
        try #require(failed.errors.contains(trouble.says), "'\(trouble.says)' is not in: \(failed.errors)")
        let advice = try #require(
            Self.part(trouble.isAdvisedInCause ? "why" : "try", of: failed.errors), "no advice: \(failed.errors)")
        let place = Self.part("in", of: failed.errors)
        arguments = try apply(trouble, advice, place, arguments)
        let mended = try run(arguments)
        try #require(mended.status == 0, "\(failed.errors)\nthen \(arguments): \(mended.errors)")
        try trouble.check(self, mended)
    }

    private func apply(_ trouble: Trouble, _ advice: String, _ place: String?, _ arguments: [String]) throws -> [String]
    {
        switch trouble.remedy {
        case .command(let tool):
            let line = try Self.filled(Self.command(tool, in: advice), trouble.fill)
            let before = Set(folder.contents)
            try shell(line)
            let made = folder.contents.filter { name in
                var isFolder: ObjCBool = false
                return !before.contains(name) && line.contains(name)
                    && FileManager.default.fileExists(atPath: file(name), isDirectory: &isFolder) && !isFolder.boolValue
            }
            guard let new = made.first, let place else { return arguments }
            return arguments.map { $0 == place ? new : $0 }
        case .option(let option, let count):
            let words = Self.words(try Self.filled(advice, trouble.fill))
            let start = try #require(words.firstIndex(of: option), "no \(option) in: \(advice)")
            let taken = Array(words[start...].prefix(1 + count))
            try #require(taken.count == 1 + count)
            var rest = arguments
            if let old = rest.firstIndex(of: option) { rest.removeSubrange(old...old + count) }
            return rest + taken
        case .key(let key, let document):
            let pattern = try Regex("\\b\(key): (\\[[^\\]]*\\]|[^ ]*)")
            let found = try #require(advice.firstMatch(of: pattern), "no \(key): in: \(advice)")
            let value = try Self.filled(String(advice[found.range]), trouble.fill)
            let text = try String(contentsOfFile: file(document), encoding: .utf8)
            let line = try Regex("(?m)^\(key):.*$")
            try #require(text.contains(line), "no \(key) in \(document)")
            try text.replacing(line, with: value).write(toFile: file(document), atomically: true, encoding: .utf8)
            return arguments
        case .name:
            let name = try #require(
                Self.words(advice).first { $0.contains("/vsi") || $0.contains("GPKG:") }, "\(advice)")
            let place = try #require(place)
            return arguments.map { $0 == place ? name : $0 }
        case .other(let apply):
            return try apply(self, advice, arguments)
        }
    }

    /// What an error says after one of its words, its lines joined.
    private static func part(_ word: String, of errors: String) -> String? {
        var found: [Substring] = []
        var isInside = false
        for line in errors.split(separator: "\n") {
            if line.hasPrefix("  \(word.padding(toLength: 5, withPad: " ", startingAt: 0))") {
                isInside = true
            } else if !line.hasPrefix("       ") {
                isInside = false
            }
            if isInside { found.append(line.dropFirst(7)) }
        }
        return found.isEmpty ? nil : found.joined(separator: " ")
    }

    /// The command line in a sentence: from its first word to where the sentence goes on.
    static func command(_ tool: String, in advice: String) throws -> String {
        let start = try #require(advice.range(of: tool + " "), "no \(tool) in: \(advice)")
        var line = advice[start.lowerBound...]
        var isQuoted = false
        for index in line.indices {
            if line[index] == "'" { isQuoted.toggle() }
            guard !isQuoted else { continue }
            let rest = line[index...]
            let ends = ["    (", "; ", ", or ", ", which ", " makes ", " keeps ", " lists ", " says "]
            if ends.contains(where: rest.hasPrefix) {
                line = line[..<index]
                break
            }
        }
        return String(line)
    }

    /// The words of a sentence as a shell takes them, without the commas between them.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        var wasQuoted = false
        var isEscaped = false
        for character in text + " " {
            if isEscaped {
                word.append(character)
                isEscaped = false
            } else if character == "'" {
                isQuoted.toggle()
                wasQuoted = true
            } else if character == "\\", !isQuoted {
                isEscaped = true
            } else if character == " ", !isQuoted {
                if !wasQuoted { while let last = word.last, ",;:".contains(last) { word.removeLast() } }
                if wasQuoted, word.hasSuffix(",") { word.removeLast() }
                if !word.isEmpty { words.append(word) }
                word = ""
                wasQuoted = false
            } else {
                word.append(character)
            }
        }
        return words
    }

    /// The advice with every word in capitals filled in.
    ///
    /// Each has to be there. What begins with `@` is a file of `TrainedBench`.
    private static func filled(_ text: String, _ fill: [String: String]) throws -> String {
        var text = text
        for (word, value) in fill {
            let value = value.hasPrefix("@") ? try TrainedBench.path(String(value.dropFirst())) : value
            // Whole words: the N of PIN and the HEIGHTS of HEIGHTS.tif are others.
            var filled = ""
            var rest = text[...]
            var count = 0
            while let found = rest.range(of: word) {
                let before = found.lowerBound > text.startIndex ? text[text.index(before: found.lowerBound)] : " "
                let after = found.upperBound < text.endIndex ? text[found.upperBound] : " "
                let isWhole = !before.isLetter && !after.isLetter
                filled += rest[..<found.lowerBound] + (isWhole ? value : word)
                count += isWhole ? 1 : 0
                rest = rest[found.upperBound...]
            }
            try #require(count > 0, "no \(word) in: \(text)")
            text = filled + rest
        }
        return text
    }

    // MARK: - Inputs

    /// Upper left corner and pixel size of most inputs here.
    static let transform = GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 0.6)

    /// Writes a raster of 128 x 128 pixels of 0.6 m whose values follow from their place, and returns its name.
    @discardableResult
    func scene(
        _ name: String = "scene.tif", crs: String? = "EPSG:32633", transform: GeoTransform = Bench.transform,
        type: SampleType = .uint8, bands: Int = 3, size: Int = 128, named: Bool = true
    ) throws -> String {
        var values: [Int] = []
        for band in 0..<bands {
            for row in 0..<size {
                for column in 0..<size {
                    // Noise, which no codec makes small.
                    let bits = UInt64(row) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(column) &* 0xC2B2_AE3D_27D4_EB4F
                    values.append(
                        1 + Int((bits &* 0x1656_67B1_9E37_79F9 ^ bits >> 29) >> 33 % 249 + UInt64(band * 59)) % 249)
                }
            }
        }
        let grid = Grid(
            crs: crs.map(CoordinateReferenceSystem.init(_:)), transform: transform, width: size, height: size)
        let samples: PixelBuffer.Samples =
            switch type {
            case .uint8: .uint8(values.map { UInt8($0) })
            case .uint16: .uint16(values.map { UInt16($0 * 10) })
            case .int16: .int16(values.map { Int16($0 * 10) })
            case .float32: .float32(values.map { Float($0) / 10 })
            }
        let infos =
            named && bands == 3 ? BandInfo.rgb : (0..<bands).map { _ in BandInfo(name: "") }
        try writeRaster(
            PixelBuffer(bands: bands, height: size, width: size, samples: samples, grid: grid), to: file(name),
            format: RasterFormat(sampleType: type, bands: infos))
        return name
    }

    /// Writes a virtual raster over another one of `scene`.
    func virtual(
        _ name: String, over source: String, type: String = "Byte", crs: String = "EPSG:32633",
        transform: String = "500000, 0.6, 0, 5000000, 0, -0.6", elements: String = "", bands: [VirtualRaster.Band]
    ) throws -> String {
        var raster = VirtualRaster(over: file(source), width: 128, height: 128, bands: bands)
        raster.type = type
        raster.crs = crs
        raster.transform = transform
        raster.elements = elements
        try raster.write(to: file(name))
        return name
    }

    /// Writes a text.
    @discardableResult
    func text(_ name: String, _ text: String) throws -> String {
        _ = try folder.write(text, to: name)
        return name
    }

    /// Copies one of the package's documents, with changes, and returns its name.
    func document(_ path: String, as name: String, _ changes: (from: String, to: String)...) throws -> String {
        var text = try String(contentsOf: Program.root.appendingPathComponent(path), encoding: .utf8)
        for change in changes {
            try #require(text.contains(change.from), "no '\(change.from)' in \(path)")
            text = text.replacing(change.from, with: change.to)
        }
        return try self.text(name, text)
    }

    /// `geodino tile` of some scenes with the small profile.
    func tile(_ scenes: String..., more: [String] = []) throws -> [String] {
        if !FileManager.default.fileExists(atPath: file("profile.yaml")) {
            _ = try document("tiles/smoke.yaml", as: "profile.yaml")
        }
        return ["tile"] + scenes + ["-o", "corpus", "--profile", "profile.yaml", "-q"] + more
    }

    /// The rectangle of a scene of `scene`, some pixels smaller, as the text of a GeoJSON polygon.
    static let rectangle = "[[[500010,4999990],[500070,4999990],[500070,4999930],[500010,4999930],[500010,4999990]]]"
}

/// Programs that people have, and machines may lack.
enum Tools {
    /// Whether the programs of Debian's `gdal-bin` and `python3-gdal` are there.
    static let areThere = ["gdal_edit.py", "gdal_calc.py", "gdalwarp", "gdal_translate", "ogr2ogr"].allSatisfy { tool in
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)")
        }
    }
    static let absence: Comment = "GDAL's command lines (Debian: gdal-bin, python3-gdal) are absent"
}
