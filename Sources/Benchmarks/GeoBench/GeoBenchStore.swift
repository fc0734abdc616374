// Where the samples of a task are: what files of one sample each and shards of many have in common.
internal import Files
internal import Telemetry

/// The samples of a task on disk; any thread may ask.
protocol GeoBenchStore: Sendable {
    /// Whether there is a sample of a name.
    func has(_ sample: String) -> Bool

    /// Opens a sample, which the caller uses on one thread.
    func open(_ sample: String) throws(BenchmarksError) -> any GeoBenchOpened

    /// What a sample says of itself; its arrays are not read.
    func metadata(of sample: String) throws(BenchmarksError) -> GeoBenchMetadata

    /// The file of a sample, for errors.
    func place(of sample: String) -> String

    /// The file that holds a sample, with its size and date, and where in it the sample is.
    func stamp(of sample: String) -> [String]
}

/// A sample that was opened.
protocol GeoBenchOpened {
    /// Its file, and its name where the file has several.
    var place: String { get }

    /// Names of its arrays, in the order of the file.
    var names: [String] { get }

    /// All of an array.
    func array(_ name: String) throws(BenchmarksError) -> NumberArray

    /// Shape and type of an array; `nil` for a type that is not a number.
    func shape(of name: String) throws(BenchmarksError) -> (shape: [Int], type: ElementType?)
}

/// What a sample says of itself besides its arrays: its label, and the order of its bands.
struct GeoBenchMetadata {
    /// A label as it is stored.
    enum Label {
        /// None, as where the label is an array of the sample.
        case none
        /// A number.
        case number(Double)
        /// A number for each class.
        case list([Double])
        /// Something else, in words.
        case other(String)
    }

    /// The label.
    let label: Label
    /// Names of the arrays, of the label too where it is one, in the order in which they were written; `nil` in the oldest files.
    let bandsOrder: [String]?

    /// Takes the metadata out of a pickle's dictionary; no code that the pickle names is run.
    ///
    /// - Throws: That it is not a dictionary.
    init(_ value: PlainValue) throws(FileComplaint) {
        guard case .map = value else {
            throw FileComplaint("its pickle holds \(described(value)); expected a dictionary")
        }
        switch value["label"] {
        // The name of an array leads to what is known about that array.
        case nil, .null, .map: label = .none
        case .array(let array):
            if array.shape.count < 2, let numbers = array.doubles() {
                label = array.shape.isEmpty ? .number(numbers.first ?? .nan) : .list(numbers)
            } else {
                label = .other("an array of the shape \(array.shape)")
            }
        case .list(let items):
            let numbers = items.compactMap(\.number)
            label = numbers.count == items.count ? .list(numbers) : .other("a list that is not all numbers")
        case .some(let other): label = other.number.map { .number($0) } ?? .other(described(other))
        }
        let names = value["bands_order"]?.items?.compactMap(\.string)
        bandsOrder = names?.count == value["bands_order"]?.items?.count ? names : nil
    }

    /// Takes the metadata out of a JSON object, which newer re-packs have instead of a pickle.
    ///
    /// - Throws: That it is not an object.
    init(_ value: JSONValue) throws(FileComplaint) {
        guard case .object(let entries) = value else { throw FileComplaint("its metadata is not a JSON object") }
        switch entries["label"] {
        case nil, .null, .object: label = .none
        case .array(let items):
            let numbers = items.compactMap(\.double)
            label = numbers.count == items.count ? .list(numbers) : .other("a list that is not all numbers")
        case .some(let other): label = other.double.map { .number($0) } ?? .other(other.text)
        }
        guard case .array(let items) = entries["bands_order"] else {
            bandsOrder = nil
            return
        }
        let names = items.compactMap { item -> String? in
            guard case .string(let name) = item else { return nil }
            return name
        }
        bandsOrder = names.count == items.count ? names : nil
    }
}

extension BenchmarksError {
    /// A sample that cannot be read.
    static func unreadable(_ what: String, _ place: String, _ complaint: FileComplaint) -> BenchmarksError {
        BenchmarksError(
            complaint.isTruncation ? .readFailed : .badForm, what, in: place, why: [complaint.text],
            try: "get the file again; it may be damaged")
    }
}
