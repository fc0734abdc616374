// What a recipe must hold to.
import Backbone
import Telemetry
internal import Training

extension PretrainingRecipe {
    /// Checks that the recipe agrees with itself.
    ///
    /// - Throws: `badRecipe`, naming the first key that is wrong, its value and what was expected.
    public func validate() throws {
        var first = 0
        for (index, phase) in phases.enumerated() {
            do {
                try phase.validateOnePhase(after: first)
            } catch let error as PretrainingError where index > 0 {
                throw PretrainingError(
                    error.code, "phase '\(phase.phase)': \(error.what)", in: "then, \(error.place)", why: error.causes,
                    try: error.remedy)
            }
            if index > 0 {
                try check(
                    phase.start == .continued || phase.start == .teacher, "then.start",
                    phase.start?.rawValue ?? "", "continued or teacher")
            }
            first += phase.steps
        }
        try check(totalSteps <= Self.mostSteps, "then.steps", totalSteps, "at most \(Self.mostSteps) in total")
        let names = phases.map(\.phase)
        try check(Set(names).count == names.count, "then.phase", names, "a different name for each phase")
    }

    /// Checks a phase, which follows a number of steps of other phases.
    private func validateOnePhase(after first: Int) throws {
        do {
            try backbone.validate()
        } catch {
            throw PretrainingError(
                .badRecipe, "the recipe's network is invalid", in: "backbone", why: causes(of: error))
        }
        guard backbone.positions == nil, backbone.ffn != .swigluFused else {
            throw PretrainingError(
                .badRecipe, "geodino does not pretrain backbones of the DINOv2 family, it only uses them",
                in: backbone.positions == nil ? "backbone.ffn" : "backbone.positions",
                why: [
                    "pretraining is DINOv3's: positions rotate queries and keys, and gated layers have separate matrices"
                ],
                try: "leave out the key; \(UserAction.applyWeights) take DINOv2 weights as they are")
        }
        for (key, word) in [("name", name), ("phase", phase)] {
            let allowed = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            try check(!word.isEmpty && allowed, key, "'\(word)'", "letters, digits, - and _")
        }
        try check(seed >= 0, "seed", seed, "0 or more")
        try check((1...Self.mostSteps).contains(steps), "steps", steps, "1 to \(Self.mostSteps)")
        try validateData()
        try validateCrops()
        try validateObjective()
        try validateGram(after: first)
        try validateOptimizer()
        try validate(schedules.learningRate, "schedules.learning_rate", 0, 1000)
        try validate(schedules.weightDecay, "schedules.weight_decay", 0, 1000)
        try validate(schedules.teacherMomentum, "schedules.teacher_momentum", 0, 1)
        try validate(schedules.teacherTemperature, "schedules.teacher_temperature", 0.001, 1000)
        try check(checkpoints.every >= 1, "checkpoints.every", checkpoints.every, "1 or more")
        try check(checkpoints.keepEvery >= 0, "checkpoints.keep_every", checkpoints.keepEvery, "0 or more")
        try check(diagnostics?.every ?? 0 >= 0, "diagnostics.every", diagnostics?.every ?? 0, "0 or more")
        for (key, value, range) in [
            ("pue", energy?.pue, 1.0...100), ("kg_per_kwh", energy?.kgPerKWh, 0.0...100),
            ("watts", energy?.watts, 0.0...10_000_000),
        ] {
            try check(
                value.map(range.contains) ?? true, "energy.\(key)", value ?? 0,
                "\(range.lowerBound) to \(range.upperBound)")
        }
        let multiple = checkpoints.keepEvery % checkpoints.every == 0
        try check(
            multiple, "checkpoints.keep_every", checkpoints.keepEvery,
            "a multiple of checkpoints.every, \(checkpoints.every)")
    }

    /// More steps than any run has; keeps products of steps and samples within an integer.
    private static var mostSteps: Int { 1_000_000_000 }

    private func validateData() throws {
        try check(
            (2...65_536).contains(data.batchSize), "data.batch_size", data.batchSize,
            "2 to 65536 (KoLeo searches for neighbours in the batch)")
        let parts = data.accumulate ?? 1
        try check(
            parts >= 1 && data.batchSize % max(parts, 1) == 0 && data.batchSize / max(parts, 1) >= 2, "data.accumulate",
            parts, "a number that divides data.batch_size, \(data.batchSize), into parts of 2 tiles or more")
        if let group = data.group {
            let part = data.batchSize / parts
            try check(
                group >= 2 && part % group == 0, "data.group", group,
                "2 or more, a divisor of the micro-batch, \(part)")
        }
        try check(
            data.mean.count == backbone.channels, "data.mean", data.mean.count,
            "one value per channel of the backbone, \(backbone.channels)")
        try check(
            data.std.count == backbone.channels, "data.std", data.std.count,
            "one value per channel of the backbone, \(backbone.channels)")
        try check(data.mean.allSatisfy(\.isFinite), "data.mean", data.mean, "finite numbers")
        try check(data.std.allSatisfy { $0 > 1e-6 && $0.isFinite }, "data.std", data.std, "numbers above 0")
        try check(data.subset != "", "data.subset", "''", "a name, or leave out the key")
        if let homogeneous = data.homogeneous {
            try check(homogeneous.subset != "", "data.homogeneous.subset", "''", "a name")
            try check(
                (0...1).contains(homogeneous.probability), "data.homogeneous.probability", homogeneous.probability,
                "a probability, 0 to 1")
        }
    }

    private func validateCrops() throws {
        try validateSizes(global: crops.global.size, "crops.global.size", local: crops.local.size, "crops.local.size")
        if let others = crops.otherSizes {
            let shares = others.map(\.share)
            try check(!others.isEmpty, "crops.other_sizes", "[]", "one or more, or leave out the key")
            try check(
                shares.allSatisfy { (0...1).contains($0) } && shares.reduce(0, +) < 1 + 1e-9,
                "crops.other_sizes.share", shares, "numbers from 0 to 1 with a sum of at most 1")
            for size in others {
                try validateSizes(
                    global: size.global, "crops.other_sizes.global", local: size.local, "crops.other_sizes.local")
                try check(
                    (size.gram == nil) == (gram?.crop == nil), "crops.other_sizes.gram",
                    size.gram.map(String.init) ?? "nothing",
                    gram?.crop == nil ? "no value, as gram.crop is not set" : "a size, as gram.crop is set")
            }
        }
        try check((1...64).contains(crops.local.count), "crops.local.count", crops.local.count, "1 to 64")
        try range(crops.global.scale, "crops.global.scale", 1e-4, 1)
        try range(crops.local.scale, "crops.local.scale", 1e-4, 1)
        try range(crops.aspect, "crops.aspect", 0.01, 100)
        try range(crops.blur.sigma, "crops.blur.sigma", 0.01, 100)
        let jitter = crops.jitter
        for (key, share) in [
            ("horizontal_flip", crops.horizontalFlip), ("vertical_flip", crops.verticalFlip),
            ("grayscale", crops.grayscale), ("solarize", crops.solarize),
            ("jitter.probability", jitter.probability),
            ("blur.first_global", crops.blur.firstGlobal), ("blur.second_global", crops.blur.secondGlobal),
            ("blur.local", crops.blur.local),
        ] {
            try check((0...1).contains(share), "crops.\(key)", share, "a probability, 0 to 1")
        }
        for (key, strength) in [
            ("brightness", jitter.brightness), ("contrast", jitter.contrast),
            ("saturation", jitter.saturation),
        ] {
            try check(strength >= 0 && strength.isFinite, "crops.jitter.\(key)", strength, "0 or more")
        }
        try check((0...0.5).contains(jitter.hue), "crops.jitter.hue", jitter.hue, "0 to 0.5")
    }

    private func validateSizes(global: Int, _ globalKey: String, local: Int, _ localKey: String) throws {
        let patch = backbone.patchSize
        for (key, size) in [(globalKey, global), (localKey, local)] {
            try check(
                size % patch == 0 && size >= patch && (8...4096).contains(size), key, size,
                "a multiple of the patch size \(patch), 8 to 4096")
        }
        try check(global >= 2 * patch, globalKey, global, "at least two patches, \(2 * patch)")
    }

    private func validateObjective() throws {
        try check((0...1).contains(masks.share), "masks.share", masks.share, "0 to 1")
        try range(masks.ratio, "masks.ratio", 0, 1)
        for (key, head) in [("dino", heads.dino), ("ibot", heads.ibot)] {
            try check(
                (2...4_194_304).contains(head.prototypes), "heads.\(key).prototypes", head.prototypes,
                "2 to 4194304")
            try check(
                (1...65_536).contains(head.bottleneck), "heads.\(key).bottleneck", head.bottleneck,
                "1 to 65536")
            try check((1...65_536).contains(head.hidden), "heads.\(key).hidden", head.hidden, "1 to 65536")
        }
        for (key, weight) in [("dino", losses.dino), ("ibot", losses.ibot), ("koleo", losses.koleo)] {
            try check(weight >= 0 && weight.isFinite, "losses.\(key)", weight, "0 or more")
        }
        try check(
            losses.dino > 0 || losses.ibot > 0 && masks.share > 0, "losses",
            "dino \(losses.dino), ibot \(losses.ibot) with masks.share \(masks.share)",
            "one of them above 0, and masks if ibot is")
        let part = data.batchSize / (data.accumulate ?? 1)
        let group = losses.koleoGroup ?? data.group ?? part
        try check(
            group >= 2 && part % group == 0, "losses.koleo_group", group,
            "2 or more, a divisor of the micro-batch, \(part)")
        let neighbours = losses.koleoNeighbours ?? 1
        try check(
            (1..<group).contains(neighbours), "losses.koleo_neighbours", neighbours, "1 to \(group - 1)")
        if let local = losses.localWeight { try validate(local, "losses.local_weight", 0, 1000) }
        try check(
            losses.studentTemperature > 0.001 && losses.studentTemperature.isFinite,
            "losses.student_temperature",
            losses.studentTemperature, "above 0.001; 0.1 in the reference")
    }

    private func validateGram(after first: Int) throws {
        guard let gram else { return }
        try validate(gram.weight, "gram.weight", 0, 1_000_000)
        try check(
            gram.patches == .all || gram.level == .batch, "gram.level", gram.level.rawValue,
            "batch, because not all patches count")
        if gram.teacher == .present {
            try check(
                gram.from == nil && gram.crop == nil && gram.refresh == nil, "gram.teacher", "present",
                "another teacher, or leave out gram.from, gram.crop and gram.refresh")
        }
        let earlier = gram.earlierStep
        try check(
            (earlier == nil) == (gram.teacher != .earlier), "gram.earlier_step", earlier.map(String.init) ?? "nothing",
            gram.teacher == .earlier ? "a number of steps" : "no value, as gram.teacher is \(gram.teacher.rawValue)")
        if let earlier {
            try check(
                (0...first).contains(earlier), "gram.earlier_step", earlier,
                "0 to \(first), the steps of the phases before")
        }
        try check(gram.from ?? 0 >= 0, "gram.from", gram.from ?? 0, "0 or more")
        if gram.crop != nil {
            for (index, size) in sizes.enumerated() {
                let (view, least) = (size.recipe.gram?.crop?.size ?? 0, size.recipe.crops.global.size)
                try check(
                    view % backbone.patchSize == 0 && (least...8192).contains(view),
                    index == 0 ? "gram.crop.size" : "crops.other_sizes.gram", view,
                    "a multiple of the patch size \(backbone.patchSize), \(least) to 8192")
            }
        }
        if let refresh = gram.refresh {
            try check(
                refresh.first > gram.from ?? 0, "gram.refresh.first", refresh.first,
                "after gram.from, \(gram.from ?? 0)")
            try check(refresh.every >= 1, "gram.refresh.every", refresh.every, "1 or more")
            try check(refresh.most ?? 1 >= 1, "gram.refresh.most", refresh.most ?? 1, "1 or more")
        }
    }

    private func validateOptimizer() throws {
        let o = optimizer
        try check(
            o.betas.count == 2 && o.betas.allSatisfy { (0..<1).contains($0) }, "optimizer.betas", o.betas,
            "two numbers from 0 up to, but not including, 1")
        try check(
            o.layerDecay > 0 && o.layerDecay <= 1, "optimizer.layer_decay", o.layerDecay, "above 0, at most 1"
        )
        try check(
            o.patchEmbedRate >= 0 && o.patchEmbedRate.isFinite, "optimizer.patch_embed_rate",
            o.patchEmbedRate, "0 or more")
        try check(o.clipNorm > 0 && o.clipNorm.isFinite, "optimizer.clip_norm", o.clipNorm, "above 0")
        try check(
            o.freezeLastLayerSteps >= 0, "optimizer.freeze_last_layer_steps", o.freezeLastLayerSteps,
            "0 or more")
        try check(
            (0...1_000_000).contains(o.skipNonFinite ?? 0), "optimizer.skip_non_finite", o.skipNonFinite ?? 0,
            "0 to 1000000")
    }

    private func validate(_ schedule: Schedule, _ key: String, _ low: Double, _ high: Double) throws {
        for (part, value) in [("start", schedule.start), ("peak", schedule.peak), ("end", schedule.end)] {
            try check((low...high).contains(value), "\(key).\(part)", value, "\(low) to \(high)")
        }
        try check(
            (0...Self.mostSteps).contains(schedule.warmupSteps), "\(key).warmup_steps", schedule.warmupSteps,
            "0 to \(Self.mostSteps)")
        if let steps = schedule.cosineSteps {
            try check(
                (0...Self.mostSteps).contains(steps), "\(key).cosine_steps", steps, "0 to \(Self.mostSteps)")
        }
        if let extra = schedule.truncateExtra {
            try check(
                schedule.form == .classic && (0...100).contains(extra), "\(key).truncate_extra", extra,
                "0 to 100, with form: classic")
        }
    }

    private func range(_ pair: [Double], _ key: String, _ low: Double, _ high: Double) throws {
        try check(
            pair.count == 2 && pair[0] <= pair[1] && pair[0] >= low && pair[1] <= high, key, pair,
            "two numbers in order, \(low) to \(high)")
    }

    private func check(_ holds: Bool, _ key: String, _ found: Any, _ expected: String) throws {
        guard !holds else { return }
        throw PretrainingError(
            .badRecipe, "the recipe has \(key): \(found); expected \(expected)", in: key,
            try: "correct \(key) in the recipe")
    }
}
