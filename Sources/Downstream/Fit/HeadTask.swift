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

    /// Makes the task of a recipe.
    ///
    /// - Parameter legend: What the labels' classes are; `nil` where labels are not classes.
    /// - Throws: `DownstreamError` (`badPairs`) for labels that the task cannot learn from.
    init(_ recipe: Recipe, legend: Legend?) throws
    /// Looks at the labels before the first step, and says where crops are to be drawn; nothing by default.
    ///
    /// - Parameter progress: Told of windows looked at; an answer of `false` stops with `cancelled`.
    mutating func prepare(_ sampler: inout CropSampler, progress: (Int, Int) -> Bool) throws
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
    /// What `model.json` says.
    func description(_ model: FittedModel, recipe: Recipe, validation: Validation?) -> any Encodable
}

extension HeadTask {
    package mutating func prepare(_ sampler: inout CropSampler, progress: (Int, Int) -> Bool) throws {}
}

/// A chart of curves on a fit's page: their names on it, and in the log.
package typealias TaskCurves = (title: String, note: String, names: [(String, String)])

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
