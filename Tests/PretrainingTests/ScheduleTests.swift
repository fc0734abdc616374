// Schedules, learning-rate scaling and parameter groups: spec 7.1 to 7.3, vectors T10.
import Pretraining
import Testing
import Training

struct ScheduleTests {
    private func near(_ a: Double, _ b: Double, _ tolerance: Double = 1e-8) -> Bool {
        abs(a - b) <= tolerance * max(1e-3, abs(b))
    }

    @Test func `the classic learning rate meets the spec's values`() {
        let peak = 1e-3 * 4 * 2.0.squareRoot()
        let rate = Schedule(form: .classic, start: 0, peak: peak, end: 1e-6, warmupSteps: 12_500)
        let total = 125_000
        #expect(rate.value(at: 0, of: total) == 0)
        #expect(near(rate.value(at: 1, of: total), 4.52584547e-7))
        #expect(near(rate.value(at: 12_499, of: total), 5.65685425e-3))
        #expect(near(rate.value(at: 12_500, of: total), 5.65685425e-3))
        #expect(near(rate.value(at: 60_000, of: total), 3.51306462e-3))
        #expect(near(rate.value(at: 124_999, of: total), 1.0000011e-6, 1e-7))
        #expect(rate.value(at: 125_000, of: total) == 1e-6)
    }

    @Test func `weight decay, momentum and temperature meet the spec's values`() {
        let total = 125_000
        let decay = Schedule(form: .classic, start: 0.04, peak: 0.04, end: 0.4, warmupSteps: 0)
        #expect(near(decay.value(at: 62_500, of: total), 0.22))
        let momentum = Schedule(form: .classic, start: 0.992, peak: 0.992, end: 1, warmupSteps: 0)
        #expect(near(momentum.value(at: 62_500, of: total), 0.996))
        let temperature = Schedule(
            form: .classic, start: 0.04, peak: 0.07, end: 0.07, warmupSteps: 37_500, cosineSteps: 0)
        #expect(near(temperature.value(at: 1, of: total), 0.0400008, 1e-7))
        #expect(near(temperature.value(at: 37_499, of: total), 0.07))
        #expect(temperature.value(at: 90_000, of: total) == 0.07)
    }

    @Test func `a truncated cosine meets the spec's values`() {
        let cut = Schedule(form: .classic, start: 0, peak: 1, end: 0, warmupSteps: 100, truncateExtra: 0.25)
        #expect(near(cut.value(at: 500, of: 1000), 0.68898882))
        #expect(abs(cut.value(at: 999, of: 1000)) < 1e-12)
    }

    @Test func `the composed schedules meet the spec's values`() {
        let rate = Schedule(start: 0, peak: 4e-4, end: 4e-4, warmupSteps: 100_000, cosineSteps: 0)
        #expect(near(rate.value(at: 1, of: 1_000_000), 4e-9))
        #expect(near(rate.value(at: 99_999, of: 1_000_000), 3.99996e-4))
        #expect(rate.value(at: 100_000, of: 1_000_000) == 4e-4)
        // The weight of Gram: 0 for 1,000,000 steps, then a cosine to 2 over 1000.
        let gram = Schedule(start: 0, peak: 0, end: 2, warmupSteps: 1_000_000, cosineSteps: 1000)
        #expect(gram.value(at: 1_000_000, of: 1_200_000) == 0)
        #expect(near(gram.value(at: 1_000_500, of: 1_200_000), 1.00157237))
        #expect(gram.value(at: 1_000_999, of: 1_200_000) == 2)
        let high = Schedule(start: 0, peak: 0, end: 1.25e-5, warmupSteps: 0, cosineSteps: 10_000)
            .scaled(by: LearningRateScaling.sqrt1024.factor(batch: 2048))
        #expect(near(high.value(at: 5000, of: 30_000), 3.53608932e-5))
    }

    @Test func `rates scale with the batch as the reference's tables say`() {
        #expect(LearningRateScaling.sqrt1024.factor(batch: 4096) == 8)
        #expect(LearningRateScaling.linear256.factor(batch: 128) == 0.5)
        #expect(LearningRateScaling.none.factor(batch: 4096) == 1)
        let scaled = Schedule(start: 0.1, peak: 1, end: 2, warmupSteps: 1).scaled(by: 3)
        #expect([scaled.start, scaled.peak, scaled.end] == [0.1, 3, 6])
    }

    @Test func `a scaling rule leaves the end of a classic schedule alone`() {
        // The ImageNet recipe: 1e-3 to 1e-6 over 100 epochs of 1250, 2048 tiles: spec T10.
        let rate = Schedule(form: .classic, start: 0, peak: 1e-3, end: 1e-6, warmupSteps: 12_500)
            .scaled(by: LearningRateScaling.sqrt1024.factor(batch: 2048))
        #expect(near(rate.value(at: 12_500, of: 125_000), 5.65685425e-3))
        #expect(near(rate.value(at: 60_000, of: 125_000), 3.51306462e-3))
        #expect(near(rate.value(at: 124_999, of: 125_000), 1.0000011e-6, 1e-7))
        #expect(rate.value(at: 125_000, of: 125_000) == 1e-6)
    }
}

struct ParameterScaleTests {
    private func scale(_ name: String, decayTokens: Bool = true) -> ParameterScale {
        ParameterScale(backbone: name, depth: 12, layerDecay: 0.9, patchEmbed: 0.2, decayTokens: decayTokens)
    }

    @Test func `a ViT-S with decay 0.9 has the rates of the spec's example`() {
        func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 5e-8 }
        #expect(near(scale("cls_token").learningRate, 0.2541866))
        #expect(near(scale("storage_tokens").learningRate, 0.2541866))
        #expect(near(scale("mask_token").learningRate, 0.2541866))
        #expect(near(scale("patch_embed.proj.weight").learningRate, 0.0508373))
        #expect(near(scale("blocks.0.attn.qkv.weight").learningRate, 0.2824295))
        #expect(near(scale("blocks.11.mlp.fc2.bias").learningRate, 0.9))
        #expect(scale("norm.weight").learningRate == 1)
    }

    @Test func `biases, norms and layer scales do not decay and tokens do unless told not to`() {
        #expect(scale("blocks.3.attn.proj.bias").weightDecay == 0)
        #expect(scale("blocks.3.norm1.weight").weightDecay == 0)
        #expect(scale("blocks.3.ls1.gamma").weightDecay == 0)
        #expect(scale("blocks.3.mlp.fc1.weight").weightDecay == 1)
        #expect(scale("cls_token").weightDecay == 1)
        #expect(scale("cls_token", decayTokens: false).weightDecay == 0)
        #expect(ParameterScale(head: "mlp.0.bias").weightDecay == 0)
        #expect(ParameterScale(head: "last_layer.weight").isLastLayer)
        #expect(!ParameterScale(head: "mlp.4.weight").isLastLayer)
    }
}
