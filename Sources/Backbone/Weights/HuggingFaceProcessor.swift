// What preprocessor_config.json says, and how the small files beside weights are written.
internal import FoundationEssentials

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
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let processor: HuggingFaceProcessor
        do { processor = try JSONDecoder().decode(HuggingFaceProcessor.self, from: data) } catch {
            throw BackboneError(
                .badWeights, "the description of the model's pixels cannot be read", in: path,
                why: [decodingCause(error)], try: "fetch the model's folder again")
        }
        guard let mean = processor.image_mean, let std = processor.image_std else { return nil }
        guard processor.do_normalize ?? true else {
            return (mean.map { _ in 0 }, std.map { _ in 1 })
        }
        return (mean, std)
    }

    /// The text of `preprocessor_config.json` for images of 224 pixels.
    static func json(mean: [Double], std: [Double]) -> String {
        HuggingFaceText.json([
            "image_processor_type": .text("DINOv3ViTImageProcessorFast"), "do_rescale": .bool(true),
            "rescale_factor": .number(1.0 / 255), "do_normalize": .bool(true), "image_mean": .numbers(mean),
            "image_std": .numbers(std), "do_resize": .bool(true), "size": .sizes(["height": 224, "width": 224]),
            "resample": .int(2),
        ])
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
