// Labelled images in memory; for tests and small things.
public import Geo

/// Images with a number per pixel, such as canopy heights.
public struct PairsInMemory: LabelledSource {
    /// One image with its heights.
    public struct Pair: Sendable {
        /// The image, `uint8`.
        public var image: PixelBuffer
        /// Metres, one band of `float32`, of the image's size.
        public var height: PixelBuffer
        /// Where both lie.
        public var grid: Grid
        /// Whether it is held out, or trained on, as a whole; `nil` leaves that to the ground.
        public var isHeldOut: Bool?

        /// Makes a pair.
        public init(image: PixelBuffer, height: PixelBuffer, grid: Grid, isHeldOut: Bool? = nil) {
            self.image = image
            self.height = height
            self.grid = grid
            self.isHeldOut = isHeldOut
        }
    }

    /// The pairs.
    public var pairs: [Pair]
    /// What the images' pixels are.
    public var layout: PixelLayout
    /// Names the content.
    public var fingerprint: String

    /// Makes a source.
    public init(pairs: [Pair], layout: PixelLayout, fingerprint: String) {
        self.pairs = pairs
        self.layout = layout
        self.fingerprint = fingerprint
    }

    /// Number of pairs.
    public var count: Int { pairs.count }

    /// What is known of a pair.
    public func item(_ index: Int) -> LabelledItem {
        let grid = pairs[index].grid
        return LabelledItem(
            width: grid.width, height: grid.height, grid: grid, isHeldOut: pairs[index].isHeldOut, name: "pair \(index)"
        )
    }

    /// A window of a pair.
    public func sample(_ index: Int, window: PixelWindow) -> (image: PixelBuffer, target: Target) {
        (pairs[index].image.cropped(to: window), .values(pairs[index].height.cropped(to: window)))
    }
}
