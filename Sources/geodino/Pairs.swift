// Training pairs from rasters: the Earth side's pairs as the tensor side wants them.
#if EARTH
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Raster
    import Telemetry

    /// Rasters brought to one grid each, handed to the head's trainer.
    struct RasterPairs: PairSource {
        let pairs: [RasterPair]
        let layout: PixelLayout
        let fingerprint: String

        /// Opens the pairs at the weights' GSD; weights of a corpus with native GSD take the first image's.
        init(_ entries: [PairEntry], record: WeightsRecord, tileSize: Int, aoi: String? = nil) throws {
            guard let first = entries.first else {
                throw CommandError(
                    .badArgument, "no training pair is given",
                    try: "--image SCENE --target HEIGHTS, or --pairs pairs.csv")
            }
            let gsd = try record.gsd ?? RasterReader(path: first.image).groundSampleDistance().metres
            let layout = PixelLayout(
                bands: record.bands, sampleType: .uint8, tileSize: tileSize, gsd: gsd, stretch: record.stretch)
            self.layout = layout
            pairs = try entries.map {
                try RasterPair(image: $0.image, target: $0.target, layout: layout, aoi: aoi)
            }
            // What is read decides the content: files by name-independent size and time-independent bytes of their ends.
            var hash = SHA256()
            for (entry, pair) in zip(entries, pairs) {
                for path in [entry.image, entry.target] { hash.update(Self.signature(path)) }
                let window = pair.window
                hash.update([UInt8]("\(window.column),\(window.row),\(window.width),\(window.height);".utf8))
            }
            fingerprint = hash.finalize()
        }

        var pairCount: Int { pairs.count }

        func grid(ofPair pair: Int) -> Grid { pairs[pair].grid }

        func crop(pair: Int, window: PixelWindow) throws -> (image: PixelBuffer, height: PixelBuffer) {
            let crop = try pairs[pair].crop(window)
            return (crop.image, crop.target)
        }

        /// Size, first and last 64 KB of a file; its name where it is no plain file.
        private static func signature(_ path: String) -> [UInt8] {
            guard let file = FileHandle(forReadingAtPath: path), let size = try? file.seekToEnd() else {
                return [UInt8](path.utf8)
            }
            defer { try? file.close() }
            var bytes = [UInt8]("\(size);".utf8)
            for offset in [0, size > 65_536 ? size - 65_536 : 0] {
                try? file.seek(toOffset: offset)
                bytes += [UInt8]((try? file.read(upToCount: 65_536)) ?? Data())
            }
            return bytes
        }
    }
#endif
