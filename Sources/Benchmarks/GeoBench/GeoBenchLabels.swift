// The classes of a task's samples, out of the lists that come with them.
internal import Files
internal import Telemetry

/// Reads the classes of samples, without opening the samples.
enum GeoBenchLabels {
    /// The one class of each sample, out of `label_map.json`, which lists the samples of each class.
    ///
    /// The list may name further samples.
    ///
    /// - Returns: A class for each name.
    /// - Throws: `BenchmarksError`: `notFound`; `badForm`; `badLabels` for a class out of range, a sample without a class or with two.
    static func oneClass(
        of names: [String], classes count: Int, in folder: String
    ) throws(BenchmarksError) -> [[Int]] {
        let path = joined(folder, map)
        let lists = try GeoBenchFile.json([String: [String]].self, path, holding: "lists of samples by class")
        var labels: [String: Int] = [:]
        for (key, list) in lists.sorted(by: { $0.key < $1.key }) {
            guard let index = Int(key), (0..<count).contains(index) else {
                throw BenchmarksError(
                    .badLabels, "the class \(quoted(key)) is out of range; expected 0 to \(count - 1)", in: path,
                    try: "get the file again, and task_specs.pkl with it")
            }
            for name in list {
                if let before = labels.updateValue(index, forKey: name), before != index {
                    throw BenchmarksError(
                        .badLabels, "the sample \(quoted(name)) has two classes, \(before) and \(index)", in: path)
                }
            }
        }
        return try names.map { name throws(BenchmarksError) in
            guard let label = labels[name] else { throw unlabelled(name, path) }
            return [label]
        }
    }

    /// All classes of each sample, out of `label_stats.json`, which has a 0 or a 1 for each class.
    ///
    /// - Throws: `BenchmarksError`: `notFound`; `badForm`; `badLabels` for a sample without a label, and for other numbers.
    static func manyLabels(
        of names: [String], classes count: Int, in folder: String
    ) throws(BenchmarksError) -> [[Int]] {
        let path = joined(folder, statistics)
        let lists = try numbers(path)
        return try names.map { name throws(BenchmarksError) in
            guard let numbers = lists[name] else { throw unlabelled(name, path) }
            do throws(FileComplaint) { return try classes(of: numbers, count) } catch {
                throw BenchmarksError(
                    .badLabels, "the label of the sample \(quoted(name)) makes no sense", in: path, why: [error.text],
                    try: "get the file again")
            }
        }
    }

    /// The classes whose pixels each sample has, out of `label_stats.json`, which has their shares.
    ///
    /// - Returns: Classes for each name, none where the file does not give them; and what the user should know.
    static func mask(
        of names: [String], classes count: Int, in folder: String
    ) throws(BenchmarksError) -> (classes: [[Int]], notes: [String]) {
        let path = joined(folder, statistics)
        guard fileExists(path) else {
            return (
                names.map { _ in [] }, ["\(statistics) is missing; only the masks say which classes samples have"]
            )
        }
        let lists = try numbers(path)
        var unknown = 0
        let found = names.map { name -> [Int] in
            guard let shares = lists[name], shares.count == count else {
                unknown += 1
                return []
            }
            return shares.indices.filter { shares[$0] > 0 }
        }
        let note = "\(statistics) does not give the \(count) classes of \(counted(unknown, "samples"))"
        return (found, unknown > 0 ? [note] : [])
    }

    /// The classes that a list of ones and zeros marks.
    static func classes(of numbers: [Double], _ count: Int) throws(FileComplaint) -> [Int] {
        guard numbers.count == count else {
            throw FileComplaint("it has \(numbers.count) numbers; expected one for each of the \(count) classes")
        }
        if let wrong = numbers.first(where: { $0 != 0 && $0 != 1 }) {
            throw FileComplaint("it has the number \(wrong); expected 0 or 1 for each class")
        }
        return numbers.indices.filter { numbers[$0] == 1 }
    }

    /// The classes that a sample's own file states, rising; `nil` where it states none.
    ///
    /// - Throws: `BenchmarksError`: `badForm` for damaged metadata; `badLabels` for a label that is not a class or out of range.
    static func own(
        _ name: String, _ task: GeoBenchTask, in store: any GeoBenchStore
    ) throws(BenchmarksError) -> [Int]? {
        let label = try store.metadata(of: name).label
        do throws(FileComplaint) {
            switch (label, task.kind) {
            case (.none, _): return nil
            case (.list(let numbers), .manyLabels): return try classes(of: numbers, task.classes.count)
            case (.number(let number), .oneClass): return [try index(number, task)]
            case (.list(let numbers), .oneClass) where numbers.count == 1: return [try index(numbers[0], task)]
            case (.list(let numbers), _): throw FileComplaint("it is a list of \(numbers.count) numbers")
            case (.number(let number), _): throw FileComplaint("it is the number \(number)")
            case (.other(let words), _): throw FileComplaint("it is \(words), not a class")
            }
        } catch {
            throw BenchmarksError(
                .badLabels, "the label in the sample's own file makes no sense", in: store.place(of: name),
                why: [error.text], try: "get the file again")
        }
    }

    private static func index(_ number: Double, _ task: GeoBenchTask) throws(FileComplaint) -> Int {
        guard let index = Int(exactly: number), task.classes.indices.contains(index) else {
            throw FileComplaint("it is \(number); expected a class from 0 to \(task.classes.count - 1)")
        }
        return index
    }

    /// The file of the samples of each class.
    static let map = "label_map.json"
    /// The file of the numbers of each sample.
    static let statistics = "label_stats.json"

    private static func numbers(_ path: String) throws(BenchmarksError) -> [String: [Double]] {
        try GeoBenchFile.json([String: [Double]].self, path, holding: "a list of numbers for each sample")
    }

    private static func unlabelled(_ name: String, _ path: String) -> BenchmarksError {
        BenchmarksError(
            .badLabels, "the sample \(quoted(name)) has no label", in: path, try: "get the file again")
    }
}
