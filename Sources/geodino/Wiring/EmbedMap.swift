// Feature maps of 'geodino embed': georeferenced rasters of tokens, and pictures of their principal components.
#if EARTH
    import Scenes
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Raster
    import Telemetry
    import Torch

    /// A feature raster or a picture of components, blended over windows.
    struct FeatureMapJob {
        let scenes: [String]
        let output: String
        let options: RasterInputOptions
        let batch: Int
        /// The block whose tokens are taken; `nil` for the output.
        let layer: Int?
        /// Whether these are normalised.
        let normalises: Bool
        /// The grid that they come on.
        let grid: TapGrid
        /// What else decides what the network says, by name.
        let input: [String: String]
        /// The type that it computes in.
        let dtype: String
        /// Number of components; `nil` for all elements.
        let pca: Int?
        /// Components to use; `nil` finds them.
        let basis: String?
        /// Where the components used are kept.
        let componentsPath: String
        /// Whether the basis exists already.
        let keepsBasis: Bool
        let overwrite: Bool
        /// All that is read.
        let read: [String]

        func run(
            _ network: () throws -> any ImageBackbone, _ record: WeightsRecord, _ contents: WeightsContents,
            _ meter: ProgressMeter
        ) throws {
            let predictor = try FeaturePredictor(
                network: network(), record: record, windowSize: options.window, gsd: options.gsd, layer: layer,
                normalises: normalises, grid: grid)
            let origin = TokenOrigin(
                weights: try contents.sha256(), layer: layer, isNormalised: normalises, input: input)
            var request = options.request(scenes, output: output)
            request.overwrite = overwrite
            request.otherInputs = read
            request.batchSize = batch
            request.model = MapModel(
                id: URL(fileURLWithPath: contents.path).lastPathComponent, path: contents.path,
                sha256: origin.weights,
                summary: "backbone \(record.architecture.presetName ?? "of width \(record.architecture.width)")")
            request.software = "geodino \(geodinoVersion)"
            request.commandLine = CommandLine.asTyped
            request.intraOpThreads = Torch.threads
            for (key, value) in origin.metadata { request.tags["GEODINO_\(key.uppercased())"] = value }
            request.tags["GEODINO_DTYPE"] = dtype
            if !options.bands.isEmpty { request.tags["GEODINO_BANDS"] = options.bands.text }
            let components = try pca.map {
                try self.components($0, of: request, predictor: predictor, origin: origin, meter: meter)
            }
            if let components {
                predictor.output = pca == 3 ? .colours(components) : .components(components)
                request.tags["GEODINO_COMPONENTS_SHA256"] = components.sha256()
            }
            let title = pca.map { "Features, \($0) principal components" } ?? "Features"
            let summary = try advising {
                try makeMap(
                    request, predictor: predictor,
                    style: MapStyle(title: title, unit: "", rendering: pca == 3 ? .picture : .none),
                    progress: meter.handler)
            }
            if let components {
                if !keepsBasis { try components.save(to: componentsPath, origin: origin) }
            } else {
                // That of an older map of this name.
                try? FileManager.default.removeItem(atPath: componentsPath)
            }
            meter.finish()
            for warning in summary.warnings { printToStandardError("warning: \(warning)") }
            for part in summary.parts {
                print(
                    "\(part.output): \(part.grid.width) x \(part.grid.height) pixels of \(counted(predictor.blendedBands.count, "bands")), \(counted(part.windows, "windows"))"
                )
            }
            // A basis says it of the tokens that it was found on.
            if let components, basis == nil {
                let shares = components.explained.prefix(8).map { shown(100 * $0, digits: 1) + " %" }
                print("share of variance: \(shares.joined(separator: ", "))")
            }
        }

        /// Those of the basis, else of the scenes.
        private func components(
            _ count: Int, of request: MapRequest, predictor: FeaturePredictor, origin: TokenOrigin, meter: ProgressMeter
        ) throws -> PrincipalComponents {
            guard count <= predictor.tokenWidth else {
                throw CommandError(
                    .badArgument,
                    "--pca asks for \(count) components, but a token has \(predictor.tokenWidth) elements",
                    in: output)
            }
            if let basis {
                let found = try PrincipalComponents.load(from: basis, width: predictor.tokenWidth, origin: origin)
                guard found.count == count else {
                    throw CommandError(
                        .badArgument, "the file has \(counted(found.count, "components")), but --pca asks for \(count)",
                        in: basis, try: "--pca \(found.count)")
                }
                return found
            }
            // What stands in the way of the map is said before the network is asked.
            try advising {
                try checkRoom(
                    for: planMap(
                        request, layout: predictor.layout, windowSize: predictor.windowSize,
                        cellSize: predictor.cellSize,
                        blendedBands: (0..<count).map { BandInfo(name: "component \($0 + 1)") }))
            }
            return try principalComponents(of: request, predictor: predictor, count: count, progress: meter.handler)
        }
    }

    /// The principal components of the windows of a map: of about 32 windows with valid pixels, and 16,384 tokens of these.
    private func principalComponents(
        of request: MapRequest, predictor: FeaturePredictor, count: Int, progress: ProgressHandler
    ) throws -> PrincipalComponents {
        var plain = request
        plain.overwrite = true
        let reader = try SceneWindowReader(
            plain, layout: predictor.layout, windowSize: predictor.windowSize, cellSize: predictor.cellSize,
            progress: progress)
        let enough = 32
        let most = max(1, 16384 / min(enough, max(reader.candidates.count, 1)))
        var tokens: [Tensor] = []
        // Where a scene is mostly empty, a round may find little.
        for round in reader.rounds(of: enough) where tokens.count < enough {
            let done = tokens.count
            try reader.read(
                round,
                progress: { progress(Progress(unit: "windows for components", done: done + $0.done, total: nil)) },
                { place, window in
                    let valid = window.cells.indices.filter { window.cells[$0] }
                    guard !valid.isEmpty else { return }
                    let count = min(most, valid.count)
                    let picked = (0..<count).map { valid[$0 * valid.count / count] }
                    let all = try predictor.tokens(TileBatch(ids: [place], tiles: [window.pixels]))
                    tokens.append(
                        all.reshaped([window.cells.count, predictor.tokenWidth])
                            .indexSelect(dim: 0, indices: Tensor(picked, shape: [count])))
                })
        }
        guard !tokens.isEmpty else { throw noValidPixel(request.scenes[0]) }
        return try PrincipalComponents(of: concatenate(tokens, dim: 0), count: count)
    }
#endif
