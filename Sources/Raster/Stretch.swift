// 8 bits from more: parameters from a fixed part of the whole scene, then one linear map per band.
public import Geo
public import Telemetry

/// What becomes 0 and what becomes 255, one pair per band that was asked for.
public struct StretchParameters: Codable, Sendable, Hashable {
    /// The value of each band that becomes 0.
    public var low: [Double]
    /// The value of each band that becomes 255.
    public var high: [Double]

    /// Makes parameters; one low and one high value per band.
    public init(low: [Double], high: [Double]) {
        precondition(low.count == high.count, "\(low.count) low values, but \(high.count) high ones")
        self.low = low
        self.high = high
    }
}

extension RasterReader {
    /// The parameters that a rule gives for this scene.
    ///
    /// Percentiles come from at most 64 blocks of 256 x 256 pixels at full resolution, always the same ones,
    /// spread evenly over the whole scene; where none of these holds a valid pixel, from the first ones of the scene.
    /// They do not depend on any tile or area. Between ranks they are linear.
    ///
    /// - Parameters:
    ///   - rule: `none` needs `uint8` values and gives no parameters.
    ///   - bands: Numbers from 1.
    ///   - progress: Told of rows searched where valid pixels are hard to find; `false` stops with `cancelled`.
    /// - Returns: One pair per band; `nil` for `none`.
    /// - Throws: `badRange` where the rule does not suit the values, `noPixels` where none is valid; `readFailed`.
    public func stretchParameters(
        _ rule: StretchRule, bands: [Int], progress: ProgressHandler = { _ in true }
    ) throws(RasterError) -> StretchParameters? {
        try source.check(bands)
        switch rule {
        case .none:
            for number in bands {
                guard let band = self.bands.first(where: { $0.index == number }), band.sampleType != .uint8 else {
                    continue
                }
                throw RasterError(
                    .badRange, "band \(number) holds \(band.storedType) values, but 'none' takes only 8-bit values",
                    in: path, try: "\(Setting.stretch) percentile:2,98, or fixed:LOW,HIGH such as fixed:0,3000")
            }
            return nil
        case .fixed(let low, let high):
            guard low.isFinite, high.isFinite, low < high else {
                throw RasterError(.badRange, "a fixed stretch from \(low) to \(high) is impossible", in: path)
            }
            // The numbers of the rule are those of a scene without an offset (as before Sentinel-2's baseline 04.00, whose later
            // scenes hold 1000 more for the same ground).
            let chosen = self.bands.numbered(bands)
            let offsets = chosen.map { $0.offset / $0.scale }
            if let wrong = zip(chosen, offsets).first(where: { !$1.isFinite || abs($1) >= 1e12 })?.0 {
                throw RasterError(
                    .badRange,
                    "the scale and offset of band \(wrong.index) are impossible: value x \(wrong.scale) + \(wrong.offset)",
                    in: path,
                    try:
                        "set correct ones, or remove them: gdal_translate -a_scale 1 -a_offset 0 \(dataset.quotedName) plain.tif"
                )
            }
            return StretchParameters(low: offsets.map { low - $0 }, high: offsets.map { high - $0 })
        case .percentile(let low, let high):
            guard low >= 0, low < high, high <= 100 else {
                throw RasterError(
                    .badRange, "percentiles from \(low) to \(high) are impossible; expected 0 to 100", in: path)
            }
            var parameters = StretchParameters(low: [], high: [])
            // Band by band: the work needs little memory, however many bands there are.
            for band in bands {
                var counts = ValueCounts()
                for window in sampleWindows(side: 256, perAxis: 8) { counts.add(try read(window, bands: [band])) }
                // A sliver of data in a large empty frame: from the top down, as many values as the places would give.
                if counts.isEmpty {
                    for window in strips where counts.count < 64 * 256 * 256 {
                        guard progress(Progress(unit: "rows searched", done: window.row, total: grid.height))
                        else { throw RasterError(.cancelled, "stopped while searching for valid pixels", in: path) }
                        if isEmpty(window, bands: [band]) { continue }
                        counts.add(try read(window, bands: [band]))
                    }
                }
                guard let bottom = counts.percentile(low), let top = counts.percentile(high) else {
                    throw RasterError(
                        .noPixels, "no valid pixel was found in band \(band), so percentiles cannot be computed",
                        in: path,
                        try:
                            "check its nodata value and mask with gdalinfo -stats \(dataset.quotedName), or choose fixed:LOW,HIGH"
                    )
                }
                parameters.low.append(bottom)
                parameters.high.append(top)
            }
            return parameters
        }
    }

    /// What a person should know about a fixed stretch of this raster: an offset that is taken out, and values that nearly all become
    /// black or white.
    ///
    /// Reads what percentiles read.
    /// - Throws: `readFailed`, `cancelled`.
    public func fixedStretchNotes(
        low: Double, high: Double, bands: [Int], progress: ProgressHandler = { _ in true }
    ) throws(RasterError) -> [String] {
        let chosen = self.bands.numbered(bands)
        guard chosen.contains(where: { $0.sampleType != .uint8 }),
            let range = try stretchParameters(.fixed(low: low, high: high), bands: bands)
        else { return [] }
        var notes: [String] = []
        if let band = chosen.first(where: { $0.offset != 0 }) {
            notes.append(
                "\(path): its offset of \(band.offset) is removed, so stored values from \(range.low[0]) to \(range.high[0]) become 0 to 255"
            )
        }
        if let sense = try outOfRange(range, bands: bands, progress: progress) {
            notes.append(
                "\(path): nearly all of its values are between \(sense.least) and \(sense.most) and become \(sense.isDark ? "black" : "white")"
            )
        }
        return notes
    }

    /// Whether nearly all values lie on one side of a fixed range; `nil` where they do not, or none is valid.
    package func outOfRange(
        _ range: StretchParameters, bands: [Int], progress: ProgressHandler = { _ in true }
    ) throws(RasterError) -> (isDark: Bool, least: Double, most: Double)? {
        let found: StretchParameters
        do throws(RasterError) {
            guard let values = try stretchParameters(.percentile(low: 2, high: 98), bands: bands, progress: progress)
            else { return nil }
            found = values
        } catch {
            guard error.code == .noPixels else { throw error }
            return nil
        }
        let dark = zip(found.high, zip(range.low, range.high)).allSatisfy { $0 < $1.0 + ($1.1 - $1.0) * 0.02 }
        let bright = zip(found.low, range.high).allSatisfy { $0 >= $1 }
        guard dark || bright else { return nil }
        return (dark, found.low.min() ?? 0, found.high.max() ?? 0)
    }

    /// Whether any pixel of the raster is valid in any of some bands; reads no more than it needs.
    package func hasValidPixels(bands: [Int]) throws(RasterError) -> Bool {
        // One by one: read together, a pixel may be valid only where it is in all of them.
        for band in bands {
            for window in strips where !isEmpty(window, bands: [band]) {
                if try read(window, bands: [band]).validFraction > 0 { return true }
            }
        }
        return false
    }

    /// The raster from the top down, in pieces of 4 million pixels at most.
    private var strips: some Sequence<PixelWindow> {
        let width = min(grid.width, 1 << 14)
        return stride(from: 0, to: grid.height, by: 256).lazy.flatMap { [grid] row in
            stride(from: 0, to: grid.width, by: width).lazy.map { column in
                PixelWindow(
                    column: column, row: row, width: min(width, grid.width - column),
                    height: min(256, grid.height - row))
            }
        }
    }

    /// Windows spread evenly over the whole raster, or tiling it where it is small.
    package func sampleWindows(side: Int, perAxis: Int) -> [PixelWindow] {
        func starts(_ length: Int) -> [(start: Int, length: Int)] {
            if length <= side * perAxis {
                return stride(from: 0, to: length, by: side).map { ($0, min(side, length - $0)) }
            }
            return (0..<perAxis).map { ((length - side) * $0 / (perAxis - 1), side) }
        }
        let columns = starts(grid.width)
        return starts(grid.height).flatMap { row in
            columns.map {
                PixelWindow(column: $0.start, row: row.start, width: $0.length, height: row.length)
            }
        }
    }
}

/// How often values occur: counted for integers, collected for floating point.
struct ValueCounts {
    private var counts: [Int] = []
    /// What the first count stands for.
    private var first = 0
    private var values: [Float] = []

    var count: Int { values.count + counts.reduce(0, +) }
    var isEmpty: Bool { count == 0 }

    mutating func add(_ buffer: PixelBuffer) {
        switch buffer.samples {
        case .uint8(let samples): count(samples, buffer.validity, range: 256, from: 0)
        case .uint16(let samples): count(samples, buffer.validity, range: 65536, from: 0)
        case .int16(let samples): count(samples, buffer.validity, range: 65536, from: -32768)
        case .float32(let samples):
            for (i, value) in samples.enumerated() where buffer.validity?[i] ?? true { values.append(value) }
        }
    }

    private mutating func count<S: FixedWidthInteger>(
        _ samples: [S], _ validity: [Bool]?, range: Int, from first: Int
    ) {
        if counts.isEmpty {
            counts = [Int](repeating: 0, count: range)
            self.first = first
        }
        for (i, value) in samples.enumerated() where validity?[i] ?? true { counts[Int(value) - first] += 1 }
    }

    /// The value below which a share (0 to 100) of all values lies, linear between ranks; `nil` without values.
    mutating func percentile(_ share: Double) -> Double? {
        if !values.isEmpty {
            values.sort()
            let (lower, part) = rank(share, of: values.count)
            let upper = min(lower + 1, values.count - 1)
            return Double(values[lower]) + (Double(values[upper]) - Double(values[lower])) * part
        }
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        let (lower, part) = rank(share, of: total)
        let below = value(atRank: lower)
        let above = value(atRank: min(lower + 1, total - 1))
        return below + (above - below) * part
    }

    private func rank(_ share: Double, of total: Int) -> (whole: Int, part: Double) {
        let rank = share / 100 * Double(total - 1)
        let whole = min(total - 1, max(0, Int(rank)))
        return (whole, rank - Double(whole))
    }

    private func value(atRank rank: Int) -> Double {
        var seen = 0
        for (i, count) in counts.enumerated() {
            seen += count
            if seen > rank { return Double(first + i) }
        }
        return Double(first + counts.count - 1)
    }
}

/// Maps values to 8 bits: `low` becomes 0, `high` becomes 255, linear between and clamped outside.
///
/// - Parameters:
///   - buffer: Any sample type; one band per parameter pair.
///   - parameters: What `stretchParameters` gave; `nil` leaves `uint8` values as they are.
/// - Returns: `uint8` pixels; invalid ones are 0. A band whose low and high are equal gives 0 up to that value,
///   255 above.
public func stretched(_ buffer: PixelBuffer, by parameters: StretchParameters?) -> PixelBuffer {
    let count = buffer.height * buffer.width
    guard let parameters else {
        guard case .uint8(var samples) = buffer.samples else {
            preconditionFailure("only uint8 values need no stretch, got \(buffer.sampleType.rawValue)")
        }
        if let validity = buffer.validity {
            for plane in 0..<buffer.bands {
                for i in 0..<count where !validity[i] { samples[plane * count + i] = 0 }
            }
        }
        return PixelBuffer(
            bands: buffer.bands, height: buffer.height, width: buffer.width, samples: .uint8(samples),
            validity: buffer.validity, grid: buffer.grid)
    }
    precondition(
        parameters.low.count == buffer.bands && parameters.high.count == buffer.bands,
        "\(buffer.bands) bands need as many stretch parameters, got \(parameters.low.count)")
    /// One band's values; `S` is what it holds.
    func map<S: Sample>(_ samples: [S], lowest: Int, count values: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: samples.count)
        for plane in 0..<buffer.bands {
            let low = parameters.low[plane]
            let range = parameters.high[plane] - low
            func level(_ value: Double) -> UInt8 {
                range > 0 ? UInt8(rounding: (value - low) / range * 255) : (value > low ? 255 : 0)
            }
            // Integers have few values: each is computed once.
            let table = values <= count ? (0..<values).map { level(Double(lowest + $0)) } : []
            for i in plane * count..<(plane + 1) * count {
                let value = samples[i].double
                result[i] = table.isEmpty ? level(value) : table[Int(value) - lowest]
            }
            if let validity = buffer.validity {
                for i in 0..<count where !validity[i] { result[plane * count + i] = 0 }
            }
        }
        return result
    }
    let samples =
        switch buffer.samples {
        case .uint8(let s): map(s, lowest: 0, count: 256)
        case .uint16(let s): map(s, lowest: 0, count: 65536)
        case .int16(let s): map(s, lowest: -32768, count: 65536)
        case .float32(let s): map(s, lowest: 0, count: .max)
        }
    return PixelBuffer(
        bands: buffer.bands, height: buffer.height, width: buffer.width, samples: .uint8(samples),
        validity: buffer.validity, grid: buffer.grid)
}
