// What every command that maps with a fitted model does once it knows its model.
#if EARTH
    import Backbone
    import Downstream
    import Foundation
    import Geo
    import Mapping
    import Telemetry
    import Torch

    extension MapOptions {
        /// Prints the plan of a map.
        ///
        /// - Parameters:
        ///   - given: The scenes named on the command line; where there are none, they are looked for.
        ///   - maximum: Upper end of the legend; `nil` takes it from the map.
        ///   - read: Files and folders that are read besides scenes and area.
        ///   - outputs: What a map of classes is to hold besides its classes.
        func plan<Description: HeadModelDescription>(
            _ given: [String], description: Description, maximum: Double?, read: [String],
            output: String, outputs: ClassOutputs = ClassOutputs(), _ workspace: inout WorkspaceTaker
        ) throws {
            let scenes = try scenes(given, seenBy: description, &workspace)
            workspace.announce()
            var request = try request(scenes, output: output)
            request.otherInputs = read
            request.maximum = maximum
            request.classOutputs = outputs
            let plan = try planMap(
                request, layout: description.layout, windowSize: description.window,
                blendedBands: description.blendedBands, product: description.product)
            try result.show(plan, text: plan.text)
        }

        /// Makes a map and prints what came of it.
        ///
        /// - Parameters:
        ///   - given: The scenes named on the command line; where there are none, they are looked for.
        ///   - maximum: Upper end of the legend; `nil` takes it from the map.
        ///   - read: Files and folders that are read besides scenes and area.
        ///   - device: Where the model is.
        ///   - arithmetic: How the model computes if not in the usual way.
        ///   - outputs: What a map of classes is to hold besides its classes.
        ///   - tensorThreads: Threads inside an operation; `nil` leaves their number as it is, or takes that of the kept rows.
        func make<Description>(
            _ given: [String], model: HeadModel<Description>, on device: Device, arithmetic: String? = nil,
            style: MapStyle, maximum: Double?, read: [String], output: String,
            outputs: ClassOutputs = ClassOutputs(), tensorThreads: Int?, progress: ProgressOptions,
            _ workspace: inout WorkspaceTaker
        ) throws {
            let scenes = try scenes(given, seenBy: model.description, &workspace)
            workspace.announce()
            var request = try request(scenes, output: output)
            request.model = MapModel(model)
            request.otherInputs = read
            request.maximum = maximum
            request.classOutputs = outputs
            let meter = progress.meter(Description.taskName)
            defer { meter.finish() }
            // Not --threads: how many threads share a product may change its last bits, so it is a number of its own.
            if let tensorThreads {
                Torch.setThreads(tensorThreads)
            } else if resume, let kept = keptTensorThreads(for: output), kept != Torch.threads {
                Torch.setThreads(kept)
                printToStandardError(
                    "\(output): computed with \(counted(kept, "tensor threads")), as the rows that are kept")
            }
            request.intraOpThreads = Torch.threads
            if resume {
                request.computation = try Network(model.description).facts
                request.computation["device"] = "\(device)"
                request.computation["arithmetic"] = arithmetic
            }
            let predictor = HeadPredictor(model: model, batch: windows.batch)
            let summary = try makeMap(
                request, predictor: predictor, style: style, polygons: PolygonFile.init,
                notice: { text in
                    // The bar is drawn again below the line.
                    meter.finish()
                    printToStandardError(text)
                }, progress: meter.handler)
            meter.finish()
            for warning in summary.warnings { printToStandardError("warning: \(warning)") }
            try result.show(summary, text: summary.text)
        }

        private func scenes<Description: HeadModelDescription>(
            _ given: [String], seenBy description: Description, _ workspace: inout WorkspaceTaker
        ) throws -> [String] {
            // A window at the area's edge sees scenes beyond it.
            let sight = Double(description.window) * (description.layout.gsd ?? 0)
            return try foundScenes(
                given, aoi: area.aoi, &workspace, sight: sight, command: "geodino \(Description.taskName)")
        }
    }

    /// What the numbers of a network depend on besides its head; a published model has no description on disk that says it.
    private struct Network: Encodable {
        let architecture: BackboneConfiguration
        let taps: [Int]
        let window: Int
        let mean: [Double]
        let std: [Double]
        let weights: String

        init(_ description: some HeadModelDescription) {
            architecture = description.backbone.architecture
            taps = description.taps
            window = description.window
            mean = description.mean
            std = description.std
            weights = description.backbone.sha256
        }

        /// What decides whether the rows of an unfinished map are those of this network.
        var facts: [String: String] {
            get throws {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                return ["backbone": String(decoding: try encoder.encode(self), as: UTF8.self)]
            }
        }
    }

    extension MapModel {
        /// Names a model by its folder and the hash of its description.
        init<Description>(_ model: HeadModel<Description>) {
            let network = model.description.backbone.architecture
            self.init(
                id: URL(fileURLWithPath: model.path).lastPathComponent, path: model.path, sha256: model.sha256,
                summary:
                    "ViT \(network.width) x \(network.depth), patch \(network.patchSize), \(model.description.head.sizes.name) head"
            )
            card = ModelCard(model)
        }
    }
#endif
