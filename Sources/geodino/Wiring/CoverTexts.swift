// What geodino score landcover prints for people.
#if EARTH
    import Geo
    import Scoring
    import Telemetry

    extension LandCoverScore {
        /// The score for people: a figure per line, then a class per line.
        var text: String {
            let apart = miouWithoutBackground.map { "  (without the background \(shown($0)))" } ?? ""
            var lines = [
                "mIoU          \(shown(miou))\(apart)", "accuracy      \(shown(overallAccuracy))",
                "kappa         \(shown(kappa))", "macro F1      \(shown(macroF1))",
                "weighted IoU  \(shown(frequencyWeightedIoU))",
            ]
            if let boundaryPixels {
                lines.append(
                    "boundary IoU  \(shown(boundaryMIoU))  (within \(counted(boundaryPixels, "pixels")) of a border)")
            }
            lines.append("pixels        \(pixels)")
            if unsure > 0 { lines.append("unsure        \(counted(unsure, "pixels")), counted as wrong") }
            if missingInMap > 0 { lines.append("not mapped    \(counted(missingInMap, "pixels")) with a true class") }
            lines.append("")
            lines += table(
                ["class", "IoU", "F1", "precision", "recall", "pixels"],
                classes.map {
                    [$0.name, shown($0.iou), shown($0.f1), shown($0.precision), shown($0.recall), "\($0.pixels)"]
                })
            return lines.joined(separator: "\n")
        }
    }

    extension LandCoverAreas {
        /// The areas for people, in square kilometres.
        var text: String {
            func area(_ value: Double?) -> String { shown(value.map { $0 / 1e6 }) }
            var lines = [
                "accuracy  \(shown(overallAccuracy))  (\(counted(samples, "samples")))", "",
            ]
            lines += table(
                ["class", "mapped km2", "adjusted km2", "from", "to", "user's", "producer's"],
                areas.map {
                    [
                        $0.name, area($0.mapped), area($0.adjusted), area($0.low), area($0.high),
                        shown($0.usersAccuracy), shown($0.producersAccuracy),
                    ]
                })
            if samplesLeftOut > 0 {
                lines += [
                    "", "left out  \(counted(samplesLeftOut, "samples")): not on a class of the map, or unlabelled",
                ]
            }
            return lines.joined(separator: "\n")
        }
    }

    /// What was drawn.
    struct DrawSummary: Encodable {
        /// One class.
        struct ClassSamples: Encodable {
            var id: UInt8
            var name: String
            var pixels: Int
            var samples: Int
        }

        var output: String
        var samples: Int
        var classes: [ClassSamples]

        init(_ drawn: DrawnSamples, output: String) {
            self.output = output
            samples = drawn.samples.count
            classes = drawn.legend.classes.enumerated().map { index, entry in
                ClassSamples(
                    id: entry.id, name: entry.name, pixels: drawn.pixelCounts[index], samples: drawn.counts[index])
            }
        }

        /// The samples for people, a class per line.
        var text: String {
            let head = "\(output): \(counted(samples, "samples"))"
            let rows = classes.map { [$0.name, "\($0.pixels)", "\($0.samples)"] }
            return ([head, ""] + table(["class", "pixels", "samples"], rows)).joined(separator: "\n")
        }
    }

    /// Lines of a table: its first column to the left, the others to the right.
    private func table(_ head: [String], _ rows: [[String]]) -> [String] {
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { row in
            row.indices.map { column in
                let gap = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + gap : gap + row[column]
            }.joined(separator: "  ")
        }
    }
#endif
