// A model's predictions for each image, on disk, from which two models are compared.
internal import Files
internal import FoundationEssentials
public import Telemetry

/// A model's prediction for one image of a benchmark.
public struct ImageRecord: Sendable, Hashable {
    /// The truth and the prediction.
    public enum Answer: Sendable, Hashable {
        /// One class: the true one and the predicted one.
        case oneClass(truth: Int, prediction: Int)
        /// Any number of classes: the true ones and the predicted ones, rising.
        case manyLabels(truth: [Int], prediction: [Int])
        /// A class for each pixel: counts as in `ConfusionTally.flattened`.
        case pixels([Int])
    }

    /// The name of the image.
    public let image: String
    /// How it was scored, such as `logistic` or `seg_dpt`.
    public let method: String
    /// The truth and the prediction.
    public let answer: Answer

    /// Makes a record.
    public init(image: String, method: String, answer: Answer) {
        self.image = image
        self.method = method
        self.answer = answer
    }
}

/// Records of the images of one task, by one model.
public struct ImageRecords: Sendable {
    /// The task.
    public let task: String
    /// The split.
    public let split: String
    /// What the model is called.
    public let model: String
    /// Tells protocols apart; see `ProtocolStatement`.
    public let protocolHash: String
    /// Names of the classes, in the order of their indices.
    public let classes: [String]
    /// The records, method by method, images in one order.
    public let records: [ImageRecord]
    /// How classes count that are in neither truth nor prediction, where the answers are of pixels.
    public let absent: AbsentClass

    /// Makes records.
    public init(
        task: String, split: String, model: String, protocolHash: String, classes: [String], records: [ImageRecord],
        absent: AbsentClass = .leftOut
    ) {
        self.absent = absent
        self.task = task
        self.split = split
        self.model = model
        self.protocolHash = protocolHash
        self.classes = classes
        self.records = records
    }

    private static let columns = [
        "task", "split", "model", "config_hash", "classes", "method", "image", "truth", "prediction",
    ]

    /// Writes a CSV file, a line for each image and method; a file of that name is replaced.
    ///
    /// The second line holds what all lines share: task, split, model, hash, the names of the classes, as a CSV line inside its cell, and as its
    /// truth how absent classes count. Classes are indices, several of them separated by `;`; of pixels `prediction` holds the counts of the confusion matrix, row by row.
    ///
    /// - Throws: `BenchmarksError`: `writeFailed`, `diskFull`.
    public func write(to path: String) throws(BenchmarksError) {
        func text(_ numbers: [Int]) -> String { numbers.map { "\($0)" }.joined(separator: ";") }
        var lines = [CSVLine.text(Self.columns)]
        lines.append(
            CSVLine.text([task, split, model, protocolHash, CSVLine.text(classes), "", "", absent.rawValue, ""]))
        for record in records {
            let (truth, prediction) =
                switch record.answer {
                case .oneClass(let truth, let prediction): ("\(truth)", "\(prediction)")
                case .manyLabels(let truth, let prediction): ("labels:" + text(truth), "labels:" + text(prediction))
                case .pixels(let counts): ("", "pixels:" + text(counts))
                }
            lines.append(CSVLine.text(["", "", "", "", "", record.method, record.image, truth, prediction]))
        }
        try Disk<BenchmarksFailure>.write(
            lines.joined(separator: "\n") + "\n", to: path, temporary: Disk<BenchmarksFailure>.ofProcess)
    }

    /// Reads what `write` wrote.
    ///
    /// - Throws: `BenchmarksError`: `notFound`, `readFailed`, `badTable`.
    public init(from path: String) throws(BenchmarksError) {
        guard fileExists(path) else { throw BenchmarksError(.notFound, "no such file", in: path) }
        let bytes = try Disk<BenchmarksFailure>.read(path)
        func refuse(_ what: String) -> BenchmarksError {
            BenchmarksError(
                .badTable, what, in: path, why: ["expected answers for each image, as a score writes them on request"])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw refuse("the file is not UTF-8 text") }
        let lines = text.split(whereSeparator: \.isNewline)
        guard lines.count > 1, CSVLine.cells(of: lines[0]) == Self.columns,
            let head = CSVLine.cells(of: lines[1]), head.count == Self.columns.count
        else { throw refuse("the file does not hold answers by image") }
        (task, split, model, protocolHash) = (head[0], head[1], head[2], head[3])
        guard let classes = CSVLine.cells(of: head[4][...]), let absent = AbsentClass(rawValue: head[7]) else {
            throw refuse("the second line does not say what the answers are of")
        }
        self.classes = classes
        self.absent = absent
        var records: [ImageRecord] = []
        for (number, line) in lines.enumerated().dropFirst(2) {
            guard let cells = CSVLine.cells(of: line), cells.count == Self.columns.count,
                let answer = ImageRecord.Answer(truth: cells[7], prediction: cells[8], classCount: classes.count)
            else { throw refuse("line \(number + 1) is not an answer: '\(line.prefix(80))'") }
            records.append(ImageRecord(image: cells[6], method: cells[5], answer: answer))
        }
        self.records = records
    }

    /// The methods, in the order of the file.
    public var methods: [String] { records.reduce(into: []) { if !$0.contains($1.method) { $0.append($1.method) } } }
}

extension ImageRecord.Answer {
    /// Reads two cells; `nil` for what is none.
    fileprivate init?(truth: String, prediction: String, classCount: Int) {
        func numbers(_ text: Substring) -> [Int]? {
            let parts = text.split(separator: ";").map { Int($0) }
            return parts.contains(nil) ? nil : parts.compactMap(\.self)
        }
        func isClass(_ index: Int) -> Bool { (0..<classCount).contains(index) }
        if prediction.hasPrefix("pixels:") {
            guard let counts = numbers(prediction.dropFirst(7)), counts.count == classCount * (classCount + 1),
                counts.allSatisfy({ (0...1 << 48).contains($0) })
            else { return nil }
            self = .pixels(counts)
        } else if prediction.hasPrefix("labels:"), truth.hasPrefix("labels:") {
            guard let said = numbers(prediction.dropFirst(7)), let right = numbers(truth.dropFirst(7)),
                said.allSatisfy(isClass), right.allSatisfy(isClass)
            else { return nil }
            self = .manyLabels(truth: right, prediction: said)
        } else {
            guard let said = Int(prediction), let right = Int(truth), isClass(said), isClass(right) else { return nil }
            self = .oneClass(truth: right, prediction: said)
        }
    }
}
