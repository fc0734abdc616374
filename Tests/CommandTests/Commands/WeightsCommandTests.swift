// geodino weights: bad arguments, what info prints, and that convert keeps the weights the same.
import Foundation
import Testing

@Suite struct WeightsCommandTests {
    static let weights = Program.root.path + "/Tests/Golden/huggingface/mlp"

    static let bad: [BadCall] = [
        .usage("no weights", says: "Missing expected argument '<weights>'", arguments: "weights", "info"),
        .usage(
            "an unknown architecture", says: "--arch takes one of vits16, ", arguments: "weights", "info",
            weights, "--arch", "vitz"),
        .usage(
            "a format that geodino does not write", says: "--to takes huggingface, official or geodino, got 'onnx'",
            arguments: "weights", "convert", weights, "--to", "onnx", "-o", "w.onnx"),
        .usage("no output", says: "'--output <output>'", arguments: "weights", "convert", weights, "--to", "geodino"),
        .failure("missing weights", says: "no such weights", "  in   none", "  try  ") { _ in
            ["weights", "info", "none"]
        },
        .failure("a text file", says: "the file is a text file, not weights", "  in   notes.txt", "  try  ") { bench in
            ["weights", "info", try bench.text("notes.txt", "some notes\n")]
        },
        .failure(
            "a folder that is missing", says: "cannot write into the folder", "No such file or directory",
            "  try  create the folder first: mkdir -p "
        ) { _ in
            ["weights", "convert", weights, "--to", "official", "-o", "missing/w.pth"]
        },
        .failure("a file with the folder's name", says: "a file has its name", "  try  give another name after -o") {
            bench in
            ["weights", "convert", weights, "--to", "huggingface", "-o", try bench.text("hub", "mine")]
        },
        .failure("an existing file", says: "the file exists already", "  in   w.safetensors", "--overwrite") { bench in
            ["weights", "convert", weights, "--to", "geodino", "-o", try bench.text("w.safetensors", "mine")]
        },
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    @Test func `info's JSON matches the snapshot, and its text says the same`() throws {
        let json = try Program.run(["weights", "info", Self.weights, "--format", "json"])
        #expect(json.status == 0 && json.errors == "", "\(json.errors)")
        try Snapshot.expect(json.output, matches: "weights-info", folders: [Program.root.path: "root"])
        let text = try Program.run(["weights", "info", Self.weights])
        #expect(
            text.output == """
                file          \(Self.weights)/model.safetensors
                format        huggingface
                architecture  ViT 32 x 2, 2 heads of 16, patch 4, 2 registers, mlp 64
                parameters    18976
                tensors       41 F32, 75648 bytes
                bands         red, green, blue
                mean, std     [0.43, 0.411, 0.296] [0.213, 0.156, 0.143] (sat)
                gsd           0.6 m
                from          file: model.safetensors
                sha256        c7f8a4e7e12026f2da856aa512c496efb2bb748057d8e7cd7626af463f968bd8

                """)
        let quick = try Program.run(["weights", "info", Self.weights, "--no-hash"])
        #expect(quick.status == 0 && !quick.output.contains("sha256"))
    }

    @Test func `the JSON of converted weights matches the snapshot`() throws {
        let bench = Bench()
        try bench.make("weights", "convert", Self.weights, "--to", "geodino", "-o", "w.safetensors")
        try Snapshot.expect(
            try bench.make("weights", "info", "w.safetensors", "--format", "json").output, matches: "weights-converted",
            varying: ["bytes": .integer, "sha256": .hash])
    }

    @Test func `weights stay the same through every format`() throws {
        let bench = Bench()
        func convert(_ from: String, to format: String, _ output: String) throws -> [Substring] {
            try bench.make("weights", "convert", from, "--to", format, "-o", output).output.split(separator: "\n")
        }
        #expect(try convert(Self.weights, to: "geodino", "w.safetensors") == ["w.safetensors"])
        #expect(try convert("w.safetensors", to: "official", "w.pth") == ["w.pth"])
        #expect(
            try convert("w.pth", to: "huggingface", "hf") == [
                "hf/model.safetensors", "hf/geodino.safetensors", "hf/config.json", "hf/preprocessor_config.json",
            ])
        #expect(try convert("hf", to: "geodino", "back.safetensors") == ["back.safetensors"])
        let files = try bench.files()
        let first = try #require(files["w.safetensors"])
        #expect(!first.isEmpty && files["back.safetensors"] == first)
        #expect(
            files["hf/model.safetensors"] == FileManager.default.contents(atPath: Self.weights + "/model.safetensors"))
        #expect(try bench.contents() == ["back.safetensors", "hf", "w.pth", "w.safetensors"])
    }
}
