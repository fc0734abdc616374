// metrics.jsonl: one JSON object per line, append-only, flushed; everything else is made from it.
internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#endif

/// An append-only log of JSON objects, one per line.
///
/// The first line describes the run. Values of the clock and of the machine belong under a key `timing`, so
/// that two runs can be compared without them. Not thread-safe: one owner writes.
public final class MetricsLog {
    private let path: String
    private var descriptor: Int32
    private let encoder: JSONEncoder

    /// Opens a log for appending; creates it if it does not exist.
    ///
    /// - Throws: `TelemetryError` when the file cannot be opened.
    public init(path: String) throws(TelemetryError) {
        self.path = path
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw TelemetryError(
                .writeFailed, "cannot open the metrics log", in: path, why: [String(cString: strerror(errno))],
                try: "check that the folder exists and is writable")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Appends one object as a line.
    ///
    /// The line is whole or absent, never interleaved.
    ///
    /// - Throws: `TelemetryError` when the value cannot be encoded or the file system refuses.
    public func append(_ value: some Encodable) throws(TelemetryError) {
        let line: Data
        do {
            line = try encoder.encode(value)
        } catch {
            throw TelemetryError(
                .writeFailed, "cannot encode a record of metrics", in: path, why: causes(of: error))
        }
        var bytes = [UInt8](line)
        bytes.append(UInt8(ascii: "\n"))
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                let reason = String(cString: strerror(errno))
                // The part that went in before the disk was full would spoil the next line.
                let end = lseek(descriptor, 0, SEEK_END)
                if written > 0, end >= written { ftruncate(descriptor, end - off_t(written)) }
                throw TelemetryError(
                    .writeFailed, "cannot write to the metrics log", in: path,
                    why: [reason], try: "free some space on the disk")
            }
            written += count
        }
    }

    /// Cuts a log after the last line to keep: a resumed run continues it as if it had never been interrupted.
    ///
    /// A last line without its newline (a run that was killed while writing) is dropped too.
    ///
    /// - Parameters:
    ///   - path: The log; nothing happens where it does not exist.
    ///   - keep: Says of a decoded line whether it stays; the first line to drop ends the log.
    /// - Throws: `TelemetryError` when the file cannot be read or cut.
    public static func cut<Line: Decodable>(
        path: String, as type: Line.Type, keepingWhile keep: (Line) -> Bool
    ) throws(TelemetryError) {
        guard access(path, F_OK) == 0 else { return }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TelemetryError(.readFailed, "cannot read the metrics log", in: path)
        }
        let decoder = JSONDecoder()
        var end = 0
        var start = data.startIndex
        while let newline = data[start...].firstIndex(of: UInt8(ascii: "\n")) {
            // A line of another form (the run's description) stays.
            if let line = try? decoder.decode(Line.self, from: data[start..<newline]), !keep(line) { break }
            start = data.index(after: newline)
            end = data.distance(from: data.startIndex, to: start)
        }
        guard truncate(path, off_t(end)) == 0 else {
            throw TelemetryError(
                .writeFailed, "cannot truncate the metrics log to \(end) bytes", in: path,
                why: [String(cString: strerror(errno))])
        }
    }
}
