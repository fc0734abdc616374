// Cutting one tile: what a reader thread does.
internal import Files
internal import Geo
internal import Raster
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// All that cutting needs to know; shared by the threads.
struct TileJob: Sendable {
    var marker: CorpusMarker
    /// Where the scenes are now; the marker keeps where they were first.
    var paths: [String]
    var plan: TilePlan
    var aoi: AreaOfInterest?
}

/// One place of the plan.
struct TilePlace: Sendable {
    var part: Int
    var place: Int
}

/// What became of a place.
enum CutOutcome: Sendable {
    /// The centre is outside the area of interest.
    case outside
    /// This share of the pixels is valid: too little.
    case tooFewValid(Double)
    /// A tile, encoded; its record lacks only its number.
    case tile(TileRecord, pixels: [UInt8])
}

/// Cuts tiles, one thread's worth.
final class TileCutter {
    private let job: TileJob
    private let rule: SplitRule
    private var open: OpenScene?

    /// What is kept while tiles of one scene are cut.
    private struct OpenScene {
        var scene: CorpusScene
        var reader: RasterReader
        var aoi: AreaOfInterest?
        var toDegrees: CoordinateTransformer
    }

    init(_ job: TileJob) {
        self.job = job
        rule = SplitRule(job.marker.profile.splits)
    }

    func cut(_ place: TilePlace) throws -> CutOutcome {
        let open = try scene(place.part)
        let window = job.plan.window(part: place.part, place: place.place)
        let grid = open.scene.lattice.grid(of: window)
        guard try isInside(grid, open.aoi) else { return .outside }
        let bands = open.scene.bandNumbers
        let isEmpty =
            open.scene.isExact
            ? open.reader.isEmpty(window, bands: bands) : open.reader.isEmpty(under: grid, bands: bands)
        guard !isEmpty else { return .tooFewValid(0) }
        var buffer =
            open.scene.isExact
            ? try open.reader.read(window, bands: bands)
            : try open.reader.read(onto: grid, bands: bands, resampling: open.scene.resampling)
        let valid = buffer.validFraction
        guard valid > 0, valid >= job.marker.profile.minValidFraction else { return .tooFewValid(valid) }
        if job.marker.profile.pixels == .stretched { buffer = stretched(buffer, by: open.scene.stretch) }
        buffer.grid = grid
        if buffer.validity?.contains(false) == false { buffer.validity = nil }
        let pixels = try encodeTile(buffer, format: format(buffer, open.scene))
        return .tile(try describe(buffer, pixels, place, window, open), pixels: pixels)
    }

    private func scene(_ part: Int) throws -> OpenScene {
        if let open, open.scene.index == part { return open }
        open = nil
        let scene = job.marker.scenes[part]
        guard let crs = scene.lattice.crs else {
            throw CorpusError(.badScene, "the scene has no CRS", in: scene.path)
        }
        let made = OpenScene(
            scene: scene, reader: try RasterReader(path: job.paths[part]),
            aoi: try job.aoi?.near(scene.places).transformed(to: crs),
            toDegrees: try CoordinateTransformer(from: crs, to: .wgs84))
        open = made
        return made
    }

    /// Whether a tile's centre is in the area of interest: the one pixel around it is asked.
    private func isInside(_ grid: Grid, _ aoi: AreaOfInterest?) throws -> Bool {
        guard let aoi else { return true }
        let centre = grid.transform.point(column: Double(grid.width) / 2, row: Double(grid.height) / 2)
        let side = abs(grid.transform.determinant).squareRoot()
        let pixel = Grid(
            crs: grid.crs,
            transform: GeoTransform(originX: centre.x - side / 2, originY: centre.y + side / 2, pixelSize: side),
            width: 1, height: 1)
        return try aoi.mask(on: pixel)[0]
    }

    private func format(_ buffer: PixelBuffer, _ scene: CorpusScene) -> RasterFormat {
        let codec: RasterFormat.Compression =
            switch job.marker.profile.codec {
            case .deflate: .deflate
            case .zstd: .zstd
            case .none: .none
            }
        return RasterFormat(
            sampleType: buffer.sampleType, bands: job.marker.layout.bands, compression: codec, overviews: .none)
    }

    private func describe(
        _ buffer: PixelBuffer, _ pixels: [UInt8], _ place: TilePlace, _ window: PixelWindow, _ open: OpenScene
    ) throws -> TileRecord {
        let grid = open.scene.lattice.grid(of: window)
        let ring = try outline(grid, open)
        let (points, west, east) = Antimeridian.unrolled(ring)
        let south = points.map(\.y).min() ?? 0
        let north = points.map(\.y).max() ?? 0
        let split = rule.split(rule.ground.blocks(west: west, east: east, south: south, north: north))
        let block = rule.ground.block(longitude: (west + east) / 2, latitude: (south + north) / 2)
        let statistics = Self.statistics(buffer)
        return TileRecord(
            id: 0, key: "", scene: open.scene.index, scenePath: Redaction.address(open.scene.path),
            candidate: place.place, window: window, crs: grid.crs?.definition ?? "",
            transform: grid.transform.coefficients, gsd: open.scene.tileGSD,
            validFraction: buffer.validFraction, statistics: statistics, acquired: open.scene.acquired,
            flags: statistics.allSatisfy { $0.minimum == $0.maximum } ? ["constant"] : [], block: block.name,
            split: split, weight: 1, subsets: split.bit, footprint: Footprint.parts(ring), bytes: pixels.count,
            sha256: SHA256.hex(of: pixels))
    }

    /// The tile's outline in degrees; long edges get points between, since straight edges bend.
    private func outline(_ grid: Grid, _ open: OpenScene) throws -> [(x: Double, y: Double)] {
        let metres = Double(max(grid.width, grid.height)) * open.scene.tileGSD
        let steps = metres > 10_000 ? 8 : 1
        let width = Double(grid.width)
        let height = Double(grid.height)
        let corners = [(0.0, 0.0), (0.0, height), (width, height), (width, 0.0), (0.0, 0.0)]
        var points: [(x: Double, y: Double)] = []
        for (from, to) in zip(corners, corners.dropFirst()) {
            for step in 0..<steps {
                let share = Double(step) / Double(steps)
                points.append(
                    grid.transform.point(
                        column: from.0 + share * (to.0 - from.0), row: from.1 + share * (to.1 - from.1)))
            }
        }
        let degrees = open.toDegrees.transform(points).compactMap { $0 }
        guard degrees.count == points.count else {
            throw CorpusError(.badScene, "a tile at \(points[0]) has no place on Earth", in: open.scene.path)
        }
        return degrees
    }

    /// Mean, deviation and range of each band over valid pixels.
    static func statistics(_ buffer: PixelBuffer) -> [BandStatistics] {
        switch buffer.samples {
        case .uint8(let samples): statistics(samples, buffer)
        case .uint16(let samples): statistics(samples, buffer)
        case .int16(let samples): statistics(samples, buffer)
        case .float32(let samples):
            (0..<buffer.bands).map { band in
                let count = buffer.height * buffer.width
                let values = (0..<count).filter { buffer.validity?[$0] ?? true }
                    .map { Double(samples[band * count + $0]) }
                let mean = values.reduce(0, +) / Double(max(1, values.count))
                let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count))
                return BandStatistics(
                    mean: mean, deviation: variance.squareRoot(), minimum: values.min() ?? 0, maximum: values.max() ?? 0
                )
            }
        }
    }

    /// The same over integers, whose sums are exact.
    private static func statistics<S: FixedWidthInteger>(_ samples: [S], _ buffer: PixelBuffer) -> [BandStatistics] {
        let count = buffer.height * buffer.width
        return (0..<buffer.bands).map { band in
            var sum = 0
            var squares = 0
            var number = 0
            var low = Int.max
            var high = Int.min
            samples[band * count..<(band + 1) * count].withUnsafeBufferPointer { values in
                for index in 0..<count where buffer.validity?[index] ?? true {
                    let value = Int(values[index])
                    sum += value
                    squares += value * value
                    number += 1
                    low = min(low, value)
                    high = max(high, value)
                }
            }
            guard number > 0 else { return BandStatistics(mean: 0, deviation: 0, minimum: 0, maximum: 0) }
            let mean = Double(sum) / Double(number)
            let variance = max(0, Double(squares) / Double(number) - mean * mean)
            return BandStatistics(
                mean: mean, deviation: variance.squareRoot(), minimum: Double(low), maximum: Double(high))
        }
    }
}
