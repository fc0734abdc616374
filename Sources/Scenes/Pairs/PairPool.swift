// What many pairs share: files kept open, and the pieces read lately.
internal import Geo
internal import Raster
internal import Synchronization

/// Open files and pieces of all pairs of a list, within limits that do not grow with the list.
public final class PairPool: Sendable {
    private let state: Mutex<State>
    private let mostFiles: Int
    private let mostBytes: Int

    /// A piece of a pair.
    struct Key: Hashable, Sendable {
        let pair: Int
        let index: LatticeIndex
        /// Whether it is of image and truth, or of the truth alone.
        let hasImage: Bool

        /// The same place, however it was read.
        fileprivate var place: Place { Place(pair: pair, index: index) }
    }

    fileprivate struct Place: Hashable, Sendable {
        let pair: Int
        let index: LatticeIndex
    }

    /// A piece of image and target; `nil` where nothing is valid.
    struct Piece: Sendable {
        var image: PixelBuffer?
        var target: PixelBuffer?

        /// Pixels of the truth that do not count.
        var rejected = 0

        /// About how much memory it takes.
        fileprivate var bytes: Int {
            [image, target].compactMap(\.self).reduce(256) { sum, buffer in
                let pixels = buffer.height * buffer.width
                return sum + pixels * (buffer.bands * buffer.sampleType.byteCount + (buffer.validity == nil ? 0 : 1))
            }
        }
    }

    private struct State {
        /// Files that are not being read, the longest idle first.
        var idle: [(pair: Int, readers: PairReaders)] = []
        var pieces: [Key: (piece: Piece, used: Int)] = [:]
        var bytes = 0
        var clock = 0
        var pairs = 0
        /// Pixels with values that do not count, of all pieces that were ever read.
        var rejected: [Place: Int] = [:]
    }

    /// Makes an empty pool.
    ///
    /// - Parameters:
    ///   - megabytes: Memory for pieces read lately.
    ///   - openPairs: Number of pairs whose files are kept open.
    public init(megabytes: Int = 256, openPairs: Int = 32) {
        precondition(megabytes > 0 && openPairs > 0, "a pool of \(megabytes) MB and \(openPairs) open pairs")
        mostBytes = megabytes * 1_000_000
        mostFiles = openPairs
        state = Mutex(State())
    }

    /// Pixels of targets read so far whose value does not count.
    public var rejectedPixels: Int { state.withLock { $0.rejected.values.reduce(0, +) } }

    /// A number for a pair, which no other pair of this pool has or will have.
    func number() -> Int {
        state.withLock { state in
            state.pairs += 1
            return state.pairs
        }
    }

    /// A piece, if it was read lately; else files of its pair to read it with, if some are open.
    func take(_ key: Key) -> (piece: Piece?, readers: PairReaders?) {
        state.withLock { state in
            if let found = state.pieces[key] {
                state.clock += 1
                state.pieces[key]?.used = state.clock
                return (found.piece, nil)
            }
            guard let place = state.idle.lastIndex(where: { $0.pair == key.pair }) else { return (nil, nil) }
            return (nil, state.idle.remove(at: place).readers)
        }
    }

    /// Keeps a piece that was read, and the files that it was read with.
    func keep(_ piece: Piece, _ key: Key, _ readers: PairReaders) {
        // Files are closed outside of the lock.
        let closed = state.withLock { state -> [PairReaders] in
            state.idle.append((key.pair, readers))
            state.clock += 1
            if let old = state.pieces.updateValue((piece, state.clock), forKey: key) { state.bytes -= old.piece.bytes }
            state.bytes += piece.bytes
            if piece.rejected > 0 { state.rejected[key.place] = piece.rejected }
            while state.bytes > mostBytes, state.pieces.count > 1,
                let oldest = state.pieces.min(by: { $0.value.used < $1.value.used })
            {
                state.pieces[oldest.key] = nil
                state.bytes -= oldest.value.piece.bytes
            }
            let surplus = max(0, state.idle.count - mostFiles)
            defer { state.idle.removeFirst(surplus) }
            return state.idle.prefix(surplus).map(\.readers)
        }
        withExtendedLifetime(closed) {}
    }
}

/// The open files of a pair, for one thread at a time.
final class PairReaders: @unchecked Sendable {
    // Checked out of the pool under its lock, and back in again: never used by two threads at once.
    let mosaic: SceneMosaic
    let truth: TruthReader

    init(mosaic: MosaicPlan, truth: TruthPlan) throws {
        self.mosaic = SceneMosaic(mosaic)
        self.truth = try TruthReader(truth)
    }
}
