// What published loaders say of the miniatures of LoveDA, iSAID, EuroSAT and UC Merced.
import Foundation

/// What `Tests/Golden/benchmark_loaders.py` wrote of sets that are no part of GEO-Bench.
struct SetLoaders: Decodable {
    /// An image: sums of its bands, the digest of its pixels; the same of its mask where it has one.
    struct Image: Decodable {
        let name: String
        let label: Int?
        let shape: [Int]?
        let sums: [Int]
        let sha256: String
        let maskSum: Int?
        let maskSha256: String?
        let maskValues: [Int]?
    }

    /// A set with its classes as the loader names them.
    struct Listed: Decodable {
        let classes: [String]
        let splits: [String: [Image]]
    }

    /// What torchgeo finds.
    struct TorchGeo: Decodable {
        let loveda: Listed
        let eurosat: Listed
        let ucmerced: Listed
    }

    /// What mmsegmentation finds.
    struct MMSegmentation: Decodable {
        let isaid: Masks
        let isaidPatches: Patches
        let loveda: Scored
    }

    /// Masks in colours.
    struct Masks: Decodable {
        let masks: [String: Mask]
    }

    struct Mask: Decodable {
        let shape: [Int]
        let maskSum: Int
        let maskSha256: String
        let maskValues: [Int]
    }

    struct Patches: Decodable {
        let classes: [String]
        /// Number of images and masks together.
        let files: Int
        let splits: [String: [Image]]
    }

    struct Scored: Decodable {
        let classes: [String]
        let splits: [String: [Image]]
        let score: Score
    }

    /// Figures in single precision, of whole numbers of pixels.
    struct Score: Decodable {
        let intersect: [Int]
        let union: [Int]
        let predicted: [Int]
        let labelled: [Int]
        let iou: [Double?]
        let accuracy: Double
        let miou: Double
    }

    let torchgeo: TorchGeo
    let mmseg: MMSegmentation

    static func load() throws -> SetLoaders {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            SetLoaders.self, from: Data(contentsOf: URL(fileURLWithPath: GeoBenchFixture.folder + "/loaders.json")))
    }
}
