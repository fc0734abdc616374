// What geodino fit landcover says, reads and prints.
#if EARTH
    import ArgumentParser
    import Backbone
    import Downstream
    import Geo
    import Raster
    import Scenes
    import Telemetry

    /// How labels of classes are read, and what their values stand for.
    struct LabelOptions: ParsableArguments {
        @Argument(help: ArgumentHelp("With --as: the folder of images and labels.", valueName: "folder"))
        var folder: String?

        @Option(
            name: .customLong("as"),
            help: ArgumentHelp(
                "Take images and labels from a folder of this form: 'loveda' for Train/{Urban,Rural}/{images_png,masks_png}/*.png and the same under Val, whose images are held out.",
                valueName: "form"))
        var form: FolderForm?

        @Option(
            help: ArgumentHelp(
                "What the labels' values stand for: a YAML document such as recipes/legends/loveda.yaml, the name of one that comes with geodino (loveda), or 'auto' for the values and names that the labels hold. (default: auto; with --as loveda: loveda)",
                valueName: "file"))
        var legend: String?

        @OptionGroup var vector: VectorLabelOptions

        func validate() throws {
            if let form, folder == nil {
                throw ValidationError("--as \(form.rawValue) takes a folder: --as \(form.rawValue) FOLDER")
            }
            if let folder, form == nil {
                throw ValidationError(
                    "the folder '\(folder)' needs --as: --as loveda \(folder); otherwise leave it out")
            }
        }

        /// The legend's document; `nil` for what the labels hold.
        fileprivate func legendPath() throws -> String? {
            if let legend { return legend == "auto" ? nil : try LegendDocument.path(legend) }
            return try form.map { try shippedDocument($0.legend) }
        }
    }

    /// Land cover on the command line.
    enum LandCoverEntry: FitEntry {
        typealias Task = LandCoverTask
        typealias Options = LabelOptions

        static let abstract = "Train a land-cover head from images and labels."
        static let discussion = """
            Labels are rasters of classes or vector layers (polygons, lines, points), in any CRS; pixels without a \
            label do not count. A part of the ground, in blocks, is held out and scored at the end. \
            --resume continues an interrupted fit.
            """
        static let target = "Labels"
        static let targetName = "LABELS"
        static let recipe = "recipes/landcover-linear.yaml"

        static func folder(_ options: LabelOptions) -> (path: String, form: FolderForm)? {
            guard let path = options.folder, let form = options.form else { return nil }
            return (path, form)
        }

        static func input(
            _ entries: [PairEntry], options: LabelOptions, recipe: LandCoverRecipe, record: WeightsRecord,
            bands: BandRequest, ground: GroundRequest
        ) throws -> LabelledInput {
            // A list may hold heights as well; then land cover is in a column of its own.
            if entries.contains(where: { $0.cover != nil }), let bare = entries.first(where: { $0.cover == nil }) {
                throw CommandError(
                    .badArgument, "some lines of the list have land cover in the column cover, others have none",
                    in: bare.image, try: "fill in the column in every line, or leave it out")
            }
            var entries = entries.map { PairEntry(image: $0.image, target: $0.cover ?? $0.target, split: $0.split) }
            var opened: [String: OpenLabels] = [:]
            for entry in entries where opened[entry.target] == nil {
                opened[entry.target] = try OpenLabels(entry.target, options.vector)
            }
            // One file may label many images, of which it need not label all.
            let uses = entries.reduce(into: [String: Int]()) { $0[$1.target, default: 0] += 1 }
            let unlabelled = entries.filter { entry in
                guard uses[entry.target, default: 0] > 1,
                    case .layer(let layer)? = opened[entry.target],
                    let grid = try? RasterReader(path: entry.image).grid
                else { return false }
                return (try? layer.overlaps(grid)) == false
            }
            if !unlabelled.isEmpty, unlabelled.count < entries.count {
                entries.removeAll { unlabelled.contains($0) }
                printToStandardError(
                    "warning: left out \(counted(unlabelled.count, "images")) that no label meets: \(unlabelled.prefix(3).map(\.image).joined(separator: ", "))"
                )
            }
            let contents = try opened.keys.sorted().compactMap { try opened[$0]?.content() }
            if options.vector.lineWidth != nil || options.vector.labelTouched,
                !opened.values.contains(where: { if case .layer = $0 { true } else { false } })
            {
                printToStandardError(
                    "warning: --line-width and --label-touched are for vector labels; these are rasters")
            }
            var notes = opened.keys.sorted().flatMap { opened[$0]?.warnings ?? [] }
            let legend: Legend
            if let path = try options.legendPath() {
                legend = try LegendDocument.legend(path)
                try checkLegend(legend, contents, from: path)
            } else {
                let found = try automaticLegend(contents)
                legend = found.legend
                notes = found.notes + notes
            }
            let source = try RasterPairs(
                entries, record: record, tileSize: recipe.window, bands: bands, ground: ground, legend: legend,
                notes: notes,
                truth: { entry in
                    guard let labels = opened[entry.target] else {
                        throw CommandError(.notFound, "no such labels", in: entry.target)
                    }
                    return labels.truth(legend, options.vector)
                },
                excluded: { "\(counted($0, "pixels")) that labels of two classes claim, of the parts that were read" })
            return LabelledInput(source: source, warnings: source.warnings) { source.leftOut }
        }

        static func text(_ summary: FitSummary<LandCoverValidation>) -> String {
            let steps = "\(summary.model): \(counted(summary.steps, "steps"))"
            guard let v = summary.validation else {
                return "\(steps); not validated: no labelled ground was held out"
            }
            let classes = v.classes.map { "\($0.name) \($0.iou.map { shown($0) } ?? "-")" }.joined(separator: ", ")
            let from = v.step.map { step in
                let rate = v.learningRate.map { ", at the learning rate \($0)" } ?? ""
                return " (best after step \(step)\(rate))"
            }
            let rates = v.rates.map { rates in
                let words = rates.map { rate in
                    "\(rate.learningRate) \(rate.divergedAt.map { "diverged at step \($0)" } ?? rate.miou.map { shown($0) } ?? "-")"
                }
                return "\nmIoU by learning rate: \(words.joined(separator: ", "))"
            }
            let symptom =
                v.collapsedClass.map { "all held-out ground was taken for '\($0)'" }
                ?? (v.hasConstantOutput == true ? "the head gives the same answer whatever the image shows" : nil)
            let alarm = symptom.map {
                """

                warning: \($0); usual causes: too few steps, a learning rate that is too \
                high, images that are stretched in another way than those of the backbone, or labels that are shifted relative to the images
                """
            }
            return """
                \(steps)\(from ?? ""); held out \(v.pixels) pixels: mIoU \(shown(v.miou)) (the most frequent class everywhere \
                \(shown(v.constantMIoU))), accuracy \(shown(v.overallAccuracy))
                IoU: \(classes)\(rates ?? "")\(alarm ?? "")
                """
        }
    }

    extension OpenLabels {
        /// The labels as the truth of a pair.
        fileprivate func truth(_ legend: Legend, _ options: VectorLabelOptions) -> PairTruth {
            switch self {
            case .raster(let path, let band): .classes(path: path, band: band, legend: legend)
            case .layer(let layer):
                .labels(layer, legend: legend, allTouched: options.labelTouched, lineWidth: options.lineWidth)
            }
        }
    }
#endif
