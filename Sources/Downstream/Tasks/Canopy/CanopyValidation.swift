// How well a head does on ground that it was not trained on.
internal import Backbone
internal import Geo
internal import Measures
internal import Torch

/// Errors on held-out ground.
public struct CanopyValidation: Codable, Sendable, Equatable {
    /// Mean absolute error, metres.
    public var mae: Double
    /// Root of the mean squared error, metres.
    public var rmse: Double
    /// Mean of prediction minus truth, metres.
    public var bias: Double
    /// Mean absolute error of always saying the mean height of the training ground, metres.
    public var meanPredictorMAE: Double
    /// That mean height, metres.
    public var meanHeight: Double
    /// Number of held-out pixels compared.
    public var pixels: Int
    /// Number of windows that they come from.
    public var windows: Int

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case mae = "mae_m"
        case rmse = "rmse_m"
        case bias = "bias_m"
        case meanPredictorMAE = "mean_predictor_mae_m"
        case meanHeight = "mean_height_m"
        case pixels, windows
    }
}

extension CropSampler {
    /// Errors of a head on held-out ground; `nil` where none is held out, or no height is known there.
    ///
    /// - Parameters:
    ///   - windows: The number of windows from which the mean height of the training ground is taken.
    ///   - heights: Metres `[1, 1, S, S]` of a normalised image `[1, C, S, S]`.
    func canopyValidation(
        windows wanted: Int, heights: (Tensor) throws -> Tensor
    ) throws -> CanopyValidation? {
        var truth: [Float] = []
        var errors = RegressionTally()
        let windows = try forEachHeldOut { image, target, places in
            let predicted = try heights(image).floats()
            for place in places {
                let metres = target.values[place]
                truth.append(metres)
                errors.add(prediction: Double(predicted[place]), truth: Double(metres))
            }
        }
        guard !truth.isEmpty, let mean = try meanTrainingHeight(wanted) else { return nil }
        var meanErrors = RegressionTally()
        for metres in truth { meanErrors.add(prediction: mean, truth: Double(metres)) }
        return CanopyValidation(
            mae: errors.mae, rmse: errors.rmse, bias: errors.bias, meanPredictorMAE: meanErrors.mae, meanHeight: mean,
            pixels: truth.count, windows: windows)
    }

    /// Mean height of the ground that is trained on, metres: of as many windows as are validated, chosen by the seed.
    ///
    /// - Returns: `nil` where a hundred times as many windows hold no known height; training needs one in 32.
    private func meanTrainingHeight(_ wanted: Int) throws -> Double? {
        var (sum, count, windows) = (0.0, 0, 0)
        // A country with a few plots has more windows than anybody would wait for.
        for (pair, window) in lattice().prefix(100 * wanted) {
            if windows == wanted { break }
            let heldOut = heldOut(pair, window)
            guard heldOut.contains(false) else { continue }
            let target = try sample(pair, window, excluded: heldOut).target
            let before = count
            for index in target.valid.indices where target.valid[index] > 0 {
                sum += Double(target.values[index])
                count += 1
            }
            if count > before { windows += 1 }
        }
        return count > 0 ? sum / Double(count) : nil
    }
}
