// The classes of a whole map, on disk, for steps that need all of them before the map is written.
internal import Files
package import Geo
internal import Scenes
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// One byte for each pixel of a map's blocks, block after block, in a temporary file.
///
/// The file has no name. So the system frees its space when the object is gone or the process ends, even if it is killed.
package final class ClassPlane {
    /// The blocks, row by row.
    private let blocks: [PixelWindow]
    /// Where each begins in the file.
    private let offsets: [Int]
    private let numbers: [LatticeIndex: Int]
    private let side: Int
    private let descriptor: Int32
    /// The map, for messages.
    private let output: String
    /// Classes are stored with their bits flipped, so that bytes that were never written mean nodata.
    private static let flipped = Legend.nodataID
    /// The most rows that are read at a time; `nil` for about 4 MB.
    private let stripeHeight: Int?

    /// Makes room for the classes of a map.
    ///
    /// - Parameters:
    ///   - blocks: The map's blocks, row by row. All have the same side, except those at the right and bottom edges.
    ///   - side: The side of a block.
    ///   - output: The map. The temporary file is in its folder.
    ///   - stripeHeight: The most rows that are read at a time. The results do not depend on it.
    /// - Throws: `writeFailed`, `diskFull`.
    package init(
        blocks: [PixelWindow], side: Int, output: String, stripeHeight: Int? = nil
    ) throws(MappingError) {
        self.blocks = blocks
        self.side = side
        self.stripeHeight = stripeHeight
        self.output = output
        var offsets: [Int] = []
        var bytes = 0
        for block in blocks {
            offsets.append(bytes)
            bytes += block.width * block.height
        }
        self.offsets = offsets
        numbers = Dictionary(
            uniqueKeysWithValues: blocks.enumerated().map {
                (LatticeIndex(i: $0.element.column / side, j: $0.element.row / side), $0.offset)
            })
        // A process that is killed before the name is gone leaves a file that the next map knows and removes.
        let temporary = "\(parentFolder(output))/.\(fileName(output)).partial-\(getpid()).classes"
        unlink(temporary)
        let file = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .writing("cannot create a temporary file", output, errno) }
        unlink(temporary)
        guard ftruncate(file, bytes) == 0 else {
            let number = errno
            close(file)
            throw .writing("cannot make room for the map's classes", output, number)
        }
        descriptor = file
    }

    deinit { close(descriptor) }

    /// Writes a row of a block.
    ///
    /// - Parameter row: Row in the block.
    package func write(_ ids: [UInt8], block: PixelWindow, row: Int) throws(MappingError) {
        guard let number = numbers[LatticeIndex(i: block.column / side, j: block.row / side)] else { return }
        try put(ids.map { $0 ^ Self.flipped }, at: offsets[number] + row * block.width)
    }

    /// Changes the class of some pixels of a row.
    package func apply(_ change: ComponentSieve.Change) throws(MappingError) {
        var start = change.start
        while start < change.end {
            guard let number = numbers[LatticeIndex(i: start / side, j: change.row / side)] else { return }
            let block = blocks[number]
            let end = min(change.end, block.column + block.width)
            try put(
                [UInt8](repeating: change.id ^ Self.flipped, count: end - start),
                at: offsets[number] + (change.row - block.row) * block.width + start - block.column)
            start = end
        }
    }

    /// Calls a body with the runs of each row that has blocks, from the top.
    package func forEachRow(_ body: (_ row: Int, _ runs: [ClassRun]) throws -> Void) throws {
        var first = 0
        while first < blocks.count {
            var end = first
            while end < blocks.count, blocks[end].row == blocks[first].row { end += 1 }
            let band = Array(first..<end)
            let across = band.reduce(0) { $0 + blocks[$1].width }
            let height = stripeHeight ?? max(1, (1 << 22) / max(1, across))
            for top in stride(from: 0, to: blocks[first].height, by: height) {
                let rows = top..<min(top + height, blocks[first].height)
                let stripes = try band.map { try stored(block: $0, rows: rows) }
                for row in rows {
                    var runs: [ClassRun] = []
                    for (stripe, number) in zip(stripes, band) {
                        let width = blocks[number].width
                        stripe.withUnsafeBufferPointer { bytes in
                            let start = (row - top) * width
                            runs.add(
                                UnsafeBufferPointer(rebasing: bytes[start..<start + width]),
                                from: blocks[number].column, flipped: Self.flipped)
                        }
                    }
                    try body(blocks[first].row + row, runs)
                }
            }
            first = end
        }
    }

    /// Calls a body with the classes of all blocks, at most `height` rows at a time.
    ///
    /// - Parameter body: Receives a window of the map and its classes, `[row, column]`.
    package func forEachStripe(
        height: Int, _ body: (_ window: PixelWindow, _ ids: [UInt8]) throws -> Void
    ) throws {
        for (number, block) in blocks.enumerated() {
            for top in stride(from: 0, to: block.height, by: height) {
                let rows = top..<min(top + height, block.height)
                let window = PixelWindow(
                    column: block.column, row: block.row + top, width: block.width, height: rows.count)
                try body(window, try stored(block: number, rows: rows).map { $0 ^ Self.flipped })
            }
        }
    }

    private func put(_ bytes: [UInt8], at offset: Int) throws(MappingError) {
        let number = writeBytes(bytes, to: descriptor, at: offset)
        guard number == 0 else { throw .writing("cannot keep the map's classes", output, number) }
    }

    /// Rows of a block as they are stored.
    private func stored(block: Int, rows: Range<Int>) throws(MappingError) -> [UInt8] {
        let count = rows.count * blocks[block].width
        let offset = offsets[block] + rows.lowerBound * blocks[block].width
        let (bytes, failure) = readBytes(of: descriptor, at: offset, count: count)
        guard failure == 0 else { throw .reading("cannot read the map's classes back", output, failure) }
        return bytes
    }
}
