// Scores on disk: a CSV file that grows and is whole at every moment, also with several writers.
internal import Files
internal import FoundationEssentials
public import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// A table of scores as a CSV file.
///
/// It begins with the columns of torchgeo-bench, in that tool's order, so that what reads its tables reads ours; what geodino knows beyond
/// them follows. Columns of a file that geodino does not know are kept. The file is rewritten under a temporary name, synced and renamed at
/// each addition, under a lock, so that it is whole whenever the process ends, and that several processes may add to it.
public struct ResultTable: Sendable {
    /// Where it is.
    public let path: String
    /// The longest that an addition waits for other processes, seconds.
    private let patience: Double

    /// Names a table; nothing is read.
    ///
    /// A link stands for the file that it leads to, so that this file grows and its writers share one lock.
    public init(path: String, patience: Double = 60) {
        self.path = URL(filePath: path).resolvingSymlinksInPath().relativePath
        self.patience = patience
    }

    /// The rows, in the order in which they were added; empty if the file does not exist.
    ///
    /// - Throws: `BenchmarksError`: `badTable` for what is not such a table, `readFailed`.
    public func rows() throws(BenchmarksError) -> [ResultRow] {
        let content = try TableContent(path)
        return try content.lines.enumerated().map { index, cells throws(BenchmarksError) in
            let values = Dictionary(zip(content.columns, cells), uniquingKeysWith: { first, _ in first })
            guard let row = ResultRow(cells: values) else {
                throw BenchmarksError(
                    .badTable, "row \(index + 1) of the table is not a score of geodino", in: path,
                    why: [CSVLine.text(cells)], try: "write to another file")
            }
            return row
        }
    }

    /// Adds rows, at once or not at all; those whose identity the table has already are left out.
    ///
    /// - Parameter isCancelled: Asked while another process holds the table.
    /// - Returns: The rows that were added.
    /// - Throws: `BenchmarksError`: `badTable`, `locked` after a minute of waiting, `cancelled`, `readFailed`, `writeFailed`, `diskFull`.
    @discardableResult
    public func add(
        _ rows: [ResultRow], isCancelled: () -> Bool = { false }
    ) throws(BenchmarksError) -> [ResultRow] {
        let lock = try locked(isCancelled)
        defer { withExtendedLifetime(lock) {} }
        var content = try TableContent(path)
        var known = Set(try self.rows().map(\.identity))
        let new = rows.filter { known.insert($0.identity).inserted }
        guard !new.isEmpty else { return [] }
        content.add(new.map(\.cells))
        try Disk<BenchmarksFailure>.write(content.text, to: path, temporary: Disk<BenchmarksFailure>.ofProcess)
        return new
    }

    /// Takes the table's lock, and waits for it where another process has it.
    private func locked(_ isCancelled: () -> Bool) throws(BenchmarksError) -> FolderLock<BenchmarksFailure> {
        let name = ".\(path.split(separator: "/").last ?? "results").lock"
        let folder = parentFolder(path)
        let start = ContinuousClock.now
        while true {
            do throws(BenchmarksError) {
                return try FolderLock(folder: folder, name: name, what: "table", isRemoved: true)
            } catch {
                guard error.code == .locked, start.duration(to: .now) < .seconds(patience) else { throw error }
                if isCancelled() {
                    throw BenchmarksError(.cancelled, "interrupted before the table was free", in: path)
                }
                usleep(20_000)
            }
        }
    }
}

/// The lines of a table, by column.
private struct TableContent {
    private(set) var columns: [String]
    private(set) var lines: [[String]] = []

    /// Reads a file; where there is none, a table without rows.
    init(_ path: String) throws(BenchmarksError) {
        columns = ResultRow.columns
        guard fileExists(path) else { return }
        let bytes = try Disk<BenchmarksFailure>.read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BenchmarksError(.badTable, "the table is not UTF-8 text", in: path, try: "write to another file")
        }
        // Spreadsheets put a byte-order mark first.
        let rows = (text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]).split(whereSeparator: \.isNewline)
        guard let header = rows.first else { return }
        let names = CSVLine.cells(of: header) ?? []
        guard names.contains("dataset"), names.contains("metric_value"), Set(names).count == names.count else {
            throw BenchmarksError(
                .badTable, "the file is not a table of scores", in: path,
                why: [
                    "expected a header with the columns dataset, metric_value and so on; found '\(header.prefix(80))'"
                ],
                try: "write to another file")
        }
        columns = names
        for (index, row) in rows.dropFirst().enumerated() {
            guard let cells = CSVLine.cells(of: row), cells.count == names.count else {
                throw BenchmarksError(
                    .badTable, "row \(index + 1) of the table does not have \(names.count) cells", in: path,
                    why: [String(row.prefix(120))], try: "fix or delete the row, or write to another file")
            }
            lines.append(cells)
        }
    }

    /// Adds rows by name; columns that are not there yet come last, and are empty in the rows before.
    mutating func add(_ rows: [[String: String]]) {
        let missing = ResultRow.columns.filter { !columns.contains($0) }
        columns += missing
        for index in lines.indices { lines[index] += [String](repeating: "", count: missing.count) }
        lines += rows.map { row in columns.map { row[$0] ?? "" } }
    }

    /// The file's text.
    var text: String { ([columns] + lines).map { CSVLine.text($0) + "\n" }.joined() }
}
