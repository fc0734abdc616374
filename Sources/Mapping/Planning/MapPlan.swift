// What a map will be: grid, blocks, windows, and what it will cost.
public import Geo
public import Scenes
internal import Telemetry

/// A map that could be made: what `--dry-run` shows and what the block loop follows.
public struct MapPlan: Sendable, Codable {
    /// One output file.
    public struct Part: Sendable, Codable {
        /// The GeoTIFF.
        public var output: String
        /// The endless lattice that the map is a part of.
        public var lattice: PixelLattice
        /// The lattice that scenes are read onto; the map's own unless its pixels stand for squares of several.
        public var inputLattice: PixelLattice
        /// Side of one pixel of the map in pixels of `inputLattice`.
        public var cellSize: Int
        /// Where the network's windows lie, in pixels of the map.
        public var windows: WindowLattice
        /// The map's pixels on the lattice.
        public var window: PixelWindow
        /// The map's grid.
        public var grid: Grid
        /// The scenes used, the earlier before the later.
        public var scenes: [PlacedScene]
        /// Only longitudes between `minX` and `maxX` (degrees) belong to this part; `nil` for a map in one part.
        public var longitudes: Bounds?
        /// Blocks to compute, in the map's pixels, row by row; what is left out stays nodata.
        public var blocks: [PixelWindow]
        /// Side of a block in pixels of the map.
        public var blockSide: Int
        /// Calls for a window's prediction, about; windows in the halo of two blocks count twice.
        public var windowCount: Int
        /// Area to be mapped, about.
        public var squareKilometres: Double
        /// Bytes of the temporary file, at most about.
        public var temporaryBytes: Int
        /// Bytes of the map, at most about, including other rasters that were asked for.
        public var outputBytes: Int
        /// The number of pixels of the smallest component that keeps its class; `nil` if all do.
        public var smallestPixels: Int?
        /// The raster of probabilities; `nil` for none.
        public var probabilities: String?
        /// The raster of largest probabilities; `nil` for none.
        public var confidence: String?
        /// The file of polygons; `nil` for none.
        public var polygons: String?
        /// Bytes of the rows that are kept until the map is finished, at most; `nil` if none are kept.
        public var keptBytes: Int?

        /// All files that may be made.
        var files: [String] {
            let beside = sidecars(of: output)
            return [output, beside.stac] + beside.pictures + [probabilities, confidence, polygons].compactMap(\.self)
        }

        /// The same, and the names of classes that the map's format puts next to it.
        var newFiles: [String] { files + [output + ".aux.xml"] }

        /// The pixels that a window's network sees, on `inputLattice`.
        func inputWindow(_ index: LatticeIndex) -> PixelWindow {
            let window = windows.window(index)
            return PixelWindow(
                column: window.column * cellSize, row: window.row * cellSize, width: window.width * cellSize,
                height: window.height * cellSize)
        }
    }

    /// The files, from west to east; one unless split.
    public var parts: [Part]
    /// What the user should know.
    public var warnings: [String]

    /// Predictions, about.
    public var windowCount: Int { parts.reduce(0) { $0 + $1.windowCount } }
    /// Area, about.
    public var squareKilometres: Double { parts.reduce(0) { $0 + $1.squareKilometres } }
    /// Disk needed while the largest part is made and all are kept.
    public var diskBytes: Int {
        parts.reduce(0) { $0.saturatingAdd($1.outputBytes) }
            .saturatingAdd(parts.map(\.temporaryBytes).max() ?? 0)
            .saturatingAdd(parts.reduce(0) { $0.saturatingAdd($1.keptBytes ?? 0) })
    }

    /// The plan for people.
    public var text: String {
        var lines: [String] = []
        for part in parts {
            lines += [
                "\(part.output)",
                "  grid      \(part.grid.width) x \(part.grid.height) pixels of \(number(part.lattice.pixelSize)) in \(part.lattice.crs.definition.prefix(60)), bounds \(boundsText(part.grid.bounds))",
                "  scenes    \(part.scenes.count)"
                    + (part.scenes.first.map { ", first \($0.path) at \(rounded($0.gsd, 3)) m, \(reading($0))" } ?? ""),
                "  blocks    \(part.blocks.count) of at most \(part.blockSide) x \(part.blockSide)",
                "  windows   about \(part.windowCount) of \(part.windows.windowSize * part.cellSize) x \(part.windows.windowSize * part.cellSize), every \(part.windows.stride * part.cellSize)",
                "  area      about \(rounded(part.squareKilometres, 4)) km2",
                "  disk      up to \(megabytes(part.temporaryBytes)) temporary, \(megabytes(part.outputBytes)) for the map"
                    + (part.keptBytes.map { ", \(megabytes($0)) of finished rows until then" } ?? ""),
            ]
            if let smallest = part.smallestPixels {
                lines.append("  sieve     components of fewer than \(smallest) pixels take the class around them")
            }
            let rasters = [part.probabilities, part.confidence].compactMap(\.self)
            if !rasters.isEmpty { lines.append("  rasters   \(rasters.joined(separator: ", "))") }
            if let polygons = part.polygons { lines.append("  polygons  \(polygons)") }
        }
        return (lines + warnings.map { "warning: \($0)" }).joined(separator: "\n")
    }

    private func reading(_ scene: PlacedScene) -> String {
        scene.alignedColumn == nil ? "resampled (\(scene.resampling))" : "read without resampling"
    }
}

/// How a map is cut for computing, by the number of its blended bands, and for the file, by that of its written ones: what is held at a time
/// stays small.
package struct BlockShape: Hashable, Sendable {
    /// Side of a block in pixels of the map.
    package let side: Int
    /// Side of the file's blocks, and the rows that are written at a time.
    package let fileBlock: Int
    /// Whether the file is cloud optimized; that of many bands is a plain tiled file, band by band.
    package let isCloudOptimized: Bool
    /// The most tiles of a file, over all bands where these are apart; libtiff holds 16 bytes for each of them in memory.
    static let mostTiles = 1 << 26

    /// The shape for a number of blended and a number of written bands.
    package init(blended: Int, written: Int) {
        let isWide = written > 4
        if isWide || blended <= 4 {
            side = isWide ? 256 : 4096
        } else {
            // At most as many sums as four bands have in a block of full size, but whole blocks of the file.
            side = max(512, 4096 * 4 / blended / 512 * 512)
        }
        fileBlock = isWide ? 128 : 512
        isCloudOptimized = !isWide
    }

    /// Tiles of a file of this shape.
    func tiles(width: Int, height: Int, bands: Int) -> Int {
        let across = (width + fileBlock - 1) / fileBlock
        let down = (height + fileBlock - 1) / fileBlock
        let (plane, overflow) = across.multipliedReportingOverflow(by: down)
        let (all, more) = plane.multipliedReportingOverflow(by: isCloudOptimized ? 1 : bands)
        return overflow || more ? .max : all
    }
}

extension Int {
    /// The sum, or the largest number where it does not fit.
    func saturatingAdd(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// A double as a whole number, at most the largest.
    init(saturating value: Double) {
        self = value.isFinite && value < 9e18 ? Int(Swift.max(value, 0)) : .max
    }
}
