// One block of a scene with its surroundings: made layer by layer, from the ground up to the sensor.
package import Geo

/// The finished pixels of a block.
package struct BlockImage {
    /// Red, green, blue and, where asked for, near infrared, `uint8`.
    package let image: PixelBuffer
    /// Canopy height in metres, `float32`.
    package let height: PixelBuffer
    /// LoveDA classes, `uint8`.
    package let cover: PixelBuffer
    /// Share of the direct sun that reaches each pixel, 0 to 1; for tests.
    package let sunlight: PixelBuffer
}

/// A block of a scene while it is made.
///
/// Its window is the block asked for and a margin: neighbours throw shadows and hang their crowns into it.
final class Block {
    let landscape: Landscape
    /// The window with margin, in pixels of the scene; may reach outside the scene, where land goes on.
    let window: PixelWindow
    let width: Int
    let height: Int

    /// Elevation of the ground (of the water's surface) in metres.
    let elevation: Plane<Float>
    /// Metres of what stands on the ground, at its upper surface; 0 where nothing does.
    let objectHeight: Plane<Float>
    /// `Ground` by its raw value.
    let ground: Plane<UInt8>
    /// Which tree (n + 1) or building (-n - 1) is on top; 0 is neither.
    let owner: Plane<Int32>
    /// Index of the forest stand; -1 outside forest.
    let stand: Plane<Int32>
    /// Decimetres beyond the edge of the nearest main road.
    let roadDistance: Plane<UInt8>
    /// In crowns the branch clusters, -1 to 1; in water the depth in metres, below 0.
    let texture: Plane<Float>
    let stands: StandTable
    var trees: [SIMD4<Float>] = []
    var roofs: [SIMD4<Float>] = []

    /// Metres of surroundings that a block knows: the shadow of a tall tree under the lowest sun.
    static let margin: Float = 58

    init(_ landscape: Landscape, core: PixelWindow) {
        self.landscape = landscape
        window = core.expanded(by: Int((Self.margin / landscape.gsd).rounded(.up)))
        width = window.width
        height = window.height
        elevation = landscape.elevation.plane(over: window)
        objectHeight = Plane(width: width, height: height, filledWith: 0)
        ground = Plane(width: width, height: height, filledWith: 0)
        owner = Plane(width: width, height: height, filledWith: 0)
        stand = Plane(width: width, height: height, filledWith: -1)
        roadDistance = Plane(width: width, height: height, filledWith: 255)
        texture = Plane(width: width, height: height, filledWith: 0)
        stands = StandTable(landscape, over: window)
    }

    /// Canopy height and land cover of the core.
    func truth(of core: PixelWindow) -> (height: [Float], cover: [UInt8]) {
        var heights: [Float] = []
        var covers: [UInt8] = []
        heights.reserveCapacity(core.width * core.height)
        covers.reserveCapacity(core.width * core.height)
        for row in core.row - window.row..<core.row - window.row + core.height {
            for column in core.column - window.column..<core.column - window.column + core.width {
                let index = row &* width &+ column
                let who = owner.values[index]
                heights.append(who > 0 ? objectHeight.values[index] : 0)
                let cover: LandCover =
                    who > 0 ? .forest : who < 0 ? .building : (Ground(rawValue: ground.values[index]) ?? .meadow).cover
                covers.append(cover.rawValue)
            }
        }
        return (heights, covers)
    }
}

extension Landscape {
    /// Makes the pixels of a window of the scene.
    ///
    /// - Parameter core: The window; every place is the same whatever window shows it, but for the last bit of
    ///   what the margin does not reach.
    package func render(_ core: PixelWindow) -> BlockImage {
        let block = Block(self, core: core)
        block.layGround()
        block.raiseBuildings()
        block.growTrees()
        let truth = block.truth(of: core)
        let light = block.light()
        let image = block.image(of: core, under: light)
        func buffer(_ bands: Int, _ samples: PixelBuffer.Samples) -> PixelBuffer {
            PixelBuffer(bands: bands, height: core.height, width: core.width, samples: samples)
        }
        var sunlight: [Float] = []
        for row in core.row - block.window.row..<core.row - block.window.row + core.height {
            let start = light.direct.values + row * block.width + core.column - block.window.column
            sunlight.append(contentsOf: UnsafeBufferPointer(start: start, count: core.width))
        }
        return BlockImage(
            image: buffer(nir ? 4 : 3, .uint8(image)), height: buffer(1, .float32(truth.height)),
            cover: buffer(1, .uint8(truth.cover)), sunlight: buffer(1, .float32(sunlight)))
    }
}
