// What preprocessor_config.json says, and how the small files beside weights are written.
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// What `preprocessor_config.json` says about the pixels that are fed.
struct HuggingFaceProcessor: Decodable {
    var do_normalize: Bool?
    var image_mean: [Double]?
    var image_std: [Double]?

    /// The statistics in a folder; mean 0 and std 1 where images are not normalised, `nil` where nothing is said.
    ///
    /// - Throws: `BackboneError` (`badWeights`) for a file that cannot be read.
    static func statistics(folder: String) throws(BackboneError) -> (mean: [Double], std: [Double])? {
        let path = "\(folder)/preprocessor_config.json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let processor: HuggingFaceProcessor = try HuggingFaceText.decoded(path)
        guard let mean = processor.image_mean, let std = processor.image_std else { return nil }
        guard processor.do_normalize ?? true else {
            return (mean.map { _ in 0 }, std.map { _ in 1 })
        }
        return (mean, std)
    }

    /// The text of `preprocessor_config.json` for images of 224 pixels.
    static func json(mean: [Double], std: [Double], isDinov2: Bool) -> String {
        // The published DINOv2 models resize to 256 pixels by cubics and cut 224 out of the middle.
        var fields: [String: HuggingFaceText] = [
            "do_convert_rgb": .bool(true), "do_rescale": .bool(true), "rescale_factor": .number(1.0 / 255),
            "do_normalize": .bool(true), "image_mean": .numbers(mean), "image_std": .numbers(std),
            "do_resize": .bool(true),
        ]
        guard !isDinov2 else {
            let crop: [String: HuggingFaceText] = [
                "image_processor_type": .text("BitImageProcessor"), "size": .sizes(["shortest_edge": 256]),
                "resample": .int(3), "do_center_crop": .bool(true), "crop_size": .sizes(["height": 224, "width": 224]),
            ]
            return HuggingFaceText.json(fields.merging(crop) { $1 })
        }
        fields["do_convert_rgb"] = nil
        return HuggingFaceText.json(
            fields.merging([
                "image_processor_type": .text("DINOv3ViTImageProcessorFast"),
                "size": .sizes(["height": 224, "width": 224]), "resample": .int(2),
            ]) { $1 })
    }
}

/// JSON as transformers wants it: its fields are typed strictly, and a number such as 100 is no `float` to it.
enum HuggingFaceText {
    case int(Int?)
    case number(Double?)
    case numbers([Double])
    case bool(Bool?)
    case text(String?)
    case texts([String])
    case ints([Int])
    case sizes([String: Int])

    /// Reads one of the small JSON files that accompany weights.
    ///
    /// - Throws: `BackboneError` for a file that cannot be read, or is something else than it should be.
    static func decoded<Value: Decodable>(_ path: String) throws(BackboneError) -> Value {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw BackboneError(.readFailed, "cannot read the model's configuration", in: path)
        }
        if let nature = data.withUnsafeBytes({ FileNature($0, path: path) }), !nature.isJSON {
            throw BackboneError(
                .badWeights, "the file is \(nature.what), not a model's configuration", in: path, why: nature.details,
                try: nature.remedy)
        }
        do { return try JSONDecoder().decode(Value.self, from: data) } catch {
            throw BackboneError(
                .badWeights, "the model's configuration cannot be read", in: path, why: causes(of: error),
                try: "download the model's folder again")
        }
    }

    /// Reads a `config.json`; where it describes a larger model, its `backbone_config`.
    static func configuration<Value: Decodable>(_ path: String) throws(BackboneError) -> Value {
        let outer: Composite<Value> = try decoded(path)
        if let inner = outer.backbone_config { return inner }
        return try decoded(path)
    }

    private struct Composite<Value: Decodable>: Decodable {
        var backbone_config: Value?
    }

    /// An object, a line per field, sorted by name.
    static func json(_ fields: [String: HuggingFaceText]) -> String {
        let lines = fields.sorted { $0.key < $1.key }.map { "  \"\($0.key)\": \($0.value.literal)" }
        return "{\n\(lines.joined(separator: ",\n"))\n}\n"
    }

    private var literal: String {
        switch self {
        case .int(let value): value.map { "\($0)" } ?? "null"
        // Swift writes a point or an exponent into every double, which makes it a float there too.
        case .number(let value): value.map { "\($0)" } ?? "null"
        case .numbers(let values): "[\(values.map { "\($0)" }.joined(separator: ", "))]"
        case .bool(let value): value.map { "\($0)" } ?? "null"
        // All texts are names of our own making, with nothing to escape.
        case .text(let value): value.map { "\"\($0)\"" } ?? "null"
        case .texts(let values): "[\(values.map { "\"\($0)\"" }.joined(separator: ", "))]"
        case .ints(let values): "[\(values.map { "\($0)" }.joined(separator: ", "))]"
        case .sizes(let sizes):
            "{\(sizes.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", "))}"
        }
    }
}
