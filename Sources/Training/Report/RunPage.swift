// report.html: the curves and the pictures of a run on one page that needs no network.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// What the page of a run shows besides what all have: curves of its metrics log, pictures, energy.
package struct RunPage {
    /// Where pictures of a run lie that the page shows: `preview/NNNNNNNN.png`, by step.
    package static let pictures = "preview"
    /// Pictures on the page: the first and the last ones.
    private static let mostPictures = 6

    /// The name of the run.
    package let name: String
    /// Steps of the whole run; `nil` for those in the log.
    package let total: Int?
    /// What is trained on what, in a sentence.
    package let summary: String
    /// What is drawn, in order; charts without a curve are left out.
    package let charts: [LineChart]

    /// Describes a page.
    package init(name: String, total: Int?, summary: String, charts: [LineChart]) {
        self.name = name
        self.total = total
        self.summary = summary
        self.charts = charts
    }

    /// Writes `report.html` into a run's folder.
    ///
    /// - Throws: `TrainingError` where the log cannot be read or the page not be written.
    package static func write(run: String, _ describe: (MetricsCurves) -> RunPage) throws {
        let log = try MetricsCurves(path: "\(run)/metrics.jsonl")
        try Disk.write(describe(log).html(run: run, steps: log.steps), to: "\(run)/report.html")
    }

    /// The page.
    private func html(run: String, steps: Int) -> String {
        let charts = charts.compactMap(\.html).joined(separator: "\n")
        let shown = Self.pictures(run)
        let gallery =
            shown.isEmpty
            ? ""
            : "<h2>Patch features of fixed tiles</h2>\n<p>Each tile, and below it the three strongest components of its patch features as colours.</p>\n"
                + shown.joined(separator: "\n")
        let energy = EnergyReport(run: run).map { "<p>Energy: \(escapedForMarkup($0.text)).</p>" } ?? ""
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(escapedForMarkup(name))</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <style>\(Self.style)</style></head><body>
            <h1>\(escapedForMarkup(name))</h1>
            <p>Step \(steps) of \(total ?? steps). \(escapedForMarkup(summary))</p>
            \(energy)
            <div class="charts">
            \(charts)
            </div>
            \(gallery)
            </body></html>

            """
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
                "<figure class=\"wide\"><figcaption>step \(escapedForMarkup(step))</figcaption><img alt=\"features at step \(escapedForMarkup(step))\" src=\"data:image/png;base64,\(text)\"></figure>"
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
