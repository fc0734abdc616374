// Canopy height as a task: metres per pixel, through bins.
internal import Backbone
public import Geo
internal import Telemetry
package import Torch

/// Canopy height.
package struct CanopyTask: HeadTask {
    package static let name = CanopyModelDescription.taskName
    package static let curves: [TaskCurves] = [
        ("Share of the Charbonnier loss", "", [("share", "hand_over")])
    ]

    private let recipe: CanopyRecipe

    package init(_ recipe: CanopyRecipe, legend: Legend?) { self.recipe = recipe }

    package var outputs: Int { recipe.bins.count }

    package func target(_ labels: Target, excluded: [Bool]?) throws -> HeadTarget {
        switch labels {
        case .values(let height): return HeadTarget(heights: height, highest: recipe.maxHeight, excluded: excluded)
        case .classes, .labels:
            throw DownstreamError(.badPairs, "the labels are classes; a canopy head needs heights")
        }
    }

    package func loss(_ logits: Tensor, _ metres: Tensor, valid: Tensor, step: Int, of steps: Int) -> HeadLoss {
        let handOver = recipe.loss.handOver(step: step, of: steps)
        return HeadLoss(
            recipe.loss(
                recipe.bins.metres(logits), metres, valid: valid, handOver: handOver, scale: recipe.bins.scale),
            fields: ["hand_over": handOver], words: "charbonnier \(Int((handOver * 100).rounded())) %")
    }

    package func validation(_ sampler: CropSampler, logits: (Tensor) throws -> Tensor) throws -> CanopyValidation? {
        try sampler.canopyValidation(windows: recipe.validation.windows) { recipe.bins.metres(try logits($0)) }
    }

    package func description(
        _ model: FittedModel, recipe: CanopyRecipe, validation: CanopyValidation?
    ) -> any Encodable {
        CanopyModelDescription(
            backbone: model.backbone, head: model.head, bins: recipe.bins, taps: recipe.taps, window: recipe.window,
            layout: model.layout, mean: model.mean, std: model.std, validation: validation,
            provenance: model.provenance)
    }
}

extension HeadTarget {
    /// Heights of a buffer in metres, by the rule of all heights.
    ///
    /// - Parameter excluded: True for pixels that do not count.
    package init(heights: PixelBuffer, highest: Double, excluded: [Bool]? = nil) {
        var metres = heights.floats()
        var valid = [Float](repeating: 0, count: metres.count)
        let rule = HeightRule(highest: highest)
        for index in metres.indices {
            let isKnown = heights.validity?[index] ?? true && !(excluded?[index] ?? false)
            let known = isKnown ? rule.height(metres[index]) : nil
            metres[index] = known ?? 0
            valid[index] = known == nil ? 0 : 1
        }
        self.init(values: metres, valid: valid)
    }
}

/// Fits a canopy height head; see `fit`.
///
/// - Throws: `DownstreamError`, `TrainingError`, `BackboneError`, `TorchError`, and what the source throws.
public func fitCanopy(
    recipe: CanopyRecipe, weights: String, source: any LabelledSource, model: String,
    options: FitOptions = FitOptions(), handler: @escaping (FitEvent) -> Void = { _ in },
    interrupted: () -> Bool = { false }
) throws -> FitSummary<CanopyValidation> {
    try fit(
        CanopyTask.self, recipe: recipe, weights: weights, source: source, model: model, options: options,
        handler: handler, interrupted: interrupted)
}
