// Decides the classes of a map's pixels, and writes them with the other outputs.
internal import Geo
internal import Raster
internal import Telemetry

/// Writes a map of classes: block by block, or after the last block if the sieve or the polygons need all classes first.
final class ClassSink: PartSink {
    /// The files of a part.
    struct Files {
        let map: RasterWriter
        let probabilities: RasterWriter?
        let confidence: RasterWriter?
        let polygons: PolygonFeed?
    }

    private let map: RasterWriter
    private let polygons: PolygonFeed?
    /// The class number of each blended band.
    private let ids: [UInt8]
    private let rejectBelow: Float?
    /// The number of pixels of the smallest component that keeps its class.
    private let smallest: Int
    private var stage: ByteStage
    private var probabilities: ByteStage?
    private var confidence: ByteStage?
    /// The classes until all of them are known; `nil` if they are written at once.
    private let plane: ClassPlane?
    private var tally: ClassTally
    private var areaPixels = 0

    /// Makes a sink.
    ///
    /// - Parameters:
    ///   - part: The part of the map.
    ///   - writing: What is written, which is a product of classes.
    init(_ files: Files, part: MapPlan.Part, writing: WrittenProduct) throws {
        map = files.map
        polygons = files.polygons
        ids = writing.legend?.classes.map(\.id) ?? []
        rejectBelow = writing.outputs.rejectBelow.map { Float($0) }
        smallest = part.smallestPixels ?? 1
        stage = ByteStage(files.map)
        probabilities = files.probabilities.map(ByteStage.init)
        confidence = files.confidence.map(ByteStage.init)
        plane =
            writing.needsAllClasses
            ? try ClassPlane(blocks: part.blocks, side: part.blockSide, output: part.output) : nil
        tally = ClassTally(classes: writing.classes, width: part.grid.width, height: part.grid.height)
    }

    func decided(block: PixelWindow, row: Int, sums: [Double], covered: [Bool], mask: [Bool]?) -> MapRow {
        let width = block.width
        // The planes of `WrittenProduct.rowShape`.
        let sharesStart = (confidence == nil ? 1 : 2) * width
        let size = sharesStart + (probabilities == nil ? 0 : ids.count * width)
        var decided = MapRow(bytes: [UInt8](repeating: Legend.nodataID, count: size))
        for column in 0..<width where mask?[row * width + column] ?? true {
            decided.areaPixels += 1
            guard covered[column] else { continue }
            let best = largestBand(sums, column: column, width: width)
            let most = sums[best * width + column]
            // In float32, because the sum of the weights may differ from 1 by rounding.
            decided.bytes[column] = rejectBelow.map { Float(most) < $0 } ?? false ? Legend.unsureID : ids[best]
            if confidence != nil { decided.bytes[width + column] = Self.byte(most) }
            guard probabilities != nil else { continue }
            for band in ids.indices {
                decided.bytes[sharesStart + band * width + column] = Self.byte(sums[band * width + column])
            }
        }
        return decided
    }

    func store(_ row: MapRow, block: PixelWindow, number: Int) throws {
        let width = block.width
        areaPixels += row.areaPixels
        let classes = Array(row.bytes[..<width])
        let hasValues = classes.contains { $0 != Legend.nodataID }
        var rest = row.bytes[width...]
        if confidence != nil {
            try confidence?.add(Array(rest.prefix(width)), hasValues: hasValues, block: block, row: number)
            rest = rest.dropFirst(width)
        }
        try probabilities?.add(Array(rest), hasValues: hasValues, block: block, row: number)
        if let plane {
            if hasValues { try plane.write(classes, block: block, row: number) }
        } else {
            try stage.add(classes, hasValues: hasValues, block: block, row: number)
            tally.add(classes, column: block.column, row: block.row + number)
        }
    }

    func complete(_ progress: ProgressHandler) throws {
        guard let plane else { return }
        if smallest > 1 { try sieve(plane, progress) }
        var rows = 0
        try plane.forEachStripe(height: map.format.blockSize) { window, ids in
            try goOn(Progress(unit: "rows written", done: rows, total: nil), progress)
            rows += window.height
            guard ids.contains(where: { $0 != Legend.nodataID }) else { return }
            for row in 0..<window.height {
                tally.add(
                    ids[row * window.width..<(row + 1) * window.width], column: window.column, row: window.row + row)
            }
            try map.write(
                PixelBuffer(bands: 1, height: window.height, width: window.width, samples: .uint8(ids)),
                column: window.column, row: window.row)
        }
        if let polygons { try trace(plane, into: polygons, progress) }
    }

    /// Gives small components the class of their surroundings.
    private func sieve(_ plane: ClassPlane, _ progress: ProgressHandler) throws {
        var sieve = ComponentSieve(smallest: smallest)
        try plane.forEachRow { row, runs in
            if row % 64 == 0 {
                try goOn(Progress(unit: "rows sieved", done: row, total: map.grid.height), progress)
            }
            // All changes are in rows that were read already.
            try sieve.add(row: row, runs: runs) { try plane.apply($0) }
        }
        try sieve.finish { try plane.apply($0) }
    }

    private func trace(_ plane: ClassPlane, into polygons: PolygonFeed, _ progress: ProgressHandler) throws {
        var tracer = PolygonTracer()
        try plane.forEachRow { row, runs in
            if row % 64 == 0 {
                try goOn(Progress(unit: "rows traced", done: row, total: map.grid.height), progress)
            }
            try tracer.add(row: row, runs: runs) { try polygons.add($0) }
        }
        try tracer.finish { try polygons.add($0) }
    }

    private func goOn(_ event: Progress, _ progress: ProgressHandler) throws {
        guard progress(event) else {
            throw stoppedMap(in: map.path)
        }
    }

    /// The blended band with the largest value at a pixel, the first of equal ones.
    private func largestBand(_ sums: [Double], column: Int, width: Int) -> Int {
        var best = 0
        for band in 1..<max(1, ids.count) where sums[band * width + column] > sums[best * width + column] {
            best = band
        }
        return best
    }

    /// A probability in 8 bits, clamped because a blended one may be outside of 0 to 1 by rounding.
    private static func byte(_ probability: Double) -> UInt8 {
        let scale = WrittenProduct.probabilityScale
        return UInt8(max(0, min(scale, (scale * probability).rounded())))
    }

    var statistics: MapStatistics { tally.statistics(areaPixels: areaPixels) }

    var preview: MapPreview { tally.preview }
}
