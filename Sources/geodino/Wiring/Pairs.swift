// Training pairs from rasters: the Earth side's pairs as the tensor side wants them.
import Files

#if EARTH
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Raster
    import Scenes
    import Telemetry

    /// Rasters brought to one grid each, handed to the head's trainer.
    struct RasterPairs: LabelledSource {
        let pairs: [RasterPair]
        let layout: PixelLayout
        let fingerprint: String
        private let pool: PairPool
        private let heights: HeightRule

        /// Opens the pairs at the weights' GSD; weights of a corpus with native GSD take the first image's.
        ///
        /// - Parameters:
        ///   - heights: Which values of the targets are heights.
        ///   - bands: Bands of the images that a person named.
        init(
            _ entries: [PairEntry], record: WeightsRecord, tileSize: Int, heights: HeightRule = HeightRule(),
            bands: BandRequest = BandRequest(), aoi: String? = nil
        ) throws {
            guard let first = entries.first else {
                throw CommandError(
                    .badArgument, "no training pairs were given",
                    try: "--image SCENE --target HEIGHTS, or --pairs pairs.csv")
            }
            let gsd = try record.gsd ?? RasterReader(path: first.image).groundSampleDistance().metres
            let layout = PixelLayout(
                bands: record.bands, sampleType: .uint8, tileSize: tileSize, gsd: gsd, stretch: record.stretch)
            self.layout = layout
            // One for all: thousands of plots must not keep thousands of files open.
            let pool = PairPool()
            pairs = try entries.map {
                let band = try RasterReader(path: $0.target, options: RasterOpenOptions(expandPalette: false))
                    .heightBand()
                return try RasterPair(
                    image: $0.image, target: $0.target, targetBand: band, layout: layout, bands: bands[$0.image],
                    validValues: heights.range, aoi: aoi, pool: pool)
            }
            try checkAgreement(of: pairs)
            self.pool = pool
            self.heights = heights
            // What is read decides, not what the files are called.
            var hash = SHA256()
            if let aoi { hash.update(Array(try AreaOfInterest(path: aoi).geoJSON.utf8)) }
            for (entry, pair) in zip(entries, pairs) {
                for path in [entry.image, entry.target] {
                    hash.update(try contentSignature(of: path))
                }
                if let numbers = bands[entry.image] { hash.update(Array("bands \(numbers);".utf8)) }
                let window = pair.window
                hash.update([UInt8]("\(window.column),\(window.row),\(window.width),\(window.height);".utf8))
            }
            fingerprint = hash.finalize()
        }

        var count: Int { pairs.count }

        /// What was left out of the targets so far, for the summary; `nil` where nothing was.
        var leftOut: String? {
            let count = pool.rejectedPixels
            return count > 0
                ? "\(counted(count, "pixels")) that are not heights, of the parts of the targets that were read: \(heights.exclusion)"
                : nil
        }

        func item(_ index: Int) throws -> LabelledItem {
            let pair = pairs[index]
            return LabelledItem(
                width: pair.grid.width, height: pair.grid.height, grid: pair.grid, places: try pair.places(),
                name: pair.imagePath)
        }

        func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target) {
            let crop = try pairs[index].crop(window)
            return (crop.image, .values(crop.target))
        }
    }
#endif
