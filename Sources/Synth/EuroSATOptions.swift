// What to synthesize in the form of EuroSAT: how many images of a class, how large, from which seed.
public import Telemetry

/// What `synthesizeEuroSAT` makes.
public struct EuroSATOptions: Codable, Sendable, Hashable {
    /// Number of images of each of the ten classes, 5 to 1000: with fewer, a split would have none.
    public var scenes: Int
    /// Side of an image in pixels, 32 to 512.
    public var size: Int
    /// Seed of everything that is drawn; an image depends on the seed, its class and its number, never on `scenes`.
    public var seed: UInt64
    /// Metres per pixel, 5 to 20, which nothing in the images tells.
    public var gsd: Double

    /// Makes options; EuroSAT's own images have 64 pixels a side, of 10 m.
    public init(scenes: Int = 40, size: Int = 64, seed: UInt64 = 0, gsd: Double = 10) {
        self.scenes = scenes
        self.size = size
        self.seed = seed
        self.gsd = gsd
    }

    /// Checks every option.
    ///
    /// - Throws: `SynthError.badOption` that names the option, its value and its range.
    public func validate() throws(SynthError) {
        func require(_ holds: Bool, _ name: String, _ value: some Sendable, _ range: String) throws(SynthError) {
            guard !holds else { return }
            throw SynthError(
                .badOption, "\(name) is \(value); expected \(range)", in: name, try: "set \(name) to \(range)")
        }
        try require((5...1000).contains(scenes), "scenes", scenes, "5 to 1000")
        try require((32...512).contains(size), "size", size, "32 to 512 pixels")
        try require(gsd >= 5 && gsd <= 20, "gsd", gsd, "5 to 20 m")
    }
}
