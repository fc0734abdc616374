// One update of the student's weights: clipping by part, AdamW over groups, spec 7.1 and 7.4.
import Backbone
package import Torch

/// The norms of a step's gradients before clipping, by part.
package typealias GradientNorms = [(module: String, norm: Double)]

/// Clips and applies the gradients of the student.
package final class Updater {
    private let settings: PretrainingRecipe.Optimizer
    private let modules: [(name: String, parameters: [Tensor])]
    private let scales: [ParameterScale]
    private let adam: AdamW

    /// Groups the student's parameters by their multipliers and lets gradients flow to them.
    ///
    /// - Parameter memory: Whose optimiser's memory goes on, for a phase with other settings; `nil` for none.
    package init(_ student: SelfSupervisedModel, recipe: PretrainingRecipe, memory: Updater? = nil) {
        settings = recipe.optimizer
        var scales: [ParameterScale] = []
        var members: [ParameterScale: [(name: String, tensor: Tensor)]] = [:]
        for module in student.modules {
            for (name, tensor) in module.parameters {
                tensor.requiresGradient = true
                let scale =
                    module.name == "backbone"
                    ? ParameterScale(
                        backbone: name, depth: recipe.backbone.depth, layerDecay: settings.layerDecay,
                        patchEmbed: settings.patchEmbedRate, decayTokens: settings.decayTokens)
                    : ParameterScale(head: name)
                // In order of first appearance, so that the order of updates is fixed.
                if members[scale] == nil { scales.append(scale) }
                members[scale, default: []].append(("\(module.name).\(name)", tensor))
            }
        }
        self.scales = scales
        modules = student.modules.map { ($0.name, $0.parameters.map(\.tensor)) }
        adam = AdamW(
            groups: scales.map { .init(parameters: members[$0] ?? [], learningRate: 0, weightDecay: 0) },
            beta1: settings.betas[0], beta2: settings.betas[1])
        if let memory { adam.takeMemory(of: memory.adam) }
    }

    /// Scales each part's gradients down to the greatest norm allowed.
    ///
    /// - Returns: The norms before.
    package func clip() -> GradientNorms {
        modules.map { ($0.name, clipGradientNorm($0.parameters, maximum: settings.clipNorm)) }
    }

    /// Updates the weights and forgets the gradients.
    ///
    /// - Parameters:
    ///   - rate: Learning rate before the groups' multipliers.
    ///   - decay: Weight decay before the groups' multipliers.
    ///   - holdsPrototypes: Whether the last layers of the heads stand still.
    package func update(rate: Double, decay: Double, holdsPrototypes: Bool) {
        for (index, scale) in scales.enumerated() {
            adam.groups[index].learningRate = holdsPrototypes && scale.isLastLayer ? 0 : rate * scale.learningRate
            adam.groups[index].weightDecay = decay * scale.weightDecay
        }
        adam.step()
        adam.clearGradients()
    }

    /// Forgets the gradients.
    package func clearGradients() { adam.clearGradients() }

    /// The optimiser's state by name, for checkpoints.
    package func state() -> [(name: String, tensor: Tensor)] { adam.state() }

    /// Takes over a state.
    package func restore(from file: SafetensorsFile) throws { try adam.restore(from: file) }
}
