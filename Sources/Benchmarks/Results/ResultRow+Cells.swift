// A score as a line of a table: which column holds what.
internal import Measures

extension ResultRow {
    /// The columns that geodino writes: torchgeo-bench's in its order, then its own.
    static let columns = [
        "dataset", "method", "metric_name", "metric_value", "ci_lower", "ci_upper", "feature_dim", "best_c", "best_lr",
        "best_batch_size", "n_train", "n_val", "n_test", "seed", "model", "name", "normalization", "image_size",
        "interpolation", "partition", "bands", "num_classes", "config_hash", "c_range_start", "c_range_stop",
        "c_range_num", "merge_val", "bootstrap", "res", "pool", "fw_iou", "precision", "recall", "f1", "ece", "rms_ce",
        "mce", "ece_ts", "rms_ce_ts", "mce_ts", "temperature", "calibration_n_bins", "benchmark", "split", "protocol",
        "weights_sha256", "warning", "best_ridge",
    ]

    /// Its cells by column; the others are empty.
    var cells: [String: String] {
        func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        let own = [
            "benchmark": benchmark, "dataset": task, "split": split, "protocol": protocolName,
            "config_hash": protocolHash, "metric_name": metric, "metric_value": text(value), "ci_lower": text(low),
            "ci_upper": text(high), "n_test": "\(samples)", "seed": "\(seed)", "method": method, "name": model,
            "model": "geodino", "weights_sha256": weights ?? "", "partition": partition, "bands": bands,
            "num_classes": "\(classCount)", "feature_dim": "\(featureLength)", "n_train": "\(trainingSamples)",
            "n_val": "\(validationSamples)", "best_c": text(strength), "best_lr": text(rate),
            "best_ridge": text(ridge), "warning": warning ?? "",
        ]
        return own.merging(calibrationCells) { own, _ in own }.merging(switches) { own, _ in own }
    }

    private var calibrationCells: [String: String] {
        guard let calibration else { return [:] }
        var cells = [
            "ece": "\(calibration.plain.expected)", "rms_ce": "\(calibration.plain.rootMeanSquare)",
            "mce": "\(calibration.plain.maximum)", "calibration_n_bins": "\(CalibrationFigures.binCount)",
        ]
        if let scaled = calibration.scaled, let temperature = calibration.temperature {
            cells["ece_ts"] = "\(scaled.expected)"
            cells["rms_ce_ts"] = "\(scaled.rootMeanSquare)"
            cells["mce_ts"] = "\(scaled.maximum)"
            cells["temperature"] = "\(temperature)"
        }
        return cells
    }

    /// Reads cells; `nil` where a number is none, or a column is missing that every row has.
    init?(cells: [String: String]) {
        func number(_ column: String) -> Double?? {
            guard let text = cells[column], !text.isEmpty else { return .some(nil) }
            return Double(text).map { .some($0) }
        }
        guard let samples = cells["n_test"].flatMap({ Int($0) }), let seed = cells["seed"].flatMap({ UInt64($0) }),
            let classCount = cells["num_classes"].flatMap({ Int($0) }),
            let featureLength = cells["feature_dim"].flatMap({ Int($0) }),
            let trainingSamples = cells["n_train"].flatMap({ Int($0) }),
            let validationSamples = cells["n_val"].flatMap({ Int($0) }), let task = cells["dataset"],
            let metric = cells["metric_name"], let hash = cells["config_hash"], let benchmark = cells["benchmark"],
            let value = number("metric_value"), let low = number("ci_lower"), let high = number("ci_upper"),
            let strength = number("best_c"), let rate = number("best_lr"), let ridge = number("best_ridge"),
            let expected = number("ece"), let square = number("rms_ce"), let maximum = number("mce"),
            let scaledExpected = number("ece_ts"), let scaledSquare = number("rms_ce_ts"),
            let scaledMaximum = number("mce_ts"), let temperature = number("temperature")
        else { return nil }
        self.init(
            benchmark: benchmark, task: task, split: cells["split"] ?? "", protocolName: cells["protocol"] ?? "",
            protocolHash: hash, metric: metric, samples: samples, seed: seed, method: cells["method"] ?? "",
            model: cells["name"] ?? "", partition: cells["partition"] ?? "", bands: cells["bands"] ?? "",
            classCount: classCount, featureLength: featureLength, trainingSamples: trainingSamples,
            validationSamples: validationSamples)
        self.value = value
        self.low = low
        self.high = high
        self.strength = strength
        self.rate = rate
        self.ridge = ridge
        func errors(_ expected: Double?, _ square: Double?, _ maximum: Double?) -> CalibrationFigures.Errors? {
            guard let expected, let square, let maximum else { return nil }
            return CalibrationFigures.Errors(expected: expected, rootMeanSquare: square, maximum: maximum)
        }
        calibration = errors(expected, square, maximum).map {
            CalibrationFigures(
                plain: $0, scaled: errors(scaledExpected, scaledSquare, scaledMaximum), temperature: temperature)
        }
        weights = cells["weights_sha256"].flatMap { $0.isEmpty ? nil : $0 }
        warning = cells["warning"].flatMap { $0.isEmpty ? nil : $0 }
        switches = cells.filter { ProtocolStatement.columns.contains($0.key) && !$0.value.isEmpty }
    }
}
