// The tensors of a configuration: official names, shapes and first values, in one list that building, counting
// and strict loading all go by.
internal import Torch

/// One tensor of a backbone.
struct ParameterSpecification {
    /// The first value.
    enum Start {
        case zeros
        case ones
        /// The same number everywhere.
        case constant(Double)
        /// Normal with this standard deviation. The reference cuts at an absolute 2, a hundred deviations away, so
        /// that nothing is ever cut.
        case normal(Double)
        /// Evenly between minus and plus this number.
        case uniform(Double)
        /// Ones with zeros in the middle third: what of a packed q, k, v bias counts.
        case keyBiasMask
        /// The rotary periods.
        case periods([Double])
    }

    /// The name of the public DINOv3 checkpoints.
    let name: String
    let shape: [Int]
    let start: Start
    /// True for what is stored but not trained.
    var isBuffer = false
}

extension ParameterSpecification {
    /// The first value in single precision (periods in double), on the CPU.
    func firstValue(generator: Generator) -> Tensor {
        switch start {
        case .zeros: Tensor.zeros(shape)
        case .ones: Tensor.ones(shape)
        case .constant(let value): Tensor.full(shape, value)
        case .normal(let deviation): Tensor.randn(shape, generator: generator) * deviation
        case .uniform(let bound): Tensor.rand(shape, generator: generator) * (2 * bound) - bound
        case .periods(let periods): Tensor(periods, shape: shape)
        case .keyBiasMask:
            concatenate(
                [Tensor.ones([shape[0] / 3]), Tensor.zeros([shape[0] / 3]), Tensor.ones([shape[0] / 3])], dim: 0)
        }
    }
}

extension BackboneConfiguration {
    /// All tensors in the order of the network.
    var parameterSpecifications: [ParameterSpecification] {
        let patchBound = 1 / Double(channels * patchSize * patchSize).squareRoot()
        var list = [ParameterSpecification(name: "cls_token", shape: [1, 1, width], start: .normal(0.02))]
        if let positions {
            list.append(
                .init(name: "pos_embed", shape: [1, 1 + positions.grid * positions.grid, width], start: .normal(0.02)))
        }
        if registers > 0 {
            list.append(.init(name: registersName, shape: [1, registers, width], start: .normal(0.02)))
        }
        list += [
            .init(name: "mask_token", shape: [1, width], start: .zeros),
            .init(
                name: "patch_embed.proj.weight", shape: [width, channels, patchSize, patchSize],
                start: .uniform(patchBound)),
            .init(name: "patch_embed.proj.bias", shape: [width], start: .uniform(patchBound)),
        ]
        if positions == nil {
            list.append(
                .init(
                    name: "rope_embed.periods", shape: [headWidth / 4],
                    start: .periods(rope.periods(count: headWidth / 4)), isBuffer: true))
        }
        for block in 0..<depth { list += blockSpecifications("blocks.\(block)") }
        list += normSpecifications("norm")
        if untieClassAndPatchNorms { list += normSpecifications("cls_norm") }
        if untieGlobalAndLocalNorms { list += normSpecifications("local_cls_norm") }
        return list
    }

    private func blockSpecifications(_ block: String) -> [ParameterSpecification] {
        var list = normSpecifications("\(block).norm1")
        list.append(.init(name: "\(block).attn.qkv.weight", shape: [3 * width, width], start: .normal(0.02)))
        if qkvBias {
            list.append(.init(name: "\(block).attn.qkv.bias", shape: [3 * width], start: .zeros))
            if maskKBias {
                list.append(
                    .init(
                        name: "\(block).attn.qkv.bias_mask", shape: [3 * width], start: .keyBiasMask, isBuffer: true))
            }
        }
        switch attention {
        case nil: break
        case .biased:
            // PyTorch's names in its own attention.
            for name in ["bias_k", "bias_v"] {
                list.append(.init(name: "\(block).attn.\(name)", shape: [heads, 1, headWidth], start: .normal(0.02)))
            }
        case .gated:
            list.append(.init(name: "\(block).attn.gate.weight", shape: [heads, width], start: .normal(0.02)))
            // Nine tenths open at first.
            list.append(.init(name: "\(block).attn.gate.bias", shape: [heads], start: .constant(2.1972245773362196)))
        }
        list += linearSpecifications("\(block).attn.proj", from: width, to: width)
        list += scaleSpecifications("\(block).ls1")
        list += normSpecifications("\(block).norm2")
        switch ffn {
        case .mlp:
            list += linearSpecifications("\(block).mlp.fc1", from: width, to: hiddenWidth)
            list += linearSpecifications("\(block).mlp.fc2", from: hiddenWidth, to: width)
        case .swigluFused:
            list += linearSpecifications("\(block).mlp.w12", from: width, to: 2 * hiddenWidth)
            list += linearSpecifications("\(block).mlp.w3", from: hiddenWidth, to: width)
        case .swiglu, .swiglu32, .swiglu64, .swiglu128:
            list += linearSpecifications("\(block).mlp.w1", from: width, to: hiddenWidth)
            list += linearSpecifications("\(block).mlp.w2", from: width, to: hiddenWidth)
            list += linearSpecifications("\(block).mlp.w3", from: hiddenWidth, to: width)
        }
        return list + scaleSpecifications("\(block).ls2")
    }

    private func linearSpecifications(_ name: String, from input: Int, to output: Int) -> [ParameterSpecification] {
        [
            .init(name: "\(name).weight", shape: [output, input], start: .normal(0.02)),
            .init(name: "\(name).bias", shape: [output], start: .zeros),
        ]
    }

    private func normSpecifications(_ name: String) -> [ParameterSpecification] {
        let weight = ParameterSpecification(name: "\(name).weight", shape: [width], start: .ones)
        return norm == .rmsnorm ? [weight] : [weight, .init(name: "\(name).bias", shape: [width], start: .zeros)]
    }

    private func scaleSpecifications(_ name: String) -> [ParameterSpecification] {
        guard let layerScale else { return [] }
        return [.init(name: "\(name).gamma", shape: [width], start: .constant(layerScale))]
    }
}
