// What one step takes, by reckoning: operations and memory.
import Backbone

/// The operations and the memory of a step of a recipe; estimated without running anything.
///
/// Memory is what a step holds at its largest if all parts were at their largest at once, so that the real peak lies a little
/// below: gradients grow while the values that were kept go. What libtorch itself takes (some 0.3 GB, and a GPU's context) is not
/// in it.
public struct StepCost: Sendable, Equatable {
    /// A part of something.
    public struct Part: Sendable, Equatable {
        /// What it is.
        public let name: String
        /// How much: values, operations or bytes.
        public let amount: Double
    }

    /// Trained values of the student, by part.
    public let parameters: [Part]
    /// Floating-point operations of a step, by part.
    public let operations: [Part]
    /// Bytes that follow from the model alone.
    public let state: [Part]
    /// Bytes that grow with the tiles that are computed at once.
    public let perStep: [Part]
    /// Bytes of the crops of a step of several parts, which lie in the host's memory besides; 0 where there is one part.
    public let hostBytes: Double

    /// Reckons a step of a recipe of one phase, at its own sizes of crops.
    ///
    /// - Parameter batch: Tiles that are computed at once; `nil` for those of the recipe, or of a part of them where it accumulates.
    package init(_ recipe: PretrainingRecipe, batch given: Int? = nil) {
        let whole = recipe.data.batchSize
        let parts = recipe.data.accumulate ?? 1
        let counts = Counts(recipe, batch: given ?? whole / parts)
        let all = Counts(recipe, batch: given.map { $0 * parts } ?? whole)
        let heads = [recipe.heads.dino, recipe.heads.ibot]
        let sizes =
            [Double(recipe.backbone.parameterCount)] + heads.map { $0.parameters(width: recipe.backbone.width) }
        parameters = zip(["backbone", "head on class tokens", "head on patch tokens"], sizes).map(Part.init)
        let total = sizes.reduce(0, +)
        operations = Self.operations(recipe, all)
        var state = [
            Part(name: "student", amount: 4 * total), Part(name: "teacher", amount: 4 * total),
            Part(name: "gradients", amount: 4 * total), Part(name: "optimizer", amount: 8 * total),
        ]
        if let gram = recipe.gram, gram.teacher != .present {
            state.append(Part(name: "Gram teacher", amount: 4 * sizes[0]))
        }
        if recipe.isLowered {
            // Of the student on the way forth and back, and of one teacher at a time.
            state.append(Part(name: "weights in bfloat16", amount: 2 * 2 * total))
        }
        self.state = state
        perStep = Self.memory(recipe, counts, all)
        hostBytes = parts > 1 ? Self.images(recipe, all) : 0
    }

    /// Bytes of everything.
    public var bytes: Double { (state + perStep).reduce(0) { $0 + $1.amount } }

    // MARK: Reckoning

    /// How much of what goes through a step.
    private struct Counts {
        let global: Double
        let local: Double
        /// Rows through the head on class tokens.
        let classRows: Double
        /// Hidden patches: the mean over steps.
        let hidden: Double

        init(_ recipe: PretrainingRecipe, batch: Int) {
            global = Double(2 * batch)
            local = Double(recipe.crops.local.count * batch)
            classRows = global + local
            let (least, most) = (recipe.masks.ratio[0], recipe.masks.ratio[1])
            var mean = (least + most) / 2
            // The shares of a group are evenly spread and leave out the least one: with few crops their mean lies above the middle.
            if let group = recipe.data.group {
                let masked = max(Double(Int(Double(2 * group) * recipe.masks.share)), 1)
                mean = least + (most - least) * (masked + 1) / (2 * masked)
            }
            hidden =
                global * recipe.masks.share * mean * Double(recipe.backbone.patches(size: recipe.crops.global.size))
        }
    }

    private static func operations(_ recipe: PretrainingRecipe, _ counts: Counts) -> [Part] {
        let backbone = recipe.backbone
        // In the last block class tokens and hidden patches alone go on, unless Gram anchoring wants all patches.
        let (size, ending) = (recipe.crops.global.size, 1 + counts.hidden / counts.global)
        let teacher =
            counts.global * backbone.operations(size: size, lastTokens: recipe.gram?.teacher == .present ? nil : ending)
        let global = counts.global * backbone.operations(size: size, lastTokens: recipe.gram == nil ? ending : nil)
        let local = counts.local * backbone.operations(size: recipe.crops.local.size, lastTokens: 1)
        // The way back takes twice the way forth; what is computed again, once more.
        let passes = recipe.compute?.recomputeBlocks == true ? 4.0 : 3.0
        let (dino, ibot) = (recipe.heads.dino, recipe.heads.ibot)
        func head(_ head: PretrainingRecipe.Head, _ rows: Double) -> Double {
            2 * rows * head.parameters(width: backbone.width)
        }
        var parts = [
            Part(name: "teacher", amount: teacher),
            Part(name: "student", amount: passes * (global + local) * (1 - backbone.dropPath)),
            Part(
                name: "heads and prototypes",
                amount: head(dino, counts.global) + head(ibot, counts.hidden)
                    + 3 * (head(dino, counts.classRows) + head(ibot, counts.hidden))),
        ]
        if let gram = recipe.gram, gram.teacher != .present {
            let size = gram.crop?.size ?? recipe.crops.global.size
            parts.append(Part(name: "Gram teacher", amount: counts.global * backbone.operations(size: size)))
        }
        return parts
    }

    /// Bytes of crops.
    private static func images(_ recipe: PretrainingRecipe, _ counts: Counts) -> Double {
        func pixels(_ views: Double, _ size: Int) -> Double {
            4 * views * Double(recipe.backbone.channels * size * size)
        }
        return pixels(counts.global, recipe.crops.global.size) + pixels(counts.local, recipe.crops.local.size)
            + (recipe.gram?.crop.map { pixels(counts.global, $0.size) } ?? 0)
    }

    private static func memory(_ recipe: PretrainingRecipe, _ counts: Counts, _ all: Counts) -> [Part] {
        let backbone = recipe.backbone
        let (global, local) = (recipe.crops.global.size, recipe.crops.local.size)
        let kept = Double(backbone.keptBytesPerToken(lower: recipe.isLowered))
        let tokens =
            counts.global * Double(backbone.tokens(size: global)) + counts.local * Double(backbone.tokens(size: local))
        let largest = max(
            counts.global * Double(backbone.tokens(size: global)), counts.local * Double(backbone.tokens(size: local)))
        let row = 4 * Double(backbone.width)
        let blocks =
            recipe.compute?.recomputeBlocks == true
            ? Double(backbone.depth) * tokens * row + largest * kept
            : Double(backbone.depth) * tokens
                * (kept * (1 - backbone.dropPath) + 3 * row * (backbone.dropPath > 0 ? 1 : 0))
        let (dino, ibot) = (recipe.heads.dino, recipe.heads.ibot)
        let (classes, patches) = (Double(dino.prototypes), Double(ibot.prototypes))
        func inner(_ head: PretrainingRecipe.Head, _ rows: Double) -> Double {
            4 * rows * Double(4 * head.hidden + 4 * head.bottleneck)
        }
        // Scores, shares and their target for a chunk of rows, and the gradient of the prototypes until it is added.
        func chunk(_ head: PretrainingRecipe.Head, _ rows: Double) -> Double {
            3 * min(4 * rows * Double(head.prototypes), 67_108_864) + 4 * Double(head.prototypes * head.bottleneck)
        }
        var parts = [
            Part(name: "crops", amount: images(recipe, counts)),
            Part(name: "student's blocks", amount: blocks),
            Part(name: "heads", amount: inner(dino, counts.classRows) + inner(ibot, counts.hidden)),
            // In several parts only what they are made of is kept.
            recipe.data.accumulate ?? 1 > 1
                ? Part(
                    name: "teacher's tokens of all parts",
                    amount: 4 * (all.global * Double(dino.bottleneck) + all.hidden * Double(ibot.bottleneck)))
                : Part(name: "teacher's assignments", amount: 4 * (all.global * classes + all.hidden * patches)),
            Part(
                name: "prototypes in chunks",
                amount: max(chunk(dino, max(counts.local, counts.global / 2)), chunk(ibot, counts.hidden))),
        ]
        if let gram = recipe.gram {
            let patches = Double(backbone.patches(size: global))
            let pairs =
                gram.level == .image
                ? counts.global * patches * patches
                : counts.global * min(counts.global, recipe.data.group.map { Double(2 * $0) } ?? .infinity) * patches
                    * patches
            // Both sides' similarities and their difference; the Gram teacher's patches.
            parts.append(Part(name: "Gram similarities", amount: 4 * 4 * pairs + counts.global * patches * row))
        }
        return parts
    }
}

extension PretrainingRecipe {
    /// Whether products are in a lower type.
    fileprivate var isLowered: Bool { compute?.precision == .bfloat16 }
}

extension PretrainingRecipe.Head {
    /// Trained values of the head.
    fileprivate func parameters(width: Int) -> Double {
        let layers = width * hidden + hidden + hidden * hidden + hidden + hidden * bottleneck + bottleneck
        return Double(layers) + Double(prototypes) * Double(bottleneck)
    }
}
