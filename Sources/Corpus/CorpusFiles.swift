// Files of a corpus, with errors of this module.
internal import Files
internal import Foundation
internal import Telemetry

/// Operations on the files of a corpus.
typealias Disk = Files.Disk<CorpusFailure>
/// A file that grows at its end.
typealias OutputFile = AppendedFile<CorpusFailure>
/// A file of which ranges are read.
typealias InputFile = RangedFile<CorpusFailure>
/// One writer per corpus.
typealias CorpusLock = FolderLock<CorpusFailure>

extension FolderLock<CorpusFailure> {
    /// Takes the lock of a corpus.
    convenience init(corpus folder: String) throws(CorpusError) {
        try self.init(folder: folder, name: Self.lockName, what: "corpus", isRemoved: true)
    }

    /// Refuses a corpus that a process is writing to.
    static func refuseHeld(corpus folder: String) throws(CorpusError) {
        try refuseHeld(folder: folder, name: lockName, what: "corpus")
    }

    private static var lockName: String { "LOCK" }
}

/// JSON with sorted keys: equal values, equal bytes.
///
/// - Parameter snake: Whether camelCase names become snake_case; not for values that spell their keys themselves.
func encodeJSON(_ value: some Encodable, pretty: Bool = false, snake: Bool = false) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    if snake { encoder.keyEncodingStrategy = .convertToSnakeCase }
    return Array(try encoder.encode(value))
}

/// The counterpart of `encodeJSON`.
func decodeJSON<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8], snake: Bool = false) throws -> Value {
    let decoder = JSONDecoder()
    if snake { decoder.keyDecodingStrategy = .convertFromSnakeCase }
    return try decoder.decode(type, from: Data(bytes))
}
