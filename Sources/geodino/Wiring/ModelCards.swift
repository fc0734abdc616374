// What a model is in the terms of STAC, from what its folder says.
#if EARTH
    import Backbone
    import Downstream
    import Geo
    import Mapping

    extension ModelCard {
        /// Describes a model of classes; `nil` for other models.
        init?<Description>(_ model: HeadModel<Description>) {
            let description = model.description
            guard case .classes = description.product else { return nil }
            let network = description.backbone.architecture
            let sizes = [
                "width": network.width, "depth": network.depth, "heads": network.heads,
                "patch_size": network.patchSize, "registers": network.registers, "taps": description.taps.count,
            ]
            func inFolder(_ file: String) -> String {
                if file.hasPrefix("/") { return file }
                return model.path + (model.path.hasSuffix("/") ? "" : "/") + file
            }
            self.init(
                architecture: "Vision Transformer", mean: description.mean, std: description.std,
                hyperparameters: sizes.mapValues(Double.init),
                weights: [
                    Weights(
                        part: "backbone", path: inFolder(description.backbone.file),
                        sha256: description.backbone.sha256),
                    Weights(
                        part: "head", path: inFolder(description.head.file),
                        sha256: description.head.sha256),
                ])
        }
    }
#endif
