// The finished rows of one part of a map, on disk while the map is made.
internal import Files
internal import Geo
internal import Telemetry

/// Keeps the decided rows of a part, block by block, so that a later run can continue after the last of them.
///
/// What is kept are strips: the rows that a row of windows completes. A block may have many rows of windows, and a whole one
/// may be hours of work. To continue in the middle of a block, the windows that reach over the strip's lower edge are predicted
/// once more; all that a pixel of a later row is summed from is added again in the same order, so no bit changes.
///
/// The file is a sequence of records: length and CRC-32 of a payload, and the payload. The first names the part's inputs. A record that
/// is torn or damaged ends the log: it and what follows are computed again.
final class RowLog {
    /// Where the work continues.
    struct Position: Equatable {
        /// The index of the block.
        var block = 0
        /// Its first row that is not kept.
        var row = 0
        /// Windows that need not be predicted again, over all blocks.
        var windows = 0
    }

    /// What became of the rows that were found when the file was opened for more.
    enum Opening { case rowsKept, rowsDiscarded }

    /// A strip as it was found in the file.
    private struct Strip {
        let block: Int
        let firstRow: Int
        let rows: Int
        let windows: Int

        static let headerSize = 20

        init?(_ payload: [UInt8]) {
            guard payload.count >= Self.headerSize else { return nil }
            let numbers = payload.withUnsafeBytes { bytes -> ([Int], UInt64) in
                let words = (0..<3).map {
                    Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
                }
                return (words, UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt64.self)))
            }
            guard numbers.1 < 1 << 62 else { return nil }
            (block, firstRow, rows) = (numbers.0[0], numbers.0[1], numbers.0[2])
            windows = Int(numbers.1)
        }
    }

    private let path: String
    private let blocks: [PixelWindow]
    private let shape: RowShape
    /// What the first record says; `nil` for an empty log.
    private(set) var origin: String?
    /// Where the work continues after the rows that are kept.
    private(set) var position = Position()
    /// Bytes of the file that are sound.
    private var length = 0
    private var file: AppendedFile<MappingFailure>?
    /// The strip that is collected.
    private var strip: [UInt8] = []
    private var stripRows = 0
    private var lastSync = ContinuousClock.now

    private static let headerSize = 8

    /// Opens the log of a part, or none where there is no file yet.
    ///
    /// - Throws: `writeFailed` where a file is there and cannot be read.
    init(_ path: String, part: MapPlan.Part, shape: RowShape) throws(MappingError) {
        self.path = path
        blocks = part.blocks
        self.shape = shape
        guard fileExists(path) else { return }
        let found = try RangedFile<MappingFailure>(path)
        guard let first = try Self.payload(found, at: 0) else { return }
        origin = String(decoding: first, as: UTF8.self)
        length = Self.headerSize + first.count
        while let payload = try Self.payload(found, at: length), let strip = Strip(payload), follows(strip) {
            position = Position(block: strip.block, row: strip.firstRow + strip.rows, windows: strip.windows)
            length += Self.headerSize + payload.count
        }
    }

    /// Whether no row is kept.
    var isEmpty: Bool { position == Position() }

    /// Hands out the kept rows in the order in which they were added.
    ///
    /// - Parameter body: Receives a row, its block and its number there.
    /// - Throws: `writeFailed` where they cannot be read back, and what the body throws.
    func replay(
        progress: (_ windows: Int) throws -> Void,
        _ body: (_ row: MapRow, _ block: PixelWindow, _ number: Int) throws -> Void
    ) throws {
        guard !isEmpty else { return }
        let found = try RangedFile<MappingFailure>(path)
        var place = try Self.headerSize + (Self.payload(found, at: 0)?.count ?? 0)
        while place < length {
            guard let payload = try Self.payload(found, at: place), let strip = Strip(payload),
                strip.block < blocks.count
            else { throw damaged }
            let block = blocks[strip.block]
            var cursor = Strip.headerSize
            for number in 0..<strip.rows {
                guard let row = MapRow(payload, at: &cursor, shape: shape, width: block.width) else { throw damaged }
                try body(row, block, strip.firstRow + number)
            }
            try progress(strip.windows)
            place += Self.headerSize + payload.count
        }
    }

    /// Opens the file for more rows; what is not sound at its end is cut off.
    ///
    /// - Parameter origin: What the rows are computed from. Rows of another origin are discarded.
    func open(origin: String) throws(MappingError) -> Opening {
        var opening = Opening.rowsKept
        if self.origin != origin {
            // The scenes changed in places that their fingerprints do not see.
            if !isEmpty { opening = .rowsDiscarded }
            self.origin = nil
            position = Position()
            length = 0
        }
        if fileExists(path) {
            file = try AppendedFile(continuing: path, at: length)
        } else {
            file = try AppendedFile(creating: path)
            try Disk<MappingFailure>.syncFolder(parentFolder(path))
        }
        guard self.origin == nil else { return opening }
        self.origin = origin
        try write(Array(origin.utf8))
        return opening
    }

    /// Collects the next row of a block; it is kept once `commit` is called.
    func add(_ row: MapRow, block: PixelWindow) {
        row.append(to: &strip, shape: shape, width: block.width)
        stripRows += 1
    }

    /// Keeps the rows that were collected.
    ///
    /// - Parameters:
    ///   - block: The index of their block.
    ///   - end: The number of the row after the last one.
    ///   - windows: Windows that need not be predicted again if the work continues there.
    /// - Throws: `writeFailed`, `diskFull`.
    func commit(block: Int, upTo end: Int, windows: Int) throws(MappingError) {
        guard stripRows > 0 else { return }
        var payload: [UInt8] = []
        payload.reserveCapacity(Strip.headerSize + strip.count)
        for number in [block, end - stripRows, stripRows] { payload += littleEndian(UInt32(number)) }
        payload += littleEndian(UInt64(windows))
        payload += strip
        strip.removeAll(keepingCapacity: true)
        stripRows = 0
        try write(payload)
        position = Position(block: block, row: end, windows: windows)
        // A killed process loses nothing that the system has. A loss of power may cost the last second.
        if lastSync.duration(to: .now) > .seconds(1) { try sync() }
    }

    /// Waits until all rows are on the disk.
    func sync() throws(MappingError) {
        try file?.sync()
        lastSync = .now
    }

    /// Closes the file.
    func close() { file = nil }

    private func write(_ payload: [UInt8]) throws(MappingError) {
        try file?.append(littleEndian(UInt32(truncatingIfNeeded: payload.count)) + littleEndian(Self.checksum(payload)))
        try file?.append(payload)
        try file?.flush()
        length += Self.headerSize + payload.count
    }

    /// Whether a strip continues what was read so far.
    private func follows(_ strip: Strip) -> Bool {
        guard strip.block < blocks.count, strip.rows > 0, strip.windows >= position.windows,
            strip.firstRow + strip.rows <= blocks[strip.block].height
        else { return false }
        if strip.block == position.block { return strip.firstRow == position.row }
        // Blocks without a pixel of the area have no rows.
        let isComplete = isEmpty || position.row == blocks[position.block].height
        return isComplete && strip.block > position.block && strip.firstRow == 0
    }

    private var damaged: MappingError {
        MappingError(
            .writeFailed, "the kept rows cannot be read back", in: path, why: ["they changed while they were read"],
            try: "\(UserAction.resumeSameCommand); what is damaged is computed again")
    }

    /// The payload of the record at a place; `nil` at the end of the file and where the record is torn.
    private static func payload(_ file: RangedFile<MappingFailure>, at place: Int) throws(MappingError) -> [UInt8]? {
        guard place + headerSize <= file.length else { return nil }
        let header = try file.read(at: place, count: headerSize)
        let (count, checksum) = header.withUnsafeBytes { bytes in
            (
                Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))),
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            )
        }
        // No record is empty: zeros are what a loss of power leaves.
        guard count > 0, place + headerSize + count <= file.length else { return nil }
        let payload = try file.read(at: place + headerSize, count: count)
        return Self.checksum(payload) == checksum ? payload : nil
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum = CRC32()
        bytes.withUnsafeBytes { sum.update($0) }
        return sum.value
    }
}
