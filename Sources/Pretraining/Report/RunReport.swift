// report.html: the curves and the pictures of a run on one page that needs no network.
import Backbone
internal import Files
import FoundationEssentials

/// The page of a run.
public enum RunReport {
    /// Where pictures of a run lie that the page shows: `preview/NNNNNNNN.png`, by step.
    public static let pictures = "preview"
    /// Pictures on the page: the first and the last ones.
    private static let mostPictures = 6

    /// Writes `report.html` into a run's folder, from its metrics log, its pictures and its energy.
    ///
    /// - Throws: `PretrainingError` where the log cannot be read or the page not be written.
    public static func write(run: String) throws {
        try Disk.write(try page(run: run), to: "\(run)/report.html")
    }

    /// The page.
    static func page(run: String) throws -> String {
        let log = try MetricsCurves(path: "\(run)/metrics.jsonl")
        let recipe = try? JSONDecoder().decode(
            PretrainingRecipe.self, from: Data(try Disk.read("\(run)/recipe.json")))
        let total = recipe?.totalSteps ?? log.steps
        let name = recipe?.name ?? "run"
        let charts = Self.charts(log).compactMap(\.html).joined(separator: "\n")
        let shown = pictures(run)
        let gallery =
            shown.isEmpty
            ? ""
            : "<h2>Patch features of fixed tiles</h2>\n<p>Each tile, and below it the three strongest components of its patch features as colours.</p>\n"
                + shown.joined(separator: "\n")
        let energy = EnergyReport(run: run).map { "<p>Energy: \(escaped($0.text)).</p>" } ?? ""
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(escaped(name))</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <style>\(style)</style></head><body>
            <h1>\(escaped(name))</h1>
            <p>Step \(log.steps) of \(total). \(escaped(summary(log, recipe)))</p>
            \(energy)
            <div class="charts">
            \(charts)
            </div>
            \(gallery)
            </body></html>

            """
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
        func chart(_ title: String, _ note: String, _ names: [(String, String)]) -> LineChart {
            LineChart(
                title: title, note: note, curves: names.map { ($0.0, log.curves[$0.1] ?? []) }, phases: log.phases,
                steps: log.steps)
        }
        func family(_ prefix: String) -> [(String, String)] {
            log.curves.keys.filter { $0.hasPrefix(prefix) }.sorted().map { (String($0.dropFirst(prefix.count)), $0) }
        }
        let looked = "diagnostics."
        return [
            chart("Loss", "of all parts as they count", [("loss", "loss")]),
            chart(
                "Parts of the loss", "",
                [
                    ("DINO, local", "dino_local"), ("DINO, global", "dino_global"), ("iBOT", "ibot"),
                    ("KoLeo", "koleo"),
                    ("Gram", "gram"),
                ]),
            chart("Probes", "on labelled ground", family("probes.")),
            chart(
                "Class token and patches", "cosines; they rise when dense features decay",
                [
                    ("class to patch", looked + "class_patch_cosine"), ("patch to patch", looked + "patch_cosine"),
                ]),
            chart(
                "Effective rank", "of class tokens; it falls when they collapse",
                [
                    ("effective rank", looked + "effective_rank")
                ]),
            chart(
                "Spread of class tokens", "1 everywhere alike, 0 all the same",
                [
                    ("deviation", looked + "feature_deviation")
                ]),
            chart(
                "Entropy of assignments", "nats",
                [
                    ("class tokens", looked + "dino_entropy"), ("patches", looked + "ibot_entropy"),
                ]),
            chart(
                "Prototypes in use", "share of the most that could be",
                [
                    ("class tokens", looked + "dino_prototypes_used"), ("patches", looked + "ibot_prototypes_used"),
                ]),
            chart("Largest patch norm", "over the median's", [("ratio", looked + "patch_norm_ratio")]),
            chart("Patches with a norm above four medians", "share", [("outliers", looked + "patch_outliers")]),
            chart("Gradient norms", "before clipping", family("gradient_norm.")),
            chart("Learning rate", "before the multipliers of layers", [("rate", "learning_rate")]),
            chart("Weight decay", "", [("decay", "weight_decay")]),
            chart("Teacher", "", [("momentum", "teacher_momentum"), ("temperature", "teacher_temperature")]),
            chart("Refreshes of the Gram teacher", "", [("refreshes", "gram_refreshes")]),
            chart("Steps left out", "not finite", [("steps", "skipped_steps")]),
            chart("Speed", "tiles per second", [("tiles/s", "timing.tiles_per_second")]),
        ]
    }

    /// The pictures as figures, within the page.
    private static func pictures(_ run: String) -> [String] {
        let names = fileNames(in: "\(run)/\(pictures)").filter { $0.hasSuffix(".png") }.sorted()
        let some = names.count <= mostPictures ? names : Array(names.prefix(1) + names.suffix(mostPictures - 1))
        return some.compactMap { name in
            guard let bytes = try? Disk.read("\(run)/\(pictures)/\(name)") else { return nil }
            let step = Int(name.dropLast(4)).map(String.init) ?? name
            let text = Data(bytes).base64EncodedString()
            return
                "<figure class=\"wide\"><figcaption>step \(escaped(step))</figcaption><img alt=\"features at step \(escaped(step))\" src=\"data:image/png;base64,\(text)\"></figure>"
        }
    }

    private static let style = """
        body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1440px;padding:0 1rem;color:#1b1f24;background:#fff}
        h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:1.6rem 0 .2rem}p{margin:.2rem 0;color:#4a5159}
        .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(400px,1fr));gap:1rem;margin-top:1rem}
        figure{margin:0;border:1px solid #dde1e6;border-radius:6px;padding:.6rem .7rem}figure.wide{margin:.6rem 0}
        figcaption{font-size:.86rem;color:#4a5159;margin-bottom:.3rem}figcaption b{color:#1b1f24}
        svg{width:100%;height:auto;display:block}polyline{fill:none;stroke-width:1.5;stroke-linejoin:round}
        .grid{stroke:#e6e9ed}.tick,.phase{font-size:10.5px;fill:#6b7280}.band{fill:#f3f5f8}
        .legend{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.8rem;color:#4a5159;margin-top:.2rem}
        .legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.35em}
        img{max-width:100%;image-rendering:pixelated}
        @media(prefers-color-scheme:dark){body{background:#15181c;color:#e8eaed}p,figcaption,.legend{color:#a9b1ba}
        figcaption b{color:#e8eaed}figure{border-color:#31373e}.grid{stroke:#2a3036}.band{fill:#1c2127}.tick,.phase{fill:#8b949e}}
        """
}
