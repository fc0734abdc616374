// Recipes: the committed ones hold, broken ones say where, differences are named.
import Backbone
import Pretraining
import Telemetry
import Testing
import Training

struct RecipeTests {
    @Test(arguments: [
        "smoke", "demo", "vitt16-cpu", "sat493m-vits16", "sat493m-vitl16", "sat493m-vit7b-1-pretrain",
        "sat493m-vit7b-2-gram", "sat493m-vit7b-3-highres",
    ])
    func `a committed recipe is complete and valid`(name: String) throws {
        let recipe = try recipe(named: name)
        try recipe.validate()
        #expect(recipe.name == name)
    }

    @Test func `the satellite recipe is a true ViT-S of the spec`() throws {
        let recipe = try recipe(named: "sat493m-vits16")
        #expect(recipe.backbone.parameterCount == 21_601_152)
        #expect(recipe.heads.dino.prototypes == 65_536 && recipe.heads.ibot.hidden == 2048)
        #expect(recipe.optimizer.scaling.factor(batch: recipe.data.batchSize) == 1)
    }

    @Test func `a recipe that contradicts itself names the key, the value and what was expected`() throws {
        let good = try recipe(named: "smoke")
        func error(_ change: (inout PretrainingRecipe) -> Void) -> PretrainingError? {
            var bad = good
            change(&bad)
            return #expect(throws: PretrainingError.self) { try bad.validate() }
        }
        #expect(
            error { $0.crops.local.size = 20 }?.report == """
                error: the recipe has crops.local.size: 20; expected a multiple of the patch size 8, 8 to 4096
                  in   crops.local.size
                  try  correct crops.local.size in the recipe
                """)
        #expect(error { $0.data.batchSize = 1 }?.what.contains("data.batch_size: 1") == true)
        #expect(error { $0.data.std = [0.1, 0, 0.1] }?.place == "data.std")
        #expect(
            error { $0.data.mean = [0.1] }?.what.contains("one value per channel of the backbone, 3") == true)
        #expect(error { $0.crops.global.scale = [0.9, 0.1] }?.place == "crops.global.scale")
        #expect(error { $0.crops.jitter.hue = 0.7 }?.place == "crops.jitter.hue")
        #expect(error { $0.crops.blur.local = .nan }?.place == "crops.blur.local")
        #expect(error { $0.losses.studentTemperature = 0 }?.place == "losses.student_temperature")
        #expect(error { $0.optimizer.betas = [0.9] }?.place == "optimizer.betas")
        #expect(error { $0.schedules.teacherMomentum.end = 1.1 }?.place == "schedules.teacher_momentum.end")
        #expect(
            error { $0.schedules.learningRate.truncateExtra = 0.2 }?.what.contains("form: classic") == true)
        #expect(error { $0.name = "../x" }?.place == "name")
        #expect(error { $0.steps = 0 }?.place == "steps")
        #expect(error { $0.checkpoints.keepEvery = 15 }?.place == "checkpoints.keep_every")
        #expect(error { $0.backbone.heads = 5 }?.causes.isEmpty == false)
    }

    @Test func `backbones of DINOv2's family are not pretrained, and the sentence says so`() throws {
        let good = try recipe(named: "smoke")
        func error(_ change: (inout BackboneConfiguration) -> Void) -> PretrainingError? {
            var bad = good
            change(&bad.backbone)
            return #expect(throws: PretrainingError.self) { try bad.validate() }
        }
        let learned = error { $0.positions = LearnedPositions(grid: 8) }
        #expect(learned?.what == "geodino does not pretrain backbones of the DINOv2 family, it only uses them")
        #expect(
            learned?.place == "backbone.positions" && learned?.remedy?.contains("\(UserAction.applyWeights)") == true)
        #expect(error { $0.ffn = .swigluFused }?.place == "backbone.ffn")
    }

    @Test func `the first differing key is named with both values and steps do not count`() throws {
        let run = try recipe(named: "smoke")
        var other = run
        other.steps = 99
        #expect(try other.difference(from: run) == nil)
        other.crops.local.count = 5
        other.seed = 3
        #expect(
            try other.difference(from: run) == RecipeDifference(key: "crops.local.count", old: "4", new: "5"))
        other.crops.local.count = 4
        #expect(try other.difference(from: run) == RecipeDifference(key: "seed", old: "0", new: "3"))
        other.seed = 0
        other.data.subset = "train"
        #expect(try other.difference(from: run)?.old == "none")
    }
}
