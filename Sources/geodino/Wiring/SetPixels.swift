// Pixels of a set as a protocol wants them: which bands, how values are converted, and whether their unit is what the weights expect.
#if EARTH
    import Backbone
    import Benchmarks
    import Foundation
    import Geo
    import Telemetry

    /// Pixels of a set, and how they are described.
    struct SetPixels {
        /// The pixels.
        let pixels: any BenchmarkPixels
        /// Names or numbers of the bands that the network sees.
        let bands: [String]
        /// How values become 8 bits; `none` where they do not.
        let stretch: String
        /// The means and the deviations that pixels are normalised with, as two texts.
        let normalization: [String]
        /// What a protocol's hash covers of both: of the weights' own, only that they are, so that scores of other weights are comparable.
        let identity: [String]

        /// What a protocol and a command line say of pixels.
        struct Request {
            /// What pixels are normalised with.
            var normalization: Normalization
            /// What travels with the weights, with the stretch that was asked for.
            var record: WeightsRecord
            /// Whether a stretch was asked for in place of the weights' own.
            var choosesStretch: Bool
            /// Numbers of the bands to read; `nil` chooses by their names.
            var bands: [Int]?
            /// Whether statistics are measured in place of those that a set comes with.
            var measuresStatistics = false
            /// The images that are trained on.
            var training: [Int]
        }

        /// Pixels of image files.
        ///
        /// - Parameters:
        ///   - bandNames: What the bands show in files that do not say so; see `RasterPixels`.
        ///   - gsd: Metres per pixel; `nil` where that does not matter.
        init(
            files paths: [String], _ request: Request, bandNames: [String] = [], gsd: Double?, in place: String
        ) throws {
            let record = request.record
            let layout = PixelLayout(
                bands: record.bands, sampleType: .uint8, tileSize: 1, gsd: gsd, stretch: record.stretch)
            let plain = RasterPixels(paths, layout: layout, bands: request.bands, bandNames: bandNames)
            bands = request.bands.map { $0.map { "\($0)" } } ?? record.bands.map(\.name)
            switch request.normalization {
            case .weights:
                try UnitGuard.check(
                    try Self.sample(plain, request, bands), for: record.stretch, in: place)
                pixels = plain
                stretch = record.stretch.text
                normalization = Self.texts(record.mean, record.std)
                identity = Self.ofWeights(request)
            case .set:
                identity = ["measured on the images trained on"]
                let moments = try BandMoments.measured(plain, images: request.training)
                pixels = RasterPixels(
                    paths, layout: layout, bands: request.bands, bandNames: bandNames, moments: moments)
                stretch = "none, standardised"
                normalization = Self.texts(moments.map(\.mean), moments.map(\.deviation))
            }
        }

        /// Pixels of a task of GEO-Bench.
        init(geoBench set: GeoBenchSet, _ request: Request) throws {
            let record = request.record
            let chosen = try GeoBenchPixels.chosen(
                set.task, for: record.bands.map(\.name), asked: request.bands, in: set.folder)
            bands = chosen.map(\.name)
            let plain = GeoBenchPixels(
                set, bands: chosen, names: record.bands, values: .stretched(record.stretch), gsd: set.task.gsdMetres)
            let sample = try Self.sample(plain, request, bands)
            switch request.normalization {
            case .weights:
                try UnitGuard.check(sample, for: record.stretch, in: set.folder)
                pixels = plain
                stretch = record.stretch.text
                normalization = Self.texts(record.mean, record.std)
                identity = Self.ofWeights(request)
            case .set:
                let moments: [BandMoments]
                if request.measuresStatistics {
                    moments = try BandMoments.measured(plain, images: request.training)
                } else {
                    let statistics = try set.statistics(of: bands)
                    try UnitGuard.check(sample, against: statistics, in: set.folder)
                    moments = statistics.map { BandMoments(mean: $0.mean, deviation: $0.std) }
                }
                pixels = GeoBenchPixels(
                    set, bands: chosen, names: record.bands, values: .standardized(moments), gsd: set.task.gsdMetres)
                stretch = "none, standardised"
                normalization = Self.texts(moments.map(\.mean), moments.map(\.deviation))
                identity = request.measuresStatistics ? ["measured on the images trained on"] : normalization
            }
        }

        private static func ofWeights(_ request: Request) -> [String] {
            request.choosesStretch ? [request.record.stretch.text, "the weights' own"] : ["the weights' own"]
        }

        /// How values are converted to what the network takes, in words.
        var words: String {
            "stretch \(stretch), mean \(normalization.first ?? ""), deviation \(normalization.last ?? "")"
        }

        /// Values of some of the images that are trained on.
        private static func sample(
            _ pixels: any BenchmarkPixels, _ request: Request, _ bands: [String]
        ) throws -> ValueSample {
            let most = 16
            let step = max(1, request.training.count / most)
            var values: [[Double]] = []
            for image in stride(from: 0, to: request.training.count, by: step).prefix(most) {
                let found = try pixels.values(request.training[image])
                if values.isEmpty { values = found.map { _ in [] } }
                for (band, numbers) in found.enumerated() where band < values.count { values[band] += numbers }
            }
            let type = try request.training.first.map { try pixels.stored($0) } ?? .real
            return ValueSample(bands: bands, values: values, type: type)
        }

        private static func texts(_ mean: [Double], _ deviation: [Double]) -> [String] {
            [mean, deviation].map { $0.map { "\($0)" }.joined(separator: ",") }
        }
    }
#endif
