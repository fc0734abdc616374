// The loss of a whole step against the same sums written out over plain arrays.
import Backbone
import Glibc
import Pretraining
import Telemetry
import Testing
import Torch
import Training

/// Tokens and heads come from the network; everything after them is written here once more, from spec 5, without tensors.
struct StepObjectiveTests {
    private typealias Rows = [[Double]]

    private func rows(_ tensor: Tensor) -> Rows {
        let shape = tensor.shape
        let width = shape[shape.count - 1]
        let flat = tensor.detached().floats().map(Double.init)
        return stride(from: 0, to: flat.count, by: width).map { Array(flat[$0..<$0 + width]) }
    }

    private func logSoftmax(_ row: [Double], _ temperature: Double) -> [Double] {
        let scaled = row.map { $0 / temperature }
        let top = scaled.max() ?? 0
        let sum = log(scaled.reduce(0) { $0 + exp($1 - top) }) + top
        return scaled.map { $0 - sum }
    }

    /// Three rounds: columns to 1 / K each, rows to 1 / B each; then rows to 1.
    private func sinkhorn(_ scores: Rows, _ temperature: Double) -> Rows {
        let top = scores.flatMap { $0 }.max() ?? 0
        var q = scores.map { $0.map { exp(($0 - top) / temperature) } }
        for _ in 0..<3 {
            for k in q[0].indices {
                let sum = q.reduce(0) { $0 + $1[k] } * Double(q[0].count)
                for i in q.indices { q[i][k] /= sum }
            }
            for i in q.indices {
                let sum = q[i].reduce(0, +) * Double(q.count)
                for k in q[i].indices { q[i][k] /= sum }
            }
        }
        return q.map { $0.map { $0 * Double(q.count) } }
    }

    private func crossEntropy(_ target: [Double], _ logs: [Double]) -> Double {
        -zip(target, logs).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private func koleo(_ tokens: Rows) -> Double {
        let unit = tokens.map { row in
            let norm = max(sqrt(row.reduce(0) { $0 + $1 * $1 }), 1e-8)
            return row.map { $0 / norm }
        }
        let terms = unit.indices.map { i in
            let nearest = unit.indices.filter { $0 != i }.max { a, b in
                zip(unit[i], unit[a]).reduce(0) { $0 + $1.0 * $1.1 }
                    < zip(unit[i], unit[b]).reduce(0) { $0 + $1.0 * $1.1 }
            }
            let other = unit[nearest ?? i]
            let distance = sqrt(zip(unit[i], other).reduce(0) { $0 + ($1.0 - $1.1 + 1e-8) * ($1.0 - $1.1 + 1e-8) })
            return -log(distance + 1e-8)
        }
        return terms.reduce(0, +) / Double(terms.count)
    }

    @Test func `the loss of a step is the sum that the spec writes`() throws {
        var recipe = try recipe(named: "smoke")
        recipe.data.batchSize = 3
        recipe.crops.local.count = 4
        // Unequal, so that a factor in the wrong place shows.
        (recipe.losses.dino, recipe.losses.ibot, recipe.losses.koleo) = (0.9, 1.3, 0.2)
        recipe.backbone.dropPath = 0
        recipe.backbone.rope.rescale = nil
        let student = SelfSupervisedModel(recipe: recipe, device: .cpu)
        recipe.seed += 1
        let teacher = SelfSupervisedModel(recipe: recipe, device: .cpu)
        let batch = 3
        let maker = try CropMaker(recipe: recipe, layout: WaveTiles().layout)
        let sampler = try TileSampler(source: WaveTiles(), subset: nil, seed: 1, batch: batch)
        let loader = try BatchLoader(sampler: sampler, source: WaveTiles(), maker: maker, steps: 0..<1, threads: 1)
        let crops = try #require(try loader.nextBatch())
        var stream = RandomStream(seed: 5, .masks, 0)
        let masks = MaskBatch(
            generator: BlockMask(size: recipe.crops.global.size, patch: recipe.backbone.patchSize), crops: 2 * batch,
            share: 0.67, ratio: recipe.masks.ratio, &stream)
        let input = StepInput(crops, masks: masks, recipe: recipe, device: .cpu)
        let temperature = 0.05
        let objective = Objective(recipe)
        let value = objective.value(
            student: student, targets: objective.targets(teacher, temperature: temperature) { _ in input }[0],
            input: input,
            context: .training(seed: 1, step: 0))

        let seen = teacher.backbone.forward(input.global)
        let global = student.backbone.forward(input.global, masks: input.masks)
        let local = student.backbone.forward(input.local(), crop: .local)
        let q = sinkhorn(rows(teacher.dinoHead.forward(seen.cls)), temperature)
        let t = recipe.losses.studentTemperature
        let globalLogs = rows(student.dinoHead.forward(global.cls)).map { logSoftmax($0, t) }
        let localLogs = rows(student.dinoHead.forward(local.cls)).map { logSoftmax($0, t) }
        var localLoss = 0.0
        var globalLoss = 0.0
        for b in 0..<batch {
            for target in 0..<2 {
                for crop in 0..<4 { localLoss += crossEntropy(q[target * batch + b], localLogs[crop * batch + b]) }
                globalLoss += crossEntropy(q[target * batch + b], globalLogs[(1 - target) * batch + b])
            }
        }
        localLoss /= Double(batch * 4 * 2)
        globalLoss /= Double(batch * 2)
        // Two pairs of global crops, eight of a local with a global one.
        #expect(abs(value.dinoLocal.item() - 0.9 * 0.8 * localLoss) < 1e-4)
        #expect(abs(value.dinoGlobal.item() - 0.9 * 0.2 * globalLoss) < 1e-4)

        let cls = rows(global.cls)
        let spread = koleo(Array(cls[..<batch])) + koleo(Array(cls[batch...]))
        #expect(abs(value.koleo.item() - 0.2 * spread) < 1e-4)

        let patches = seen.patches.shape[1]
        let width = recipe.backbone.width
        func hidden(_ all: Tensor) -> Tensor { all.reshaped([2 * batch * patches, width]) }
        let places = masks.masks.enumerated().flatMap { crop, mask in
            mask.indices.filter { mask[$0] }.map { (crop: crop, place: crop * patches + $0) }
        }
        try #require(!places.isEmpty)
        let targets = rows(teacher.ibotHead.forward(hidden(seen.patches)))
        let predictions = rows(student.ibotHead.forward(hidden(global.patches)))
        let assigned = sinkhorn(places.map { targets[$0.place] }, temperature)
        var hiddenLoss = 0.0
        for (number, place) in places.enumerated() {
            let count = Double(places.filter { $0.crop == place.crop }.count)
            hiddenLoss += crossEntropy(assigned[number], logSoftmax(predictions[place.place], t)) / count
        }
        hiddenLoss /= Double(2 * batch)
        let ibot = try #require(value.ibot).item()
        #expect(abs(ibot - 1.3 * hiddenLoss) < 1e-4)
        #expect(
            abs(value.total.item() - (value.dinoLocal.item() + value.dinoGlobal.item() + value.koleo.item() + ibot))
                < 1e-5)
    }

    @Test func `a step in parts has the gradient of the whole`() throws {
        var recipe = try recipe(named: "smoke")
        recipe.data.batchSize = 6
        recipe.backbone.dropPath = 0
        recipe.backbone.rope.rescale = nil
        // Neighbours are looked for in a part.
        recipe.losses.koleo = 0
        let sampler = try TileSampler(source: WaveTiles(), subset: nil, seed: 1, batch: 6)
        let maker = try CropMaker(recipe: recipe, layout: WaveTiles().layout)
        let loader = try BatchLoader(sampler: sampler, source: WaveTiles(), maker: maker, steps: 0..<1, threads: 1)
        let crops = try #require(try loader.nextBatch())
        var stream = RandomStream(seed: 5, .masks, 0)
        let masks = MaskBatch(
            generator: BlockMask(size: recipe.crops.global.size, patch: recipe.backbone.patchSize), crops: 12,
            share: 0.3, ratio: recipe.masks.ratio, &stream)
        let student = SelfSupervisedModel(recipe: recipe, device: .cpu)
        for parameter in student.parameters() { parameter.tensor.requiresGradient = true }
        recipe.seed += 1
        let teacher = SelfSupervisedModel(recipe: recipe, device: .cpu)
        let objective = Objective(recipe)
        func gradients(parts: Int) throws -> (loss: Double, values: [String: [Float]]) {
            for parameter in student.parameters() { parameter.tensor.gradient = nil }
            let inputs = (0..<parts).map {
                StepInput(crops, masks: masks, part: $0, of: parts, recipe: recipe, device: .cpu)
            }
            let targets = objective.targets(teacher, parts: parts, temperature: 0.05) { inputs[$0] }
            var loss = 0.0
            for (input, target) in zip(inputs, targets) {
                let value = objective.value(
                    student: student, targets: target, input: input, context: .training(seed: 1, step: 0))
                let share = value.total * (1 / Double(parts))
                share.backward()
                loss += share.item()
            }
            return (
                loss,
                Dictionary(
                    uniqueKeysWithValues: student.parameters().compactMap { name, tensor in
                        tensor.gradient.map { (name, $0.floats()) }
                    })
            )
        }
        let whole = try gradients(parts: 1)
        #expect(whole.values.count > 30)
        for parts in [2, 3] {
            let found = try gradients(parts: parts)
            #expect(abs(found.loss - whole.loss) < 1e-5)
            #expect(found.values.keys == whole.values.keys)
            for (name, values) in whole.values {
                let scale = values.map(abs).max() ?? 0
                let worst = largestDifference(try #require(found.values[name]), values)
                #expect(worst.value <= 1e-4 * scale + 1e-7, "\(name) in \(parts) parts: \(worst.value) of \(scale)")
            }
        }
    }

    /// The first step's crops of a recipe, and its masks.
    private func firstBatch(_ recipe: PretrainingRecipe) throws -> (crops: CropBatch, masks: MaskBatch) {
        let sampler = try TileSampler(source: WaveTiles(), subset: nil, seed: 1, batch: recipe.data.batchSize)
        let maker = try CropMaker(recipe: recipe, layout: WaveTiles().layout)
        let loader = try BatchLoader(sampler: sampler, source: WaveTiles(), maker: maker, steps: 0..<1, threads: 1)
        return (try #require(try loader.nextBatch()), MaskBatch(recipe, step: 0))
    }

    @Test(arguments: [PretrainingRecipe.Gram.Patches.all, .masked, .unmasked])
    func `anchored to the present teacher, patches are held against its own`(
        patches: PretrainingRecipe.Gram.Patches
    ) throws {
        var recipe = try recipe(named: "smoke")
        recipe.backbone.dropPath = 0
        recipe.backbone.rope.rescale = nil
        recipe.masks.share = 1
        var gram = PretrainingRecipe.Gram(weight: Schedule(start: 3, peak: 3, end: 3, warmupSteps: 0, cosineSteps: 0))
        gram.teacher = .present
        gram.patches = patches
        recipe.gram = gram
        let student = SelfSupervisedModel(recipe: recipe, device: .cpu)
        recipe.seed += 1
        let teacher = SelfSupervisedModel(recipe: recipe, device: .cpu)
        let (crops, masks) = try firstBatch(recipe)
        let input = StepInput(crops, masks: masks, recipe: recipe, device: .cpu)
        let objective = Objective(recipe)
        let targets = objective.targets(teacher, temperature: 0.05, keepsPatches: true) { _ in input }[0]
        let value = objective.value(
            student: student, targets: targets, input: input, context: .training(seed: 1, step: 0))
        func chosen(_ tokens: Tensor) -> Tensor {
            guard patches != .all else { return tokens }
            let flat = masks.masks.flatMap(\.self)
            let index = flat.indices.filter { flat[$0] == (patches == .masked) }
            return tokens.reshaped([-1, tokens.shape[2]])
                .indexSelect(dim: 0, indices: Tensor(index, shape: [index.count])).unsqueezed(dim: 0)
        }
        let expected = withoutGradient {
            gramLoss(
                student: chosen(student.backbone.forward(input.global, masks: input.masks).patches),
                teacher: chosen(teacher.backbone.forward(input.global).patches), level: gram.level,
                negatives: gram.negatives
            ).item() as Double
        }
        let found: Double = try #require(value.gram).item()
        #expect(expected > 1e-4 && abs(found - 3 * expected) < 1e-5 * max(1, expected), "\(found), \(3 * expected)")
        // The other parts do not change.
        recipe.gram = nil
        let without = Objective(recipe)
        let plain = without.value(
            student: student, targets: without.targets(teacher, temperature: 0.05) { _ in input }[0], input: input,
            context: .training(seed: 1, step: 0))
        #expect(abs((plain.total.item() as Double) + found - value.total.item()) < 1e-4)
        #expect(plain.gram == nil)
    }

    @Test func `after a failed operation a step is an error and no trap`() throws {
        var recipe = try recipe(named: "smoke")
        let model = SelfSupervisedModel(recipe: recipe, device: .cpu)
        let (crops, masks) = try firstBatch(recipe)
        for gram in [nil, PretrainingRecipe.Gram.Teacher.present, .grown] {
            recipe.gram = gram.map {
                var settings = PretrainingRecipe.Gram(
                    weight: Schedule(start: 1, peak: 1, end: 1, warmupSteps: 0, cosineSteps: 0))
                settings.teacher = $0
                return settings
            }
            let objective = Objective(recipe)
            let error = #expect(throws: TorchError.self) {
                try catchingTorchErrors {
                    _ = matmul(.ones([2, 3]), .ones([2, 3]))
                    let input = StepInput(crops, masks: masks, recipe: recipe, device: .cpu)
                    let targets = objective.targets(model, temperature: 0.05, keepsPatches: gram == .present) { _ in
                        input
                    }
                    _ = objective.value(
                        student: model, targets: targets[0], input: input,
                        anchor: gram == .grown ? model.backbone : nil, context: .training(seed: 1, step: 0))
                }
            }
            #expect("\(try #require(error))".contains("matmul"))
        }
    }

    @Test(arguments: [nil, 2])
    func `whoever looks at the signs of health changes no bit of training`(parts: Int?) throws {
        var recipe = try recipe(named: "smoke")
        recipe.data.accumulate = parts
        recipe.optimizer.freezeLastLayerSteps = 0
        recipe.schedules.learningRate.warmupSteps = 0
        func trained(_ every: Int) throws -> (weights: [[UInt8]], looked: Int) {
            recipe.diagnostics = .init(every: every)
            let plan = PhasePlan(recipe)
            let work = try plan.work(source: WaveTiles())[0]
            let loader = try BatchLoader(
                sampler: work.sampler, source: WaveTiles(), maker: work.maker, steps: 0..<3, threads: 1)
            let learner = try catchingTorchErrors { Learner(plan) }
            let looked = try (0..<3).count { _ in
                try learner.step(try #require(try loader.nextBatch())).diagnostics != nil
            }
            return (learner.student.parameters().map { $0.tensor.detached().bytes() }, looked)
        }
        let (alone, watched) = (try trained(0), try trained(1))
        #expect(alone.looked == 0 && watched.looked == 3)
        #expect(alone.weights == watched.weights)
    }
}
