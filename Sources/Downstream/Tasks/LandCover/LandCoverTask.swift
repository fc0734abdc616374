// Land cover as a task: a class per pixel.
internal import Backbone
package import Geo
internal import Telemetry
package import Torch

/// Land cover.
package struct LandCoverTask: HeadTask {
    package static let name = LandCoverModelDescription.taskName
    package static let curves: [TaskCurves] = [("Validation mIoU", "on held-out ground", [("mIoU", "probes.miou")])]
    package static let curveFamilies: [TaskCurveFamily] = [
        ("Validation mIoU by learning rate", "on held-out ground", "probes.miou."),
        ("Validation IoU by class", "on held-out ground", "probes.iou."),
    ]
    package static let cacheForm = CacheForm.compact

    private let recipe: LandCoverRecipe
    private let legend: Legend
    /// How much each class counts, once labels were looked at; `nil` for all alike.
    private var classWeights: [Double]?

    package init(_ recipe: LandCoverRecipe, legend: Legend?) throws {
        guard let legend else {
            throw DownstreamError(.badPairs, "the labels have no legend; land cover needs labels of classes")
        }
        guard legend.classes.count > 1 else {
            throw DownstreamError(
                .badPairs, "the legend has one class, '\(legend.classes[0].name)'; a map needs two or more",
                try: "label at least one more class, or add it to the legend")
        }
        self.recipe = recipe
        self.legend = legend
    }

    package var outputs: Int { legend.classes.count }

    package func target(_ labels: Target, excluded: [Bool]?) throws -> HeadTarget {
        guard case .classes(let buffer) = labels, case .uint8(let indices) = buffer.samples else {
            throw DownstreamError(.badPairs, "the labels are numbers; land cover needs classes")
        }
        var target = HeadTarget(
            values: [Float](repeating: 0, count: indices.count), valid: [Float](repeating: 0, count: indices.count))
        for place in indices.indices
        where buffer.validity?[place] ?? true && !(excluded?[place] ?? false) && Int(indices[place]) < outputs {
            target.values[place] = Float(indices[place])
            target.valid[place] = 1
        }
        return target
    }

    /// Looks at the labels of the ground that is trained on: how often classes occur, and where.
    ///
    /// - Throws: `DownstreamError` (`badPairs`) where fewer than two classes are labelled there.
    package mutating func prepare(
        _ sampler: inout CropSampler, memory: LabelMemory, progress: (Int, Int) -> Bool
    ) throws {
        let places = try places(sampler, memory, progress: progress)
        let seen = places.present
        guard seen.count > 1 else {
            let disputed = sampler.source.disputedPixels
            throw DownstreamError(
                .badPairs,
                seen.isEmpty
                    ? places.heldOut.isEmpty
                        ? "no ground is labelled"
                        : "no ground to train on is labelled: all labels are on held-out ground"
                    : "all ground to train on is of one class, '\(legend.classes[seen[0]].name)'",
                in: sampler.names,
                why: (disputed > 0
                    ? ["labels of two classes claim \(counted(disputed, "pixels")), which count for neither"] : []) + [
                        "held-out ground, unlabelled pixels and classes that the legend leaves out do not count, nor do images smaller than a crop"
                    ],
                try: places.heldOut.isEmpty
                    ? disputed > 0
                        ? "draw labels that do not overlap, or merge the classes that do in a legend"
                        : "check that images and labels overlap, and that the legend names the labels' values"
                    : "label more ground, or reduce validation.block or validation.share in the recipe")
        }
        sampler.labelledHeldOut = places.heldOut
        classWeights = recipe.loss.classWeights.weights(places.histogram)
        let share = recipe.sampling.classShare
        let seed = recipe.seed
        sampler.preferred = { random, kept in
            if let kept { return places.draw(&random, kept: kept, classShare: share, seed: seed) }
            return places.draw(&random, ofClass: random.unit() < share)
        }
    }

    /// Where classes are labelled: as an earlier session of the fit found out, or by looking at all windows.
    private func places(
        _ sampler: CropSampler, _ memory: LabelMemory, progress: (Int, Int) -> Bool
    ) throws -> ClassPlaces {
        let key = ClassPlaces.key(sampler, legend)
        if let numbers = memory.numbers(key), let known = ClassPlaces(numbers, sampler, classes: outputs) {
            return known
        }
        let found = try ClassPlaces(sampler, classes: outputs, progress: progress)
        memory.remember(found.numbers, key: key)
        return found
    }

    package func loss(_ logits: Tensor, _ values: Tensor, valid: Tensor, step: Int, of steps: Int) -> HeadLoss {
        recipe.loss(logits, values, valid: valid, classWeights: classWeights)
    }

    package func validation(
        _ sampler: CropSampler, logits: (Tensor) throws -> Tensor
    ) throws -> LandCoverValidation? {
        try sampler.landCoverValidation(legend, logits: logits)
    }

    package func scores(
        _ sampler: CropSampler, heads: Int, logits: (Tensor) throws -> [Tensor]
    ) throws -> [HeadScore]? {
        try sampler.landCoverScores(legend, heads: heads, logits: logits)
    }

    package func noting(_ choice: HeadChoice, in validation: LandCoverValidation) -> LandCoverValidation {
        var validation = validation
        validation.step = choice.step
        validation.learningRate = choice.learningRate
        validation.rates =
            choice.rates.isEmpty
            ? nil
            : choice.rates.map {
                LandCoverValidation.RateScore(
                    learningRate: $0.learningRate, miou: $0.score, step: $0.step, divergedAt: $0.divergedAt)
            }
        return validation
    }

    package func description(
        _ model: FittedModel, recipe: LandCoverRecipe, validation: LandCoverValidation?
    ) -> any Encodable {
        LandCoverModelDescription(
            backbone: model.backbone, head: model.head, legend: legend,
            temperature: validation?.temperature ?? 1, taps: recipe.taps, window: recipe.window,
            layout: model.layout, mean: model.mean, std: model.std, validation: validation,
            provenance: model.provenance)
    }
}
