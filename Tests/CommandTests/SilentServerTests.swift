// A server that accepts and never answers: the first Ctrl-C ends the program, cleanly, wherever GDAL waits.
import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct SilentServerTests {
    /// With an ETag nothing is read to tell what a file is.
    private var tagged: FileServer.Behaviour {
        var behaviour = FileServer.Behaviour()
        behaviour.entityTag = "v1"
        return behaviour
    }

    private let profile = Program.root.appendingPathComponent("tiles/smoke.yaml").path

    /// Starts a command, waits until the server leaves it without an answer, and sends a signal.
    ///
    /// - Returns: What it gave, and how long it took from the signal on.
    private func interrupted(
        _ fixture: RemoteFixture, _ arguments: [String], by signal: Int32
    ) throws -> (outcome: Outcome, seconds: Double) {
        let before = fixture.server.silentRequests
        let program = try Program.start(arguments, in: URL(fileURLWithPath: fixture.outputs.path))
        let clock = ContinuousClock()
        let limit = clock.now + .seconds(60)
        while fixture.server.silentRequests == before, program.isRunning, clock.now < limit { usleep(10_000) }
        #expect(fixture.server.silentRequests > before, "it never came to the silent part: \(arguments)")
        // Into the middle of the wait.
        usleep(200_000)
        let start = clock.now
        program.send(signal)
        let outcome = try program.outcome()
        let time = (clock.now - start).components
        return (outcome, Double(time.seconds) + Double(time.attoseconds) * 1e-18)
    }

    private func expectCleanEnd(
        _ fixture: RemoteFixture, _ arguments: [String], by signal: Int32, keeping kept: [String] = [],
        saysNothing: Bool = false
    ) throws {
        let before = fixture.outputs.contents
        let (outcome, seconds) = try interrupted(fixture, arguments, by: signal)
        #expect(outcome.status == 130 && !outcome.signalled, "\(arguments): \(outcome)")
        // Before the work begins there is nothing to say.
        #expect(outcome.errors.contains("error: stopped") || saysNothing, "\(outcome.errors)")
        // About 0.6 s on an idle machine; GDAL alone would wait for half a minute, and once for ever.
        #expect(seconds < 5, "\(arguments) took \(seconds) s")
        #expect(fixture.outputs.contents.filter { !before.contains($0) } == kept)
    }

    @Test func `opening a file that never comes is given up at the first signal`() throws {
        let fixture = try RemoteFixture()
        let model = try fixture.model()
        fixture.server.behave { $0.silentFrom = 0 }
        let scene = { (name: String) in fixture.server.address("scene.tif", "?token=\(name)") }
        try expectCleanEnd(
            fixture, ["tile", scene("a"), "-o", "corpus", "--profile", profile], by: SIGINT)
        try expectCleanEnd(
            fixture,
            [
                "tile", fixture.served.file("scene.tif"), "--aoi", fixture.server.address("area.geojson"), "-o",
                "corpus", "--profile", profile,
            ], by: SIGTERM)
        try expectCleanEnd(fixture, ["canopy", scene("b"), "--model", model, "-o", "map.tif"], by: SIGINT)
        try expectCleanEnd(
            fixture, ["score", "canopy", "--map", scene("c"), "--truth", fixture.served.file("heights.tif")],
            by: SIGTERM)
        try expectCleanEnd(
            fixture, ["embed", scene("d"), "--weights", RemoteFixture.weights, "-o", "tokens.safetensors"], by: SIGTERM,
            saysNothing: true)
        try expectCleanEnd(
            fixture, ["canopy", scene("e"), "--model", model, "-o", "map.tif", "--dry-run"], by: SIGINT,
            saysNothing: true)
    }

    @Test func `reading on in a file whose rest never comes is given up, and what is done is kept`() throws {
        let fixture = try RemoteFixture(size: 512, tagged)
        let model = try fixture.model()
        let scene = { (name: String) in fixture.server.address("scene.tif", "?token=\(name)") }
        let silent = { fixture.server.behave { $0.silentFrom = 300_000 } }
        silent()
        let tile = { ["tile", scene($0), "-o", "corpus", "--profile", profile, "--resume"] }
        try expectCleanEnd(fixture, tile("a"), by: SIGINT, keeping: ["corpus"])
        #expect(!FileManager.default.fileExists(atPath: fixture.outputs.file("corpus/LOCK")))
        fixture.server.behave { $0.silentFrom = nil }
        let resumed = try Program.run(tile("b"), in: URL(fileURLWithPath: fixture.outputs.path))
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try Program.run(["corpus", "verify", fixture.outputs.file("corpus")]).status == 0)

        silent()
        try expectCleanEnd(fixture, ["canopy", scene("c"), "--model", model, "-o", "map.tif"], by: SIGTERM)
        let heights = fixture.server.address("heights.tif", "?token=d")
        try expectCleanEnd(
            fixture, ["score", "canopy", "--map", fixture.served.file("heights.tif"), "--truth", heights], by: SIGINT)
        let embed = [
            "embed", scene("e"), "--weights", RemoteFixture.weights, "--statistics", "web", "--window", "64", "-o",
            "tokens.safetensors",
        ]
        try expectCleanEnd(fixture, embed, by: SIGINT)
    }

    @Test func `a fit that waits for a crop keeps the steps that it did`() throws {
        let fixture = try RemoteFixture(size: 512, tagged)
        let recipe = try fixture.recipe(steps: 12)
        func fit(_ token: String) -> [String] {
            [
                "fit", "canopy", recipe, "--weights", RemoteFixture.weights, "--statistics", "web", "--image",
                fixture.server.address("scene.tif", "?token=\(token)"), "--target",
                fixture.server.address("heights.tif", "?token=\(token)"), "-o", "model", "--resume",
            ]
        }
        let begun = try Program.run(fit("a") + ["--stop-after", "1"], in: URL(fileURLWithPath: fixture.outputs.path))
        #expect(begun.status == 0, "\(begun.errors)")
        fixture.server.behave { $0.silentFrom = 300_000 }
        let (outcome, seconds) = try interrupted(fixture, fit("b"), by: SIGINT)
        #expect(outcome.status == 130 && !outcome.signalled && seconds < 5, "\(outcome) in \(seconds) s")
        #expect(outcome.output.contains("resume with --resume"), "\(outcome)")
        fixture.server.behave { $0.silentFrom = nil }
        let done = try Program.run(fit("c"), in: URL(fileURLWithPath: fixture.outputs.path))
        #expect(done.status == 0 && done.output.contains("12 steps"), "\(done.errors)")
    }

    @Test func `a server that never answers is left after the time that one sets`() throws {
        let fixture = try RemoteFixture()
        fixture.server.behave { $0.silentFrom = 0 }
        let clock = ContinuousClock()
        let start = clock.now
        let outcome = try Program.run(
            [
                "tile", fixture.server.address("scene.tif", "?token=barley"), "-o", "corpus", "--profile", profile,
                "--config", "GDAL_HTTP_LOW_SPEED_TIME=1",
            ], in: URL(fileURLWithPath: fixture.outputs.path))
        #expect(outcome.status == 1 && outcome.errors.contains("too slow"), "\(outcome)")
        #expect(outcome.errors.contains("GDAL_HTTP_LOW_SPEED_TIME") && !outcome.errors.contains("barley"))
        // Two requests of a second each; the default of half a minute was set aside.
        #expect(clock.now - start < .seconds(25))
    }
}
