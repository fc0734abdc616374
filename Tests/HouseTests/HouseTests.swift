// The house keeps its own rules: who imports whom, who may touch which library, what a file says first.
import Foundation
import Testing

/// The rows of docs/overview.md.
///
/// A module imports from lower rows only.
private let rows: [String: Int] = [
    "CGDAL": 0, "COpenBLAS": 0, "CTorchAPI": 0, "Geo": 0, "Telemetry": 0, "Measures": 0,
    "Files": 1,
    "Raster": 2, "Torch": 2,
    "Scenes": 3, "Backbone": 3,
    "Training": 4,
    "Corpus": 5, "Mapping": 5, "Benchmarks": 5, "Scoring": 5, "Synth": 5, "Pretraining": 5, "Downstream": 5,
    "geodino": 6,
]

/// Modules of one side; the other side may not see them.
private let earthSide: Set = [
    "CGDAL", "COpenBLAS", "Raster", "Scenes", "Corpus", "Mapping", "Benchmarks", "Scoring", "Synth",
]
private let tensorSide: Set = ["CTorchAPI", "Torch", "Backbone", "Training", "Pretraining", "Downstream"]

/// Libraries that one module alone may import.
private let owners: [String: Set<String>] = [
    "CGDAL": ["Raster"], "COpenBLAS": ["Corpus", "geodino"], "CTorchAPI": ["Torch"], "GRDB": ["Corpus"],
    "Yams": ["geodino"], "ArgumentParser": ["geodino"], "Crypto": ["Files"],
]

private let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private struct SourceFile: CustomStringConvertible {
    let module: String
    let path: String
    let text: String
    var description: String { path }

    /// The modules named by import lines, whatever their access level.
    var imports: [String] {
        text.split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ").drop { ["public", "internal", "package", "private"].contains($0) }
            if words.first == "@preconcurrency" { words = words.dropFirst() }
            guard words.first == "import", let name = words.dropFirst().first else { return nil }
            return String(name.split(separator: ".")[0])
        }
    }
}

private func sources(in folder: String) -> [SourceFile] {
    let base = root.appendingPathComponent(folder)
    let files = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasSuffix(".swift") }.sorted().compactMap { path in
        guard let text = try? String(contentsOf: base.appendingPathComponent(path), encoding: .utf8) else { return nil }
        return SourceFile(module: String(path.split(separator: "/")[0]), path: "\(folder)/\(path)", text: text)
    }
}

/// Names of formats and words that are read, none of them advice.
private let notAdvice: [(file: String, words: String)] = [
    ("Telemetry/Redaction/CommandWord.swift", "\"--config"),
    ("Synth/Synthesize.swift", "\"TIFFTAG_SOFTWARE\": \"geodino synth\""),
    ("SelfSupervision/PretrainMetrics.swift", "let kind = \"geodino pretrain\""),
]

/// The lines of a source file that name an option or a command of `geodino` other than in a comment, with their numbers.
///
/// The command lines of other programs are commands for everybody.
private func wordsOfCommands(in text: String) -> [(number: Int, words: String)] {
    let option = /(^|[^a-zA-Z0-9\-])(--[a-z]|-o\b)/
    let command =
        /geodino (bench|canopy|corpus [a-z]+|demo|doctor|embed|fit|landcover|pretrain|score|synth|tile|weights)\b/
    let others = ["gdal_calc.py", "gdal_edit.py", "gdalwarp", "Sources/CTorch/build"]
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
        let words = (line.split(separator: "  //", maxSplits: 1, omittingEmptySubsequences: false).first ?? line)
            .drop { $0 == " " }
        guard !words.hasPrefix("//"), words.contains(option) || words.contains(command),
            !others.contains(where: { words.contains($0) })
        else { return nil }
        return (index + 1, String(words))
    }
}

@Suite struct HouseTests {
    @Test func `imports go down, never to a sibling, never to the other side`() {
        let files = sources(in: "Sources")
        #expect(files.count > 50, "the sources were not found in \(root.path)")
        for file in files {
            guard let row = rows[file.module] else {
                Issue.record("\(file) lies in a module that the plan does not know")
                continue
            }
            for name in file.imports {
                guard let other = rows[name] else { continue }
                #expect(other < row, "\(file) of row \(row) imports \(name) of row \(other)")
                #expect(!(earthSide.contains(file.module) && tensorSide.contains(name)), "\(file) imports \(name)")
                #expect(!(tensorSide.contains(file.module) && earthSide.contains(name)), "\(file) imports \(name)")
            }
        }
    }

    @Test func `no two files of a module need each other`() {
        let modules = Dictionary(grouping: sources(in: "Sources"), by: \.module)
        for (module, files) in modules {
            let names = files.map { ($0.path, SourceNames($0.text)) }
            var places: [String: Set<String>] = [:]
            for (path, file) in names { for name in file.declared { places[name, default: []].insert(path) } }
            var edges: [String: Set<String>] = [:]
            for (path, file) in names {
                // A name that two files declare does not say which of them is meant.
                let others = file.used.compactMap { places[$0]?.count == 1 ? places[$0]?.first : nil }
                edges[path] = Set(others).subtracting([path])
            }
            for circle in circles(edges) {
                let arrows = circle.map { "\($0) needs \((edges[$0] ?? []).intersection(circle).sorted())" }
                Issue.record("a circle in \(module):\n\(arrows.joined(separator: "\n"))")
            }
        }
    }

    @Test func `circles are found`() {
        func edges(_ files: [String]) -> [String: Set<String>] {
            let names = files.map(SourceNames.init)
            return Dictionary(
                uniqueKeysWithValues: names.enumerated().map { index, file in
                    let others = names.indices.filter { $0 != index && !names[$0].declared.isDisjoint(with: file.used) }
                    return ("\(index)", Set(others.map(String.init)))
                })
        }
        let upper = "struct Upper { let lower: Lower }\nfunc helper(_ x: Int) {}"
        #expect(circles(edges([upper, "struct Lower { func f() { helper(1) } }"])) == [["0", "1"]])
        #expect(circles(edges([upper, "struct Lower { func f() { other.helper(1) } }"])) == [])
        #expect(circles(edges([upper, "struct Lower { func helper() { helper() } }  // Upper"])) == [])
        #expect(circles(edges([upper, "struct Lower { let text = \"Upper \\(Upper.self)\" }"])) == [["0", "1"]])
        #expect(circles(edges([upper, "struct Lower { let text = \"Upper\" }"])) == [])
        #expect(circles(edges(["struct A { B() }", "struct B { C() }", "struct C { A() }"])) == [["0", "1", "2"]])
    }

    @Test func `each foreign library has one owner`() {
        for file in sources(in: "Sources") {
            for name in file.imports {
                guard let allowed = owners[name] else { continue }
                #expect(allowed.contains(file.module), "\(file) imports \(name), which belongs to \(allowed.sorted())")
                #expect(
                    !file.text.contains("public import \(name)"),
                    "\(file) shows \(name) to everybody; import it plainly")
            }
        }
    }

    @Test func `the manifest declares the same dependencies`() throws {
        let manifest = try String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
        for line in manifest.split(separator: "\n") where line.contains("module(\"") {
            let names = line.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map {
                String($0.element)
            }
            guard let name = names.first, let row = rows[name] else {
                Issue.record("the manifest names a module that the plan does not know: \(line)")
                continue
            }
            for other in names.dropFirst() {
                #expect((rows[other] ?? 0) < row, "\(name) depends on \(other)")
            }
        }
    }

    @Test func `every file says in its first line what it is for`() {
        for file in sources(in: "Sources") + sources(in: "Tests") {
            let first = file.text.split(separator: "\n", omittingEmptySubsequences: false).first ?? ""
            #expect(first.hasPrefix("// ") || first.hasPrefix("/// "), "\(file) starts with '\(first)'")
        }
    }

    @Test func `no file grows beyond what a person reads`() {
        for file in sources(in: "Sources") {
            let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 500, "\(file) has \(lines) lines; split it by topic")
        }
    }

    @Test func `libraries do not speak of the command line`() {
        for file in sources(in: "Sources") where file.module != "geodino" {
            for (number, words) in wordsOfCommands(in: file.text) {
                if notAdvice.contains(where: { file.path.hasSuffix($0.file) && words.contains($0.words) }) { continue }
                Issue.record("\(file):\(number) names an option or a command; use Setting or UserAction: \(words)")
            }
        }
    }

    @Test func `words of the command line are found`() {
        func found(_ line: String) -> Bool { !wordsOfCommands(in: line).isEmpty }
        #expect(found("try: \"choose another name, or --overwrite\")") && found("in: \"--overlap\""))
        #expect(found("give another name after -o") && found("rebuild it: geodino corpus reindex"))
        #expect(found("give a folder that geodino fit canopy wrote") && found("'geodino embed'"))
        #expect(!found("    /// As with `--bands`.") && !found("let x = 1  // as with --bands"))
        #expect(!found("a - b --> c-o, d--e") && !found("not a geodino corpus; refusing to overwrite"))
        #expect(!found("Sources/CTorch/build -o libctorch.so"))
        #expect(!found("gdal_calc.py -A a.tif --allBands=A --calc='abs(A)'"))
    }

    @Test func `libtorch and GDAL are opened, never linked`() throws {
        let manifest = try String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
        for line in manifest.split(separator: "\n") where line.contains("CTorch\"") {
            #expect(
                !line.contains("module(") && !line.contains("tests(") && !line.contains("dependencies:"),
                "nothing may depend on CTorch, which is opened with dlopen: \(line)")
        }
        #expect(!manifest.contains("linkedLibrary"), "libraries are opened on first use")
    }
}
