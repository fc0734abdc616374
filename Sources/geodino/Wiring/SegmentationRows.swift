// From a tally of a segmentation set to rows of results.
#if EARTH
    import Benchmarks
    import Downstream
    import Measures

    /// Rows of one score.
    struct SegmentationRows {
        private let statement: SegmentationStatement<SegmentationTraining>
        private let set: SegmentationSet
        private let scored: Int

        /// Takes what all rows share.
        ///
        /// - Parameter scored: Number of images scored.
        init(_ statement: SegmentationStatement<SegmentationTraining>, set: SegmentationSet, scored: Int) {
            self.statement = statement
            self.set = set
            self.scored = scored
        }

        /// The rows of a tally.
        ///
        /// - Parameter fill: Adds what depends on where predictions come from.
        func rows(_ tally: SegmentationTally, fill: (inout ResultRow) -> Void) -> [ResultRow] {
            let interval = statement.scoring.interval
            let figures = SegmentationFigures(
                tally, absent: statement.scoring.absent,
                bootstrap: Bootstrap(
                    draws: interval.draws, confidence: interval.confidence, method: interval.kind, seed: statement.seed)
            )
            let warning = tally.warning
            return metrics.flatMap { metric in
                figures.intervals(of: metric).map { name, interval in
                    var row = row(name)
                    fill(&row)
                    row.value = interval.estimate
                    row.low = interval.low
                    row.high = interval.high
                    row.warning = warning
                    return row
                }
            }
        }

        /// What was predicted of each image, as a file holds it.
        ///
        /// - Parameter images: The images of the tally, in its order.
        func answers(_ tally: SegmentationTally, images: [Int], fill: (inout ResultRow) -> Void) -> ImageRecords {
            var row = row("")
            fill(&row)
            let records = zip(images, tally.images).map { image, counts in
                ImageRecord(
                    image: set.images[image].name, method: row.method,
                    answer: .pixels(counts.flattened.map { Int($0) }))
            }
            return ImageRecords(
                task: row.task, split: row.split, model: row.model, protocolHash: row.protocolHash,
                classes: set.classes,
                records: records, absent: statement.scoring.absent)
        }

        /// All rows that a score would give, where a table has them.
        func finished(in table: ResultTable, fill: (inout ResultRow) -> Void) throws -> [ResultRow]? {
            let known = try table.rows()
            var found: [ResultRow] = []
            for name in metrics.flatMap(names) {
                var wanted = row(name)
                fill(&wanted)
                guard let row = known.first(where: { $0.identity == wanted.identity }) else { return nil }
                found.append(row)
            }
            return found
        }

        /// The metrics that such a set has.
        private var metrics: [SegmentationMetric] {
            statement.scoring.metrics.filter { $0 != .meanIoUWithoutBackground || set.background != nil }
        }

        private func names(of metric: SegmentationMetric) -> [String] {
            metric == .classIoU ? set.classes.map { "iou_\($0)" } : [metric.rawValue]
        }

        private func row(_ metric: String) -> ResultRow {
            ResultRow(
                benchmark: statement.benchmark, task: statement.task, split: statement.scoring.report.rawValue,
                protocolName: statement.name, protocolHash: statement.hash, metric: metric, samples: scored,
                seed: statement.seed, method: "", model: "", partition: "", bands: "", classCount: set.classes.count,
                featureLength: 0, trainingSamples: 0, validationSamples: 0)
        }
    }
#endif
