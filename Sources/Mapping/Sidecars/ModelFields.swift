// The fields of STAC's extension for machine learning models (MLM) in the item of a map.
internal import Files
internal import Geo
internal import Scenes
internal import Telemetry

/// What a map's item says of the model that made it.
struct ModelFields {
    /// The extension.
    static let `extension` = "mlm/v1.5.2"

    private let card: ModelCard
    private let id: String
    private let layout: PixelLayout
    private let window: Int
    private let legend: Legend

    /// The fields of a map of classes; `nil` for other maps, and where the model is not described.
    init?(_ model: MapModel, layout: PixelLayout, window: Int, writing: WrittenProduct) {
        guard let card = model.card, let legend = writing.legend else { return nil }
        self.card = card
        id = model.id
        self.layout = layout
        self.window = window
        self.legend = legend
    }

    /// The fields among the item's properties.
    var properties: [String: JSONValue] {
        let tasks = JSONValue.array([.string("semantic-segmentation")])
        let scaling = zip(card.mean, card.std).map { mean, std -> JSONValue in
            .object([
                "type": .string("z-score"), "mean": .number(sixDecimals(255 * mean)),
                "stddev": .number(sixDecimals(255 * std)),
            ])
        }
        let input: [String: JSONValue] = [
            "name": .string("image"), "bands": .array(bands.map { .string($0) }),
            "description": .string("bands in 8 bits, stretch \(layout.stretch.text)"),
            "input": array(
                [-1, bands.count, window, window], dimensions: ["batch", "bands", "height", "width"]),
            "value_scaling": .array(scaling), "resize_type": .null,
        ]
        let output: [String: JSONValue] = [
            "name": .string("probabilities"), "tasks": tasks,
            "result": array(
                [-1, legend.classes.count, window, window], dimensions: ["batch", "class", "height", "width"]),
            "classification:classes": .array(legend.classes.map { .object(described($0)) }),
        ]
        var fields: [String: JSONValue] = [
            "mlm:name": .string(modelName(id)), "mlm:architecture": .string(card.architecture),
            // What runs it is libtorch, PyTorch's own library.
            "mlm:framework": .string("PyTorch"), "mlm:tasks": tasks, "mlm:input": .array([.object(input)]),
            "mlm:output": .array([.object(output)]),
        ]
        if !card.hyperparameters.isEmpty {
            fields["mlm:hyperparameters"] = .object(card.hyperparameters.mapValues { .number($0) })
        }
        return fields
    }

    /// The files of weights as assets of a map.
    func assets(from output: String) -> [String: JSONValue] {
        let described = JSONValue.array(
            bands.map { .object(["name": .string($0), "data_type": .string(layout.sampleType.rawValue)]) })
        return Dictionary(
            card.weights.map { file in
                (
                    "model_\(file.part)",
                    JSONValue.object([
                        "href": .string(reference(file.path, from: output)),
                        "type": .string("application/octet-stream; framework=pytorch"),
                        "title": .string("Weights of the model: \(file.part)"),
                        "roles": .array([.string("mlm:model"), .string("mlm:weights")]),
                        "mlm:artifact_type": .string("safetensors.torch.save_file"),
                        "file:checksum": .string(multihash(file.sha256)), "raster:bands": described,
                    ])
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The names of the model's bands; the extension wants one for each.
    private var bands: [String] {
        layout.bands.enumerated().map { $1.name.isEmpty ? "band \($0 + 1)" : $1.name }
    }

    /// A class; readers of the extension (stac-model) know descriptions but no titles.
    private func described(_ entry: LegendClass) -> [String: JSONValue] {
        var value = stacClass(entry)
        value["title"] = nil
        value["description"] = .string(entry.name)
        return value
    }

    private func array(_ shape: [Int], dimensions: [String]) -> JSONValue {
        .object([
            "shape": .array(shape.map { .integer($0) }), "dim_order": .array(dimensions.map { .string($0) }),
            "data_type": .string("float32"),
        ])
    }
}

/// A name as the extension allows it: it begins with a letter, ends with a letter or digit, and has at least three characters.
func modelName(_ id: String) -> String {
    func isPlain(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber)
    }
    let name = String(id.map { isPlain($0) || "_.-".contains($0) ? $0 : "_" })
    let isValid = name.count > 2 && name.first?.isLetter == true && name.last.map(isPlain) == true
    return isValid ? name : "model-\(name.isEmpty || name.last.map(isPlain) != true ? name + "0" : name)"
}

private func sixDecimals(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
