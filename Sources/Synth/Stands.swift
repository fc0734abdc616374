// Forest stands: Voronoi regions, each with its height, density and mix of species.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// A kind of tree, with its colours as reflectances: red, green, blue, near infrared.
struct Species: Sendable {
    /// 0 is a dome, 1 a cone.
    let cone: Float
    /// Crown radius over that of the allometry.
    let spread: Float
    /// Depth of the crown's surface over the crown's radius.
    let depth: Float
    /// Colour of summer leaves.
    let summer: SIMD4<Float>
    /// Colour of turned leaves.
    let autumn: SIMD4<Float>

    /// Spruce, pine, larch, beech, oak, birch.
    static let all: [Species] = [
        Species(
            cone: 0.95, spread: 0.92, depth: 1.9, summer: SIMD4(0.150, 0.225, 0.150, 0.50),
            autumn: SIMD4(0.150, 0.220, 0.150, 0.48)),
        Species(
            cone: 0.35, spread: 1.00, depth: 1.2, summer: SIMD4(0.235, 0.285, 0.185, 0.52),
            autumn: SIMD4(0.240, 0.280, 0.185, 0.50)),
        Species(
            cone: 0.80, spread: 0.97, depth: 1.7, summer: SIMD4(0.225, 0.315, 0.165, 0.58),
            autumn: SIMD4(0.450, 0.365, 0.150, 0.52)),
        Species(
            cone: 0.05, spread: 1.08, depth: 1.0, summer: SIMD4(0.190, 0.325, 0.140, 0.70),
            autumn: SIMD4(0.430, 0.290, 0.130, 0.58)),
        Species(
            cone: 0.10, spread: 1.05, depth: 1.1, summer: SIMD4(0.250, 0.320, 0.160, 0.64),
            autumn: SIMD4(0.390, 0.300, 0.150, 0.54)),
        Species(
            cone: 0.25, spread: 0.97, depth: 1.25, summer: SIMD4(0.290, 0.385, 0.200, 0.66),
            autumn: SIMD4(0.500, 0.430, 0.160, 0.56)),
    ]
}

/// Crown radius in metres of a tree that stands in a forest, from its height in metres.
///
/// The power law of forest inventories, radius = a h^b; here 1.5 m at 5 m and 5.6 m at 35 m.
package func crownRadius(height: Float) -> Float { 0.512 * pow(height, 0.672) }

/// What is drawn once for a stand.
struct Stand {
    let seed: UInt64
    /// Mean height of its trees in metres.
    let height: Float
    /// Relative standard deviation of the heights.
    let spread: Float
    /// Share of places that bear a tree.
    let density: Float
    /// Distance of trees over the crown radius.
    let spacing: Float
    /// How far trees stand off the rows they were planted in, over the distance.
    let disorder: Float
    /// Index of the first and second species, and the share of the first.
    let species: (Int, Int)
    let share: Float
    /// Brightness of the leaves: soil and health, not height.
    let vigour: SIMD4<Float>
    /// Where its pixels lie in the block.
    var left = Int.max, right = Int.min, top = Int.max, bottom = Int.min

    init(seed: UInt64) {
        self.seed = seed
        var draw = Draw(seed)
        height = draw.uniform(4.5, 34)
        spread = draw.uniform(0.07, 0.16)
        density = draw.uniform(0.80, 0.98)
        spacing = draw.uniform(1.55, 1.85)
        disorder = draw.uniform(0.15, 0.5)
        species = (Int(draw.next() % 6), Int(draw.next() % 6))
        share = draw.chance(0.4) ? 1 : draw.uniform(0.4, 0.9)
        // Leaves differ in brightness and a little in hue.
        let light = 1 + 0.17 * draw.normal()
        vigour =
            SIMD4(
                1 + 0.05 * draw.normal(), 1 + 0.03 * draw.normal(), 1 + 0.05 * draw.normal(), 1 + 0.08 * draw.normal())
            * max(0.6, light)
    }
}

/// The stands that may reach into a block.
final class StandTable {
    private let firstColumn: Int
    private let firstRow: Int
    private let columns: Int
    private let spacing: Float
    private let centres: UnsafeMutablePointer<SIMD2<Float>>
    private let extents: UnsafeMutablePointer<SIMD4<Int32>>
    private let seeds: [UInt64]
    /// Number of stands; a stand's index is below it.
    let count: Int

    init(_ landscape: Landscape, over window: PixelWindow) {
        let spacing = landscape.standSpacing
        self.spacing = spacing
        // Warped places lie up to about 25 m off, and the nearest centre up to two cells away.
        let margin = 40 / landscape.gsd
        func cell(_ value: Float) -> Int { Int((value / spacing).rounded(.down)) }
        firstColumn = cell(Float(window.column) - margin) - 2
        firstRow = cell(Float(window.row) - margin) - 2
        columns = cell(Float(window.column + window.width) + margin) + 3 - firstColumn
        let rows = cell(Float(window.row + window.height) + margin) + 3 - firstRow
        count = columns * rows
        centres = .allocate(capacity: count)
        extents = .allocate(capacity: count)
        extents.initialize(
            repeating: SIMD4(Int32.max, Int32.min, Int32.max, Int32.min), count: count)
        var seeds: [UInt64] = []
        for j in 0..<rows {
            for i in 0..<columns {
                let seed = latticeHash(landscape.seed &+ 0x57A7D, firstColumn + i, firstRow + j)
                var draw = Draw(seed &+ 1)
                let centre = SIMD2(
                    (Float(firstColumn + i) + draw.uniform(0.12, 0.88)) * spacing,
                    (Float(firstRow + j) + draw.uniform(0.12, 0.88)) * spacing)
                (centres + seeds.count).initialize(to: centre)
                seeds.append(seed)
            }
        }
        self.seeds = seeds
    }

    deinit {
        centres.deallocate()
        extents.deallocate()
    }

    /// Finds the stand of a warped place and notes that the pixel belongs to it.
    @inline(__always)
    func include(
        column: Int, row: Int, atX x: Float, y: Float, standOf result: UnsafeMutablePointer<Int32>
    ) {
        let i = min(columns - 2, max(1, Int((x / spacing).rounded(.down)) - firstColumn))
        let j = min(count / columns - 2, max(1, Int((y / spacing).rounded(.down)) - firstRow))
        var nearest = Float.infinity
        var best = 0
        for dj in -1...1 {
            for di in -1...1 {
                let index = (j &+ dj) &* columns &+ i &+ di
                let off = centres[index] - SIMD2(x, y)
                let square = off.x * off.x + off.y * off.y
                if square < nearest {
                    nearest = square
                    best = index
                }
            }
        }
        result.pointee = Int32(truncatingIfNeeded: best)
        var extent = extents[best]
        let c = Int32(truncatingIfNeeded: column)
        let r = Int32(truncatingIfNeeded: row)
        extent = SIMD4(min(extent.x, c), max(extent.y, c), min(extent.z, r), max(extent.w, r))
        extents[best] = extent
    }

    /// A stand; `nil` when no pixel of the block belongs to it.
    func stand(_ index: Int) -> Stand? {
        let extent = extents[index]
        guard extent.x <= extent.y else { return nil }
        var stand = Stand(seed: seeds[index])
        stand.left = Int(extent.x)
        stand.right = Int(extent.y)
        stand.top = Int(extent.z)
        stand.bottom = Int(extent.w)
        return stand
    }
}
