// What is trained: a backbone with its two heads; student and teacher are one each.
package import Backbone
package import Torch
internal import Training

/// A backbone, a head on its class tokens and a head on its patch tokens.
package struct SelfSupervisedModel {
    package let backbone: VisionTransformer
    package let dinoHead: PrototypeHead
    package let ibotHead: PrototypeHead

    /// A part of the model whose gradient is clipped by itself.
    package struct Module {
        /// The reference's name: `backbone`, `dino_head` or `ibot_head`.
        package let name: String
        /// Parameters by their names within the part.
        package let parameters: [(name: String, tensor: Tensor)]

        /// Takes over the values that a checkpoint has for the part.
        package func load(from file: SafetensorsFile) throws { try layer.load(from: file, prefix: "\(name).") }

        private let layer: any Layer

        init(_ name: String, _ layer: any Layer) {
            self.name = name
            self.layer = layer
            parameters = layer.parameters()
        }
    }

    /// Makes a model with random weights that follow from the recipe's seed.
    package init(recipe: PretrainingRecipe, device: Device, dtype: DType = .float32) {
        let generator = Generator(seed: UInt64(recipe.seed))
        let width = recipe.backbone.width
        backbone = VisionTransformer(recipe.backbone, generator: generator, dtype: dtype, device: device)
        dinoHead = PrototypeHead(
            width: width, sizes: recipe.heads.dino, generator: generator, dtype: dtype, device: device)
        ibotHead = PrototypeHead(
            width: width, sizes: recipe.heads.ibot, generator: generator, dtype: dtype, device: device)
    }

    private init(backbone: VisionTransformer, dinoHead: PrototypeHead, ibotHead: PrototypeHead) {
        self.backbone = backbone
        self.dinoHead = dinoHead
        self.ibotHead = ibotHead
    }

    /// A model with its own copies of all weights, which need no gradient: the teacher at its start.
    package func copy() -> SelfSupervisedModel {
        SelfSupervisedModel(backbone: backbone.copy(), dinoHead: dinoHead.copy(), ibotHead: ibotHead.copy())
    }

    /// The three parts.
    package var modules: [Module] {
        [
            Module("backbone", backbone), Module("dino_head", dinoHead), Module("ibot_head", ibotHead),
        ]
    }

    /// Takes over the values of a part of a checkpoint, such as `teacher`.
    ///
    /// - Parameter checkpoint: The checkpoint's folder.
    package func load(from checkpoint: String, _ part: String) throws {
        let file = try SafetensorsFile(path: "\(checkpoint)/\(CheckpointStore.fileName(part))")
        for module in modules { try module.load(from: file) }
    }

    /// All trained tensors, in a fixed order, under names such as `backbone.blocks.0.norm1.weight`.
    package func parameters() -> [(name: String, tensor: Tensor)] {
        modules.flatMap { module in module.parameters.map { ("\(module.name).\($0.name)", $0.tensor) } }
    }
}
