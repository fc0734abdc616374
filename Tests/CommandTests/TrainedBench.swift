// A small network and its model, for tests that need one.
import Foundation

/// A landscape, a corpus and a pack of it, a network and a model, made once in seconds.
struct TrainedBench {
    private let bench = Bench()

    static let shared = Result { try TrainedBench() }
    static func path(_ name: String) throws -> String { try shared.get().bench.file(name) }
    static let root = Program.root.path

    private init() throws {
        try bench.make("synth", "land", "--scenes", "1", "--size", "256", "--seed", "3", "-q")
        try bench.make(
            "tile", "land/scene-000/rgb.tif", "-o", "corpus", "--profile", Self.root + "/tiles/smoke.yaml", "-q")
        try bench.make(
            "pretrain", Self.root + "/recipes/smoke.yaml", "--corpus", "corpus", "-o", "run", "--steps", "1", "-q")
        try bench.make(
            "fit", "canopy", Self.root + "/recipes/smoke-canopy.yaml", "--weights", "run", "--image",
            "land/scene-000/rgb.tif", "--target", "land/scene-000/height.tif", "-o", "model", "--steps", "1", "-q")
    }
}
