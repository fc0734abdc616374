// Addresses with a token: it is in no output and in no message, and a renewed one changes nothing.
import Foundation
import TestSupport
import Testing

@Suite struct SignedAddressTests {
    private let fixture: RemoteFixture
    private static let tokens = ["one/barley=", "two/oats="]

    init() throws {
        // As a signed address: no HEAD, and nothing without the token.
        var behaviour = FileServer.Behaviour()
        behaviour.allowsHead = false
        fixture = try RemoteFixture(behaviour)
    }

    private func address(_ name: String, _ token: Int) -> String {
        let encoded = Self.tokens[token].addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return fixture.server.address(name, "?bbox=1,2&token=\(encoded)")
    }

    /// Runs with a token, a secret setting, and all that is said kept; the server takes that token alone.
    private func run(_ token: Int, _ arguments: [String], _ said: inout String) throws -> Outcome {
        fixture.server.behave { $0.token = Self.tokens[token] }
        let outcome = try Program.run(
            arguments + [
                "--config", "CPL_VSIL_CURL_USE_HEAD=NO", "--config", "AWS_SECRET_ACCESS_KEY=rye/and+spelt",
                "--config", "GDAL_HTTP_HEADERS=X-Key: buckwheat",
            ], in: URL(fileURLWithPath: fixture.outputs.path))
        said += outcome.output + outcome.errors
        return outcome
    }

    private func expectNoSecret(_ said: String) throws {
        let names = ["barley", "oats", "spelt", "buckwheat"]
        for name in names { #expect(!said.contains(name), "\(name) was said: \(said)") }
        let walker = try #require(FileManager.default.enumerator(atPath: fixture.outputs.path))
        var count = 0
        for case let file as String in walker {
            for name in names { #expect(!file.contains(name), "a file is called \(file)") }
            guard let data = FileManager.default.contents(atPath: fixture.outputs.file(file)) else { continue }
            count += 1
            for name in names { #expect(data.range(of: Data(name.utf8)) == nil, "\(name) is in \(file)") }
        }
        #expect(count > 0)
    }

    @Test func `no output of tile and pack and no message holds a token`() throws {
        var said = ""
        let profile = Program.root.appendingPathComponent("tiles/smoke.yaml").path
        func tile(_ token: Int, _ more: String...) throws -> Outcome {
            try run(
                token,
                [
                    "tile", address("scene.tif", token), "-o", fixture.outputs.file("corpus"), "--profile", profile,
                    "--aoi", address("area.geojson", token),
                ] + more, &said)
        }
        let dry = try tile(0, "--dry-run", "--format", "json")
        #expect(dry.status == 0 && dry.output.contains("token=REDACTED"), "\(dry.errors)")
        let made = try tile(0)
        #expect(made.status == 0, "\(made.errors)")
        let again = try tile(1, "--resume")
        #expect(again.status == 0 && again.output.contains("up to date"), "\(again.errors)\(again.output)")
        for arguments in [
            ["corpus", "pack", "corpus", "-o", "pack"], ["corpus", "info", "corpus"], ["corpus", "verify", "corpus"],
        ] {
            let outcome = try Program.run(arguments, in: URL(fileURLWithPath: fixture.outputs.path))
            #expect(outcome.status == 0, "\(outcome.errors)")
            said += outcome.output + outcome.errors
        }
        // Refused: the server wants another token.
        fixture.server.behave { $0.token = "another" }
        let refused = try Program.run(["tile", address("scene.tif", 0), "-o", "other", "--profile", profile])
        #expect(refused.status == 1 && refused.errors.contains("token=REDACTED"), "\(refused.errors)")
        // Wrong usage quotes what was typed.
        let wrong = try Program.run([
            "tile", address("scene.tif", 0), "--config", "AWS_SECRET_ACCESS_KEY:rye/and+spelt",
        ])
        let unknown = try Program.run(["score", "canopy", "--no-such=\(address("scene.tif", 0))", address("a", 1)])
        #expect(wrong.status == 64 && unknown.status == 64)
        said += [refused, wrong, unknown].map { $0.output + $0.errors }.joined()
        try expectNoSecret(said)
    }

    @Test func `no output of fit, canopy, embed and score holds a token`() throws {
        var said = ""
        func fit(_ token: Int, _ more: String...) throws -> Outcome {
            try run(
                token,
                [
                    "fit", "canopy", try fixture.recipe(steps: 3), "--weights", RemoteFixture.weights, "--statistics",
                    "web", "--image", address("scene.tif", token), "--target", address("heights.tif", token), "-o",
                    "model",
                ] + more, &said)
        }
        // One step with a token, the others with a renewed one.
        let begun = try fit(0, "--stop-after", "1")
        #expect(begun.status == 0 && begun.output.contains("resume with --resume"), "\(begun.errors)")
        let done = try fit(1, "--resume")
        #expect(done.status == 0 && done.output.contains("3 steps"), "\(done.errors)")

        func canopy(_ token: Int, _ more: String...) throws -> Outcome {
            try run(
                token,
                ["canopy", address("scene.tif", token), "--model", "model", "--aoi", address("area.geojson", token)]
                    + more, &said)
        }
        let plan = try canopy(0, "--dry-run", "--format", "json")
        #expect(plan.status == 0 && plan.output.contains("token=REDACTED"), "\(plan.errors)")
        // The name follows from the area's.
        let map = try canopy(0)
        #expect(map.status == 0 && fixture.outputs.contents.contains("area-canopy.tif"), "\(map.errors)")
        let second = try canopy(1, "-o", "renewed.tif", "--format", "json")
        #expect(second.status == 0, "\(second.errors)")
        let bytes = try ["area-canopy.tif", "renewed.tif"].map {
            try #require(FileManager.default.contents(atPath: fixture.outputs.file($0)))
        }
        #expect(bytes[0] == bytes[1])
        let item = try String(contentsOfFile: fixture.outputs.file("area-canopy.json"), encoding: .utf8)
        #expect(item.contains("scene.tif?bbox=1,2&token=REDACTED") || item.contains("token=REDACTED"))
        #expect(item.contains(#""scene scene.tif""#), "\(item)")

        for output in ["tokens.safetensors", "features.tif"] {
            let outcome = try run(
                0,
                [
                    "embed", address("scene.tif", 0), "--weights", RemoteFixture.weights, "--statistics", "web",
                    "--window", "64", "--aoi", address("area.geojson", 0), "-o", output,
                ], &said)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        let score = try run(
            1, ["score", "canopy", "--map", "renewed.tif", "--truth", address("heights.tif", 1), "--format", "json"],
            &said)
        #expect(score.status == 0 && score.output.contains("mae"), "\(score.errors)")
        try expectNoSecret(said)
    }

    @Test func `scenes of a corpus are read at the workspace's addresses, which alone have the token`() throws {
        var said = ""
        let workspace = TemporaryFolder()
        let profile = Program.root.appendingPathComponent("tiles/smoke.yaml").path
        let corpus = workspace.file("corpus")
        let cut = try run(0, ["tile", address("scene.tif", 0), "-o", corpus, "--profile", profile], &said)
        #expect(cut.status == 0, "\(cut.errors)")
        let model = try fixture.model()
        fixture.server.behave { $0.token = Self.tokens[1] }
        func canopy(_ document: String) throws -> Outcome {
            _ = try workspace.write(document, to: "geodino.yaml")
            return try Program.run(
                [
                    "canopy", "--aoi", fixture.served.file("area.geojson"), "--overwrite", "--config",
                    "CPL_VSIL_CURL_USE_HEAD=NO",
                ], in: URL(fileURLWithPath: workspace.path))
        }
        let without = try canopy("corpus: corpus\nmodel: \(model)\n")
        #expect(without.status == 1 && without.errors.contains("under 'scenes:' in geodino.yaml"), "\(without)")
        let whole = try canopy("corpus: corpus\nmodel: \(model)\nscenes:\n  - \(address("scene.tif", 1))\n")
        #expect(whole.status == 0 && workspace.contents.contains("area-canopy.tif"), "\(whole)")
        try expectNoSecret(said + without.errors + whole.output + whole.errors)
    }
}
