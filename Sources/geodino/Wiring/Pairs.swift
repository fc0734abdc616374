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
        /// What classes are; `nil` for heights.
        let legend: Legend?
        /// What the user should know.
        let warnings: [String]
        /// Whether each pair is held out as a whole; `nil` where that is left to the ground.
        private let heldOut: [Bool]?
        private let pool: PairPool
        /// What a number of pixels was left out for.
        private let excluded: @Sendable (Int) -> String

        /// Opens images with heights at the weights' GSD; see the other way to make one.
        ///
        /// - Parameters:
        ///   - heights: Which values of the targets are heights.
        ///   - bands: Bands of the images that a person named.
        ///   - ground: Where the images are.
        init(
            _ entries: [PairEntry], record: WeightsRecord, tileSize: Int, heights: HeightRule = HeightRule(),
            bands: BandRequest = BandRequest(), ground: GroundRequest = GroundRequest()
        ) throws {
            try self.init(
                entries, record: record, tileSize: tileSize, bands: bands, ground: ground, legend: nil,
                truth: { entry in
                    let band = try RasterReader(path: entry.target, options: RasterOpenOptions(expandPalette: false))
                        .heightBand()
                    return .values(path: entry.target, band: band, valid: heights.range)
                },
                excluded: {
                    "\(counted($0, "pixels")) that are not heights, of the parts of the targets that were read: \(heights.exclusion)"
                })
        }

        /// Opens the pairs at the weights' GSD; weights of a corpus with native GSD take the first image's.
        ///
        /// - Parameters:
        ///   - bands: Bands of the images that a person named.
        ///   - ground: Where the images are.
        ///   - notes: What is to be said of the labels as a whole.
        ///   - truth: What an image is labelled with.
        ///   - excluded: What is said of a number of pixels of the truth that do not count.
        init(
            _ entries: [PairEntry], record: WeightsRecord, tileSize: Int, bands: BandRequest, ground: GroundRequest,
            legend: Legend?, notes: [String] = [], truth: (PairEntry) throws -> PairTruth,
            excluded: @escaping @Sendable (Int) -> String
        ) throws {
            guard let first = entries.first else {
                throw CommandError(
                    .badArgument, "no training pairs were given",
                    try: "--image SCENE --target FILE, or --pairs pairs.csv")
            }
            let gsd = try record.gsd ?? ground.gsd(of: first.image)
            let layout = PixelLayout(
                bands: record.bands, sampleType: .uint8, tileSize: tileSize, gsd: gsd, stretch: record.stretch)
            self.layout = layout
            // One for all: thousands of plots must not keep thousands of files open.
            let pool = PairPool()
            let pairs = try entries.map { entry in
                let truth = try truth(entry)
                // Shapes need a place, whatever the size of pixels.
                var ground = ground
                if case .labels = truth { ground.offersGSD = false }
                return try ground.namingPixelSize(of: entry.image) {
                    try RasterPair(
                        image: entry.image, truth: truth, layout: layout, bands: bands[entry.image],
                        aoi: ground.aoi, unplacedGSD: ground.unplacedGSD, pool: pool)
                }
            }
            self.pairs = pairs
            try checkAgreement(of: pairs)
            // What concerns all images first: of a long list only the beginning is shown.
            warnings = ground.notes(pairs) + notes + pairs.flatMap(\.warnings)
            heldOut = entries.heldOut
            self.pool = pool
            self.legend = legend
            self.excluded = excluded
            // What is read decides, not what the files are called.
            var hash = SHA256()
            if let aoi = ground.aoi { hash.update(Array(try AreaOfInterest(path: aoi).geoJSON.utf8)) }
            if let heldOut { hash.update(Array("held out \(heldOut.map { $0 ? "1" : "0" }.joined());".utf8)) }
            var layers: [String: String] = [:]
            for (entry, pair) in zip(entries, pairs) {
                hash.update(try contentSignature(of: entry.image))
                if case .labels(let layer, _, _, _) = pair.truth {
                    // Not of its file: the classes of a shapefile are in another.
                    let known = layers[entry.target] ?? layer.fingerprint()
                    layers[entry.target] = known
                    hash.update(Array(known.utf8))
                } else {
                    hash.update(try contentSignature(of: entry.target))
                }
                if let legend = pair.truth.legend { hash.update(Array(try legendText(legend, pair.truth).utf8)) }
                if let numbers = bands[entry.image] { hash.update(Array("bands \(numbers);".utf8)) }
                let window = pair.window
                hash.update([UInt8]("\(window.column),\(window.row),\(window.width),\(window.height);".utf8))
                if !pair.isPlaced, let gsd = ground.unplacedGSD { hash.update(Array("gsd \(gsd);".utf8)) }
            }
            fingerprint = hash.finalize()
        }

        var count: Int { pairs.count }

        var disputedPixels: Int { legend == nil ? 0 : pool.rejectedPixels }

        /// What was left out of the targets so far, for the summary; `nil` where nothing was.
        var leftOut: String? {
            let count = pool.rejectedPixels
            return count > 0 ? excluded(count) : nil
        }

        func item(_ index: Int) throws -> LabelledItem {
            let pair = pairs[index]
            // Without a place an image has ground of its own.
            return LabelledItem(
                width: pair.grid.width, height: pair.grid.height, grid: pair.isPlaced ? pair.grid : nil,
                places: try pair.places(), isHeldOut: heldOut?[index], name: pair.imagePath)
        }

        func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target) {
            let crop = try pairs[index].crop(window)
            return (crop.image, legend == nil ? .values(crop.target) : .classes(crop.target))
        }

        func target(_ index: Int, window: PixelWindow) throws -> Target {
            let target = try pairs[index].target(window)
            return legend == nil ? .values(target) : .classes(target)
        }
    }

    /// What of a truth of classes decides what is read, beside its file.
    private func legendText(_ legend: Legend, _ truth: PairTruth) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var text = String(decoding: try encoder.encode(legend), as: UTF8.self)
        if case .labels(let layer, _, let allTouched, let lineWidth) = truth {
            text += ";\(layer.layer);\(layer.field);\(allTouched);\(lineWidth ?? 0)"
        }
        return text
    }
#endif
