// What to synthesize in the form of LoveDA: how many images, how large, from which seed.
public import Telemetry

/// What `synthesizeLoveDA` makes.
public struct LoveDAOptions: Codable, Sendable, Hashable {
    /// Number of images of each split and domain, 1 to 1000.
    public var scenes: Int
    /// Side of an image in pixels, 64 to 2048.
    public var size: Int
    /// Seed of everything that is drawn; an image depends on the seed, its folder and its number, never on `scenes`.
    public var seed: UInt64
    /// Metres per pixel, 0.2 to 2, which nothing in the images tells.
    public var gsd: Double

    /// Makes options; LoveDA's own images have 1024 pixels a side, of 0.3 m.
    public init(scenes: Int = 4, size: Int = 1024, seed: UInt64 = 0, gsd: Double = 0.6) {
        self.scenes = scenes
        self.size = size
        self.seed = seed
        self.gsd = gsd
    }

    /// The most that an image is held as a whole.
    static let largest = 2048

    /// Checks every option.
    ///
    /// - Throws: `SynthError.badOption` that names the option, its value and its range.
    public func validate() throws(SynthError) {
        guard size <= Self.largest else {
            throw SynthError(
                .badOption, "size is \(size); expected 64 to \(Self.largest) pixels", in: "size",
                try: "set size to 64 to \(Self.largest) pixels")
        }
        try landscape.validate()
    }

    /// The landscapes that the images show: other ground than that of scenes with the same seed.
    var landscape: LandscapeOptions {
        LandscapeOptions(
            scenes: scenes, size: size, seed: latticeHash(seed, 0x10FE, 0xDA), gsd: gsd)
    }
}
