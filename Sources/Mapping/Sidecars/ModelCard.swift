// What a model is, for the items of its maps.

/// A description of a model that labels each pixel with a class.
///
/// It becomes the fields of the extension MLM (machine learning model) 1.5 in the STAC item of a map.
public struct ModelCard: Sendable, Codable, Hashable {
    /// A file of weights.
    public struct Weights: Sendable, Codable, Hashable {
        /// What it holds, for titles: `backbone`.
        public var part: String
        /// The file.
        public var path: String
        /// SHA-256 of it; lower-case hexadecimal.
        public var sha256: String

        /// Names a file.
        public init(part: String, path: String, sha256: String) {
            self.part = part
            self.path = path
            self.sha256 = sha256
        }
    }

    /// The established name of its architecture: `Vision Transformer`.
    public var architecture: String
    /// What is taken off each band, of values scaled to 0 to 1.
    public var mean: [Double]
    /// What each band is then divided by.
    public var std: [Double]
    /// Numbers that describe its network, by names of letters, digits and `_`.
    public var hyperparameters: [String: Double]
    /// Its files of weights, in the safetensors format.
    public var weights: [Weights]

    /// Describes a model.
    ///
    /// - Parameters:
    ///   - mean: As many values as the model has bands, and so has `std`.
    ///   - weights: One file or more.
    public init(
        architecture: String, mean: [Double], std: [Double], hyperparameters: [String: Double], weights: [Weights]
    ) {
        precondition(mean.count == std.count && !weights.isEmpty, "a model has statistics of each band, and weights")
        self.architecture = architecture
        self.mean = mean
        self.std = std
        self.hyperparameters = hyperparameters
        self.weights = weights
    }
}
