// What a demo run found.
#if EARTH
    import Files
    import Telemetry
    import Foundation

    /// The figures of one run.
    ///
    /// Figures at the top level are those of canopy height. Lengths are metres; paths are relative to the folder the command was run in.
    struct DemoReport: Codable {
        var maeM: Double
        var rmseM: Double
        var biasM: Double
        var blockR2: Double?
        var meanPredictorMaeM: Double
        var randomBackboneMaeM: Double
        var linearProbeR2: Double
        var linearProbeRandomR2: Double
        var learningRate: Double
        var randomBackboneLearningRate: Double
        var landcover: LandCoverFigures
        var seed: UInt64
        var seconds: Double
        var peakRssMb: Int
        var stages: [String: Double]
        var model: String
        var map: String
        var scene: String
        var picture: String

        enum CodingKeys: String, CodingKey {
            case landcover, seed, seconds, stages, model, map, scene, picture
            case maeM = "mae_m"
            case rmseM = "rmse_m"
            case biasM = "bias_m"
            case blockR2 = "block_r2"
            case meanPredictorMaeM = "mean_predictor_mae_m"
            case randomBackboneMaeM = "random_backbone_mae_m"
            case linearProbeR2 = "linear_probe_r2"
            case linearProbeRandomR2 = "linear_probe_random_r2"
            case learningRate = "learning_rate"
            case randomBackboneLearningRate = "random_backbone_learning_rate"
            case peakRssMb = "peak_rss_mb"
        }

        /// What must hold and does not.
        ///
        /// That the heads beat the random backbone is reported, not demanded, nor is anything of land cover.
        var failures: [String] {
            var list: [String] = []
            if maeM >= meanPredictorMaeM {
                list.append(
                    "the map's MAE \(shown(maeM)) m does not beat the mean predictor's \(shown(meanPredictorMaeM)) m")
            }
            if linearProbeR2 <= linearProbeRandomR2 {
                list.append(
                    "the probe's R2 \(shown(linearProbeR2)) does not beat the random backbone's \(shown(linearProbeRandomR2))"
                )
            }
            return list
        }

        /// Appends a dated table to a Markdown page.
        static func append(_ reports: [DemoReport], seeds: [UInt64], to path: String) throws {
            let columns: [(String, (DemoReport) -> Double?)] = [
                ("MAE m", { $0.maeM }), ("RMSE m", { $0.rmseM }), ("bias m", { $0.biasM }),
                ("block-R2", { $0.blockR2 }),
                ("mean predictor MAE m", { $0.meanPredictorMaeM }),
                ("random backbone MAE m", { $0.randomBackboneMaeM }),
                ("probe R2", { $0.linearProbeR2 }), ("random probe R2", { $0.linearProbeRandomR2 }),
                ("land cover mIoU", { $0.landcover.miou }),
                ("random backbone mIoU", { $0.landcover.miouRandomBackbone }),
                ("colour mIoU", { $0.landcover.miouColour }),
                ("seconds", { $0.seconds }),
            ]
            let day = Date().formatted(.iso8601.year().month().day())
            var text = "\n## \(day): the demo, \(counted(reports.count, "seeds"))\n\n"
            text += "| seed | " + columns.map(\.0).joined(separator: " | ") + " |\n"
            text += "|---|" + columns.map { _ in "---|" }.joined() + "\n"
            func row(_ name: String, _ value: ((DemoReport) -> Double?) -> Double?) {
                let cells = columns.map { shown(value($0.1), digits: $0.0 == "seconds" ? 0 : 3) }
                text += "| \(name) | " + cells.joined(separator: " | ") + " |\n"
            }
            for report in reports { row("\(report.seed)") { $0(report) } }
            func mean(_ values: [Double]) -> Double? {
                values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
            }
            row("mean") { column in mean(reports.compactMap(column)) }
            row("standard deviation") { column in
                let values = reports.compactMap(column)
                guard values.count > 1, let centre = mean(values) else { return nil }
                return (values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(values.count - 1)).squareRoot()
            }
            let old = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "# Experiments\n"
            try Disk.write(old + text, to: path, temporary: Disk.ofProcess)
        }
    }
#endif
