// What the page of a pretraining run shows.
import Backbone
internal import Files
import FoundationEssentials
import Training

/// The page of a run.
public enum RunReport {
    /// Where pictures of a run lie that the page shows: `preview/NNNNNNNN.png`, by step.
    public static let pictures = RunPage.pictures

    /// Writes `report.html` into a run's folder, from its metrics log, its pictures and its energy.
    ///
    /// - Throws: `TrainingError` where the log cannot be read or the page not be written.
    public static func write(run: String) throws {
        let recipe = (try? Disk.read("\(run)/recipe.json")).flatMap {
            try? JSONDecoder().decode(PretrainingRecipe.self, from: Data($0))
        }
        try RunPage.write(run: run) { log in
            RunPage(
                name: recipe?.name ?? "run", total: recipe?.totalSteps, summary: summary(log, recipe),
                charts: charts(log))
        }
    }

    private static func summary(_ log: MetricsCurves, _ recipe: PretrainingRecipe?) -> String {
        var parts: [String] = []
        if case .object(let head)? = log.head {
            if case .integer(let tiles)? = head["tiles"] { parts.append("\(tiles) tiles") }
            if case .string(let corpus)? = head["corpus"] { parts.append("corpus \(corpus.prefix(16))") }
            if case .object(let timing)? = head["timing"], case .string(let device)? = timing["device"] {
                parts.append("on \(device)")
            }
        }
        if let backbone = recipe?.backbone {
            parts.append("width \(backbone.width), depth \(backbone.depth), patches of \(backbone.patchSize) px")
        }
        return parts.joined(separator: "; ") + "."
    }

    /// What is drawn, in order; charts without a curve are left out.
    private static func charts(_ log: MetricsCurves) -> [LineChart] {
        let looked = "diagnostics."
        return [
            log.chart("Loss", "of all parts as they count", [("loss", "loss")]),
            log.chart(
                "Parts of the loss", "",
                [
                    ("DINO, local", "dino_local"), ("DINO, global", "dino_global"), ("iBOT", "ibot"),
                    ("KoLeo", "koleo"),
                    ("Gram", "gram"),
                ]),
            log.chart("Probes", "on labelled ground", log.family("probes.")),
            log.chart(
                "Class token and patches", "cosines; they rise when dense features decay",
                [
                    ("class to patch", looked + "class_patch_cosine"), ("patch to patch", looked + "patch_cosine"),
                ]),
            log.chart(
                "Effective rank", "of class tokens; it falls when they collapse",
                [
                    ("effective rank", looked + "effective_rank")
                ]),
            log.chart(
                "Spread of class tokens", "1 everywhere alike, 0 all the same",
                [
                    ("deviation", looked + "feature_deviation")
                ]),
            log.chart(
                "Entropy of assignments", "nats",
                [
                    ("class tokens", looked + "dino_entropy"), ("patches", looked + "ibot_entropy"),
                ]),
            log.chart(
                "Prototypes in use", "share of the most that could be",
                [
                    ("class tokens", looked + "dino_prototypes_used"), ("patches", looked + "ibot_prototypes_used"),
                ]),
            log.chart("Largest patch norm", "over the median's", [("ratio", looked + "patch_norm_ratio")]),
            log.chart("Patches with a norm above four medians", "share", [("outliers", looked + "patch_outliers")]),
            log.chart("Gradient norms", "before clipping", log.family("gradient_norm.")),
            log.chart("Learning rate", "before the multipliers of layers", [("rate", "learning_rate")]),
            log.chart("Weight decay", "", [("decay", "weight_decay")]),
            log.chart("Teacher", "", [("momentum", "teacher_momentum"), ("temperature", "teacher_temperature")]),
            log.chart("Refreshes of the Gram teacher", "", [("refreshes", "gram_refreshes")]),
            log.chart("Steps left out", "not finite", [("steps", "skipped_steps")]),
            log.chart("Speed", "tiles per second", [("tiles/s", "timing.tiles_per_second")]),
        ]
    }
}
