// Draws samples of a map, stratified by its classes.
public import Geo
internal import Measures
public import Raster
public import Telemetry

/// Draws samples of a map of classes: as many of each class as its area asks for, never fewer than a minimum.
///
/// Within a class every pixel is as likely as any other, and is drawn once at most. The map is read twice, in windows: memory
/// depends on the number of samples, not on the size of the map. The same map, AOI, numbers and seed always give the same
/// samples. Pixels without a class and unsure ones are never drawn.
///
/// - Parameters:
///   - map: Path of the map: one band of whole numbers.
///   - legend: What its values stand for.
///   - aoi: Where to draw; `nil` is everywhere.
///   - total: How many samples, 1 to 1,000,000; there are more where the minimums ask for them, fewer where pixels run out.
///   - minimum: The fewest of a class that the map has; `nil` is 50, or an equal share of `total` where that is less.
///   - seed: What the draw begins with.
///   - progress: Told of every window read; an answer of `false` stops the work.
/// - Throws: `ScoringError`.
public func drawSamples(
    map: String, legend: Legend, aoi: AreaOfInterest? = nil, total: Int, minimum: Int? = nil, seed: UInt64 = 0,
    progress: ProgressHandler = { _ in true }
) throws(ScoringError) -> DrawnSamples {
    guard (1...mostSamples).contains(total), (0...mostSamples).contains(minimum ?? 0) else {
        throw ScoringError(
            .badRange, "cannot draw \(total) samples, with \(minimum ?? 0) of each class at least", in: map,
            try: "give numbers up to \(mostSamples)")
    }
    let cover = try MappedCover(map: map, legend: legend, aoi: aoi)
    let classes = legend.classes.indices
    var pixels = [Int](repeating: 0, count: classes.count)
    var areas = [Double](repeating: 0, count: classes.count)
    try cover.visit(progress) { window, found throws(ScoringError) in
        let sizes = try cover.pixelAreas(of: window)
        for (place, index) in found.enumerated() where index != ConfusionTally.none {
            pixels[Int(index)] += 1
            areas[Int(index)] += sizes[place / window.width]
        }
    }
    let present = pixels.count { $0 > 0 }
    guard present > 0 else { throw cover.noClasses }
    let allocation = SampleAllocation(
        total: total, areas: areas, minimum: minimum ?? min(50, total / present), pixelCounts: pixels)
    var draws = classes.map { index in
        Draw(of: allocation.counts[index], from: pixels[index], seed: seed, class: legend.classes[index].id)
    }
    var samples: [DrawnSamples.Sample] = []
    try cover.visit(progress) { window, found throws(ScoringError) in
        for (place, index) in found.enumerated()
        where index != ConfusionTally.none && draws[Int(index)].takesNext() {
            let point = cover.grid.transform.point(
                column: Double(window.column + place % window.width) + 0.5,
                row: Double(window.row + place / window.width) + 0.5)
            samples.append(
                DrawnSamples.Sample(id: samples.count + 1, x: point.x, y: point.y, classIndex: Int(index)))
        }
    }
    return DrawnSamples(
        samples: samples, crs: cover.crs, legend: legend, pixelCounts: pixels, counts: allocation.counts)
}

/// The most samples that are drawn.
private let mostSamples = 1_000_000

/// Which of the pixels of a class are drawn, counted in the order in which they come.
private struct Draw {
    /// Numbers of the drawn pixels, in ascending order.
    private let drawn: [Int]
    private var next = 0
    private var seen = 0

    /// Draws numbers without repeating one (Floyd's algorithm).
    init(of count: Int, from total: Int, seed: UInt64, class id: UInt8) {
        // A class has a sequence of its own: whether others are on the map changes nothing.
        var state = seed &+ UInt64(id) &* 0xD1B5_4A32_D192_ED03
        var chosen: Set<Int> = []
        for last in max(total - count, 0)..<total {
            let number = Self.number(below: last + 1, &state)
            chosen.insert(chosen.contains(number) ? last : number)
        }
        drawn = chosen.sorted()
    }

    /// Whether the next pixel is drawn.
    mutating func takesNext() -> Bool {
        defer { seen += 1 }
        guard next < drawn.count, drawn[next] == seen else { return false }
        next += 1
        return true
    }

    /// A number below a limit.
    ///
    /// The high bits of a product favour none by more than limit / 2^64. The bits are those of SplitMix64 (Steele, Lea and Flood 2014).
    private static func number(below limit: Int, _ state: inout UInt64) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        return Int(bits.multipliedFullWidth(by: UInt64(limit)).high)
    }
}
