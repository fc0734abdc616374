// The small files of GEO-Bench: lists and numbers in JSON, and pickles. Read whole, up to a limit.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// Reads small files and says what is wrong with them.
enum GeoBenchFile {
    /// The most bytes of a file; the largest of the published ones has 25 MB.
    private static let byteLimit = 1 << 28

    /// All bytes of a file.
    ///
    /// - Throws: `BenchmarksError`: `notFound`; `badForm` for one that is too large; `readFailed`.
    static func bytes(_ path: String, limit: Int = byteLimit) throws(BenchmarksError) -> [UInt8] {
        guard let size = fileSize(path) else { throw BenchmarksError(.notFound, "no such file", in: path) }
        guard size <= limit else {
            throw BenchmarksError(
                .badForm, "the file has \(size) bytes; expected at most \(limit)", in: path, try: "get the file again")
        }
        return try Disk<BenchmarksFailure>.read(path)
    }

    /// The value of a file of JSON.
    ///
    /// - Parameter what: What the file holds, for errors.
    /// - Throws: `BenchmarksError`: `notFound`; `badForm` for one that does not hold that; `readFailed`.
    static func json<Value: Decodable>(
        _ type: Value.Type, _ path: String, holding what: String
    ) throws(BenchmarksError) -> Value {
        let bytes = try bytes(path)
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
            throw BenchmarksError(
                .badForm, "the file does not hold \(what)", in: path, why: causes(of: error),
                try: "get the file again; it may be damaged")
        }
    }

    /// The value of bytes of JSON; `nil` where they are none.
    static func json(_ bytes: [UInt8]) -> JSONValue? { try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) }
}
