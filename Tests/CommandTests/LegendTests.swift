// What labels stand for: the legends that come with geodino, legends at fault, and legends made of what labels hold.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct LegendTests {
    // MARK: - Those that come with geodino

    private static let shipped: [String] = {
        let found = try? FileManager.default.contentsOfDirectory(atPath: CoverBench.legends)
        return (found ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
    }()

    /// What a legend's text says, read without a YAML reader: each class has a line of its own.
    private struct Text {
        var name = ""
        var ids: [Int] = []
        var values: [[Int]] = []
        var ignored: [Int] = []

        init(_ file: String) throws {
            func numbers(_ list: Substring) -> [Int] {
                list.split(separator: ",").compactMap { Int($0.filter { !$0.isWhitespace }) }
            }
            let text = try String(contentsOfFile: "\(CoverBench.legends)/\(file)", encoding: .utf8)
            for line in text.split(separator: "\n") {
                if let found = line.firstMatch(of: /^name: (.+)$/) { name = String(found.output.1) }
                if let found = line.firstMatch(of: /^(?:nodata|drop): \[(.*)\]/) { ignored += numbers(found.output.1) }
                guard let id = line.firstMatch(of: /- \{id: ([0-9]+),/).flatMap({ Int($0.output.1) }) else { continue }
                ids.append(id)
                values.append(line.firstMatch(of: /values: \[(.*)\]\}/).map { numbers($0.output.1) } ?? [id])
            }
        }
    }

    @Test func `seven legends come with geodino`() {
        #expect(
            Self.shipped == [
                "chesapeake.yaml", "corine-1.yaml", "esri.yaml", "flair.yaml", "loveda.yaml", "nlcd.yaml",
                "worldcover.yaml",
            ])
    }

    @Test(arguments: shipped)
    func `a legend that comes with geodino is one that labels of all its values can be learned by`(
        _ file: String
    ) throws {
        let expected = try Text(file)
        #expect(expected.name + ".yaml" == file && expected.ids.count > 4 && !expected.ignored.isEmpty)
        let bench = Bench()
        let all = expected.values.flatMap { $0 } + expected.ignored
        // Every value, in cells of 4 x 4 pixels.
        try bench.classes { column, row in all[(column / 4 + row / 4 * 32) % all.count] }
        let outcome = try bench.make(bench.fitCover("classes.tif", "--legend", "\(CoverBench.legends)/\(file)"))
        #expect(outcome.errors == "", "\(outcome.errors)")
        let legend = try bench.legend()
        #expect(legend.name == expected.name)
        #expect(legend.classes.map { Int($0.id) } == expected.ids)
        #expect(legend.classes.map(\.sources) == expected.values.map { $0.map { LabelValue.number($0) } })
        #expect(Set(legend.ignored) == Set(expected.ignored.map { LabelValue.number($0) }))
        #expect(Set(legend.classes.map(\.name)).count == legend.classes.count)
        #expect(Set(legend.classes.map(\.colour)).count == legend.classes.count, "two classes look alike")
        for entry in legend.classes { #expect(outcome.output.contains("\(entry.name) "), "no IoU of \(entry.name)") }
    }

    @Test func `a legend that comes with geodino may be given by its name`() throws {
        let bench = Bench()
        try bench.classes { column, _ in column < 64 ? 2 : 6 }
        try bench.make(bench.fitCover("classes.tif", "--legend", "loveda"))
        #expect(try bench.legend().name == "loveda")
        // A file of that name goes before.
        try bench.text(
            "loveda", Self.document("id: 2, name: sea, colour: [0, 0, 255]", "id: 6, name: ice, colour: [9, 9, 9]"))
        try bench.make(bench.fitCover("classes.tif", "--legend", "loveda", output: "other"))
        #expect(try bench.legend(of: "other").classes.map(\.name) == ["sea", "ice"])
    }

    // MARK: - At fault

    /// A legend with these lines of classes.
    private static func document(_ classes: String...) -> String {
        "name: mine\nclasses:\n" + classes.map { "  - {\($0)}\n" }.joined()
    }

    static let bad: [BadCall] = [
        .failure(
            "two classes of one number", says: "error: the classes 'sea' and 'lake' have the same id, 4",
            "  in   mine.yaml", "  try  give 'lake' another id, such as 1"
        ) { bench in
            try with(
                bench,
                document("id: 4, name: sea, colour: [0, 0, 255]", "id: 4, name: lake, colour: [0, 9, 255], values: [5]")
            )
        },
        .failure(
            "three classes of one number", says: "error: the legend has 2 faults",
            "  try  give 'lake' another id, such as 1; give 'pond' another id, such as 2"
        ) { bench in
            try with(
                bench,
                document(
                    "id: 4, name: sea, colour: [0, 0, 255]", "id: 4, name: lake, colour: [0, 9, 255], values: [5]",
                    "id: 4, name: pond, colour: [0, 19, 255], values: [6]"))
        },
        .failure(
            "a value of two classes", says: "error: the value 5 stands for 'sea' and for 'lake'",
            "  try  leave 5 in the values of one class only"
        ) { bench in
            try with(
                bench,
                document(
                    "id: 1, name: sea, colour: [0, 0, 255], values: [4, 5]",
                    "id: 2, name: lake, colour: [0, 9, 255], values: [5]"))
        },
        .failure("a value that is left out, too", says: "the value 4 stands for no class and for 'sea'", "  try  ") {
            bench in
            try with(bench, "drop: [4]\n" + document("id: 4, name: sea, colour: [0, 0, 255]"))
        },
        .failure(
            "a number kept for pixels without a class", says: "error: class 'sea' has the id 254; expected 0 to 253",
            "  try  give 'sea' another id, such as 1, and keep its value: values: [254]"
        ) { bench in
            try with(bench, document("id: 254, name: sea, colour: [0, 0, 255]"))
        },
        .failure(
            "a colour of two parts", says: "error: the colour of 'sea' has 2 parts; expected red, green, blue",
            "  try  give 'sea' three numbers from 0 to 255: colour: [128, 128, 128]"
        ) { bench in
            try with(bench, document("id: 4, name: sea, colour: [0, 0]"))
        },
        .failure(
            "a background that is no class", says: "background is 9, which is not the id of a class",
            "  try  give the id of a class (4), or leave background out"
        ) { bench in
            try with(bench, "background: 9\n" + document("id: 4, name: sea, colour: [0, 0, 255]"))
        },
        .failure(
            "two faults", says: "error: the legend has 2 faults", "  why  the colour of 'sea' has 2 parts",
            "background is 9", "; give the id of a class (4)"
        ) { bench in
            try with(bench, "background: 9\n" + document("id: 4, name: sea, colour: [0, 0]"))
        },
        .failure(
            "two classes of one name", says: "error: the classes 4 and 5 have the same name, 'sea'", "  in   mine.yaml",
            #"merge them: - {id: 4, name: "sea", colour: [0, 0, 255], values: [4, 5]}"#
        ) { bench in
            try with(
                bench, document("id: 4, name: sea, colour: [0, 0, 255]", "id: 5, name: ' Sea', colour: [0, 9, 255]"))
        },
        .failure(
            "a bracket left open", says: "cannot read the YAML document", "  in   mine.yaml",
            "  try  check brackets, quotes, colons and indentation in line "
        ) { bench in try with(bench, "name: [\n") },
        .failure("no classes", says: "classes is empty; expected one class or more", "  try  ") { bench in
            try with(bench, "name: mine\nclasses: []\n")
        },
        .failure("a misspelt key", says: "unknown key 'color'", "did you mean 'colour'?", "  in   mine.yaml") { bench in
            try with(bench, document("id: 4, name: sea, color: [0, 0, 255]"))
        },
        .failure("a legend that is not there", says: "no such file", "  in   none.yaml") { bench in
            try bench.fitCover(bench.classes { column, _ in column / 64 }, "--legend", "none.yaml")
        },
        .failure(
            "a misspelt name of a legend that comes with geodino", says: "no such legend", "  in   lovda",
            "a legend that comes with geodino: chesapeake, ", "  try  --legend loveda"
        ) { bench in try bench.fitCover(bench.classes { column, _ in column / 64 }, "--legend", "lovda") },
        .failure(
            "letters in another order", says: "no such legend", "  in   lovdea", "  try  --legend loveda"
        ) { bench in try bench.fitCover(bench.classes { column, _ in column / 64 }, "--legend", "lovdea") },
        .failure(
            "a name like no other", says: "no such legend",
            "  try  give one of these, a YAML document, or --legend auto"
        ) { bench in try bench.fitCover(bench.classes { column, _ in column / 64 }, "--legend", "somethingelse") },
        .failure("one class alone", says: "the legend has one class, 'sea'; a map needs two or more") { bench in
            try with(bench, document("id: 1, name: sea, colour: [0, 0, 255], values: [4, 5]"))
        },
    ]

    /// The arguments of a fit with a legend, on labels of the values 4 and 5.
    @Sendable private static func with(_ bench: Bench, _ legend: String) throws -> [String] {
        try bench.fitCover(
            bench.classes { column, _ in column < 64 ? 4 : 5 }, "--legend", bench.text("mine.yaml", legend))
    }

    @Test(arguments: bad)
    func `a legend at fault is refused and nothing is written`(_ call: BadCall) throws { try call.check() }

    // MARK: - Values without a class

    /// The line that an error says to add.
    private func line(_ outcome: Outcome) throws -> String {
        let found = try #require(outcome.errors.firstRange(of: "add a class: "), "\(outcome.errors)")
        return outcome.errors[found.upperBound...].split(separator: "\n").first.map(String.init) ?? ""
    }

    @Test func `values that a legend does not name are counted, the most frequent first`() throws {
        let bench = Bench()
        try bench.classes { column, row in row == 0 ? 71 : row < 3 ? 72 : column < 64 ? 4 : 5 }
        try bench.text("mine.yaml", Self.document("id: 4, name: sea, colour: [0, 0, 255], values: [4, 5]"))
        let before = try bench.files()
        let outcome = try bench.run(bench.fitCover("classes.tif", "--legend", "mine.yaml"))
        #expect(outcome.status == 1 && outcome.output == "")
        #expect(outcome.errors.contains("error: the labels hold values that the legend does not name"))
        #expect(outcome.errors.contains("  in   classes.tif\n  why  72: 256 pixels\n       71: 128 pixels\n"))
        #expect(outcome.errors.contains("mine.yaml") && outcome.errors.contains("values: [72]"))
        #expect(Set(try bench.files().keys) == Set(before.keys).union(["scene.tif"]))
    }

    @Test func `the line that an error says to add makes a shipped legend fit`() throws {
        let bench = Bench()
        try bench.classes { column, row in row < 2 ? 77 : 1 + column / 32 }
        var text = try String(contentsOfFile: CoverBench.legends + "/chesapeake.yaml", encoding: .utf8)
        try bench.text("mine.yaml", text)
        let arguments = try bench.fitCover("classes.tif", "--legend", "mine.yaml")
        let failed = try bench.run(arguments)
        #expect(failed.status == 1 && failed.errors.contains("77: 256 pixels"), "\(failed.errors)")
        text += try line(failed) + "\n"
        try bench.text("mine.yaml", text)
        try bench.make(arguments)
        let legend = try bench.legend()
        #expect(legend.classes.count == 7 && legend.classes.last?.sources == [.number(77)])
    }

    @Test(arguments: [
        #"Wald & Wiese"#, #"5" pipe"#, #"back\slash"#, "7", "07", "1_000", "yes", "a: b, [c]", "#1", "'", "Föhre",
    ])
    func `the line that an error says to add names any text`(_ value: String) throws {
        let bench = Bench()
        let quoted = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        let labels = try bench.halves("labels.geojson", #""known""#, quoted)
        var text = Self.document("id: 4, name: sea, colour: [0, 0, 255], values: [known]")
        try bench.text("mine.yaml", text)
        let arguments = try bench.fitCover(labels, "--legend", "mine.yaml")
        let failed = try bench.run(arguments)
        #expect(failed.status == 1 && failed.errors.contains("'\(value)': 1 feature"), "\(failed.errors)")
        // Where it belongs in this document.
        text += "  " + (try line(failed)).drop { $0 == " " } + "\n"
        try bench.text("mine.yaml", text)
        try bench.make(arguments)
        #expect(try bench.legend().classes.count == 2)
    }

    // MARK: - Of what labels hold

    @Test func `a raster's own names and colours become a legend, and 0 without a name is no class`() throws {
        let bench = Bench()
        let labels = try bench.namedClasses(
            "named.tif",
            [
                .init(index: 3, colour: [10, 20, 200, 255], name: "sea"),
                .init(index: 7, colour: [30, 140, 40, 255], name: "land"),
            ]
        ) { column, row in row < 8 ? 0 : column < 64 ? 3 : 7 }
        let outcome = try bench.make(bench.fitCover(labels))
        #expect(
            outcome.errors
                == "warning: named.tif: the value 0 has no name and counts as unlabelled; a legend can make it a class\n"
        )
        let legend = try bench.legend()
        #expect(legend.name == "auto" && legend.ignored == [.number(0)])
        #expect(
            legend.classes == [
                LegendClass(id: 3, name: "sea", colour: [10, 20, 200]),
                LegendClass(id: 7, name: "land", colour: [30, 140, 40]),
            ])
    }

    @Test func `a palette alone gives colours, a named 0 is a class`() throws {
        let bench = Bench()
        let labels = try bench.namedClasses(
            "named.tif",
            [
                .init(index: 0, colour: [200, 180, 160, 255], name: "bare"),
                .init(index: 1, colour: [10, 20, 200, 255], name: "sea"),
            ]
        ) { column, _ in column < 64 ? 0 : 1 }
        #expect(try bench.make(bench.fitCover(labels, output: "named")).errors == "")
        #expect(try bench.legend(of: "named").classes.map(\.name) == ["bare", "sea"])
        // Names and the attribute table lie next to the raster; colours are in it.
        let bare = try bench.namedClasses(
            "colours.tif",
            [
                .init(index: 4, colour: [200, 180, 160, 255], name: "bare"),
                .init(index: 9, colour: [10, 20, 200, 255], name: "sea"),
            ]
        ) { column, _ in column < 64 ? 4 : 9 }
        try FileManager.default.removeItem(atPath: bench.file("colours.tif.aux.xml"))
        try bench.make(bench.fitCover(bare, output: "bare"))
        #expect(
            try bench.legend(of: "bare").classes == [
                LegendClass(id: 4, name: "class 4", colour: [200, 180, 160]),
                LegendClass(id: 9, name: "class 9", colour: [10, 20, 200]),
            ])
    }

    @Test func `files that name a value differently have no common legend, unless a document says so`() throws {
        let bench = Bench()
        func labels(_ file: String, _ name: String) throws -> String {
            try bench.namedClasses(
                file,
                [
                    .init(index: 3, colour: [10, 20, 200, 255], name: name),
                    .init(index: 7, colour: [30, 140, 40, 255], name: "land"),
                ]
            ) { column, _ in column < 64 ? 3 : 7 }
        }
        let second = ["--image", "scene.tif", "--target"]
        let sea = try labels("a.tif", "sea")
        let arguments = try bench.fitCover(sea) + second + [labels("b.tif", "sand")]
        let outcome = try bench.run(arguments)
        #expect(outcome.status == 1 && outcome.output == "" && !bench.has("model"), "\(outcome.errors)")
        #expect(outcome.errors.contains("two files of labels give the value 3 different names\n  in   b.tif\n"))
        #expect(outcome.errors.contains("'sea' in a.tif") && outcome.errors.contains("'sand' in b.tif"))
        let document = try bench.text(
            "mine.yaml",
            Self.document("id: 3, name: beach, colour: [0, 0, 255]", "id: 7, name: land, colour: [9, 9, 9]"))
        try bench.make(arguments + ["--legend", document])
        #expect(try bench.legend().classes.map(\.name) == ["beach", "land"])
        // The case of letters makes no difference.
        try bench.make(try bench.fitCover(sea, output: "other") + second + [labels("c.tif", "Sea")])
        #expect(try bench.legend(of: "other").classes.map(\.name) == ["sea", "land"])
    }

    @Test func `values of one name have no common legend, unless a document merges them`() throws {
        let bench = Bench()
        let labels = try bench.namedClasses(
            "named.tif",
            [
                .init(index: 3, colour: [10, 20, 200, 255], name: "sea"),
                .init(index: 5, colour: [30, 40, 220, 255], name: "Sea "),
                .init(index: 7, colour: [30, 140, 40, 255], name: "land"),
            ]
        ) { column, _ in column < 40 ? 3 : column < 64 ? 5 : 7 }
        let outcome = try bench.run(bench.fitCover(labels))
        #expect(outcome.status == 1 && outcome.output == "" && !bench.has("model"), "\(outcome.errors)")
        #expect(outcome.errors.contains("error: the values 3 and 5 have the same name, 'sea'\n  in   named.tif\n"))
        // The class that the error says to write, and the other one.
        let found = try #require(outcome.errors.firstRange(of: "merge them there: "), "\(outcome.errors)")
        let line = outcome.errors[found.upperBound...].prefix { $0 != "\n" }
        try bench.text("mine.yaml", Self.document("id: 7, name: land, colour: [9, 9, 9]") + "  \(line)\n")
        try bench.make(bench.fitCover(labels, "--legend", "mine.yaml"))
        #expect(try bench.legend().classes.map(\.sources) == [[.number(7)], [.number(3), .number(5)]])
    }

    @Test func `texts are numbered in their order, with colours that differ`() throws {
        let bench = Bench()
        let labels = try bench.halves("labels.geojson", #""Wiese""#, #""Acker""#)
        let outcome = try bench.make(bench.fitCover(labels))
        #expect(
            outcome.errors.hasPrefix("warning: took the class from the field 'kind', the only one that can hold it\n"))
        let legend = try bench.legend()
        #expect(legend.classes.map(\.name) == ["Acker", "Wiese"] && legend.classes.map(\.id) == [1, 2])
        #expect(legend.classes.map(\.sources) == [[.text("Acker")], [.text("Wiese")]])
        #expect(legend.classes[0].colour != legend.classes[1].colour)
    }

    @Test func `numbers that no map can hold are numbered anew`() throws {
        let bench = Bench()
        try bench.classes { column, row in column < 40 ? -7 : column < 80 ? 12 : 300 }
        try bench.make(bench.fitCover("classes.tif"))
        let legend = try bench.legend()
        #expect(legend.classes.map(\.id) == [1, 2, 3])
        #expect(legend.classes.map(\.name) == ["class -7", "class 12", "class 300"])
        #expect(legend.classes.map(\.sources) == [[.number(-7)], [.number(12)], [.number(300)]])
    }
}
