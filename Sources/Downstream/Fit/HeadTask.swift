// What a task adds to fitting a head: its targets, its loss, its errors, and what its model says of itself.
internal import Backbone
package import Geo
package import Torch
internal import Training

/// A task of a dense head on frozen features: one folder under `Tasks`.
package protocol HeadTask {
    /// How it is trained.
    associatedtype Recipe: HeadRecipe
    /// How well it does on held-out ground.
    associatedtype Validation: Codable, Sendable, Equatable

    /// Its name, as in `geodino fit NAME` and in `model.json`.
    static var name: String { get }
    /// The charts of its own on a fit's page.
    static var curves: [TaskCurves] { get }
    /// The charts of its own whose curves are known by the beginning of their names alone, such as one for each class.
    static var curveFamilies: [TaskCurveFamily] { get }
    /// How features of crops are kept.
    static var cacheForm: CacheForm { get }

    /// Makes the task of a recipe.
    ///
    /// - Parameter legend: What the labels' classes are; `nil` where labels are not classes.
    /// - Throws: `DownstreamError` (`badPairs`) for labels that the task cannot learn from.
    init(_ recipe: Recipe, legend: Legend?) throws
    /// Looks at the labels before the first step, and says where crops are to be drawn; nothing by default.
    ///
    /// - Parameters:
    ///   - memory: What was found in an earlier session of the fit, and where to leave what is found now.
    ///   - progress: Told of windows looked at; an answer of `false` stops with `cancelled`.
    mutating func prepare(_ sampler: inout CropSampler, memory: LabelMemory, progress: (Int, Int) -> Bool) throws
    /// Numbers per pixel that the head gives.
    var outputs: Int { get }
    /// What a window's labels are worth; see `HeadTarget`.
    ///
    /// - Parameter excluded: True for pixels that do not count.
    func target(_ labels: Target, excluded: [Bool]?) throws -> HeadTarget
    /// The loss of a step, from 0.
    ///
    /// - Parameters:
    ///   - logits: `[B, outputs, S, S]`.
    ///   - values: The targets' values, `[B, 1, S, S]`.
    ///   - valid: 1 where a pixel counts, `[B, 1, S, S]`.
    func loss(_ logits: Tensor, _ values: Tensor, valid: Tensor, step: Int, of steps: Int) -> HeadLoss
    /// Errors on held-out ground; `nil` where none is held out, or nothing is known there.
    ///
    /// - Parameter logits: Of a normalised image `[1, C, S, S]`.
    func validation(_ sampler: CropSampler, logits: (Tensor) throws -> Tensor) throws -> Validation?
    /// Scores of heads that are still trained, one for each; `nil` where no ground is held out, nothing is known there, or the task
    /// compares no heads, as by default.
    ///
    /// - Parameter logits: Of each head, for a normalised image `[1, C, S, S]`.
    func scores(_ sampler: CropSampler, heads: Int, logits: (Tensor) throws -> [Tensor]) throws -> [HeadScore]?
    /// Errors that also say how their head was chosen; by default as they are.
    func noting(_ choice: HeadChoice, in validation: Validation) -> Validation
    /// What `model.json` says.
    func description(_ model: FittedModel, recipe: Recipe, validation: Validation?) -> any Encodable
}

extension HeadTask {
    package static var curveFamilies: [TaskCurveFamily] { [] }
    package static var cacheForm: CacheForm { .exact }

    package mutating func prepare(
        _ sampler: inout CropSampler, memory: LabelMemory, progress: (Int, Int) -> Bool
    ) throws {}

    /// Looks at the labels without a memory.
    package mutating func prepare(_ sampler: inout CropSampler, progress: (Int, Int) -> Bool) throws {
        try prepare(&sampler, memory: LabelMemory(), progress: progress)
    }

    package func scores(
        _ sampler: CropSampler, heads: Int, logits: (Tensor) throws -> [Tensor]
    ) throws -> [HeadScore]? { nil }

    package func noting(_ choice: HeadChoice, in validation: Validation) -> Validation { validation }
}

/// A chart of curves on a fit's page: their names on it, and in the log.
package typealias TaskCurves = (title: String, note: String, names: [(String, String)])

/// A chart of all curves of the log whose names begin so.
package typealias TaskCurveFamily = (title: String, note: String, prefix: String)

/// A loss and what is said about it.
package struct HeadLoss {
    /// What is minimised.
    package let value: Tensor
    /// Numbers for the metrics log.
    package var fields: [String: Double] = [:]
    /// A part of the step's line.
    package var words = ""

    /// Makes a loss.
    package init(_ value: Tensor, fields: [String: Double] = [:], words: String = "") {
        self.value = value
        self.fields = fields
        self.words = words
    }
}

/// What a model's description is made of, whatever the task.
package struct FittedModel {
    /// The backbone's file.
    package let backbone: ModelBackboneFile
    /// The head's file.
    package let head: ModelHeadFile
    /// What is fed.
    package let layout: PixelLayout
    /// What is taken off each band, of values scaled to 0 to 1.
    package let mean: [Double]
    /// What each band is then divided by.
    package let std: [Double]
    /// Where the model comes from.
    package let provenance: [String: String]
}
