// The resampling kernels: separable weights along source columns and rows, valid pixels only.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// One resampling kernel.
struct Kernel {
    private let resampling: Resampling

    init(_ resampling: Resampling) { self.resampling = resampling }

    /// How far, in source pixels, a kernel reaches from its centre for a target pixel of a size in source pixels.
    static func reach(_ resampling: Resampling, _ size: Double) -> Double {
        switch resampling {
        case .nearest: 0.5
        case .bilinear: max(1, size) + 0.5
        case .cubic: 2 * max(1, size) + 0.5
        case .average, .mode: max(size, smallest) / 2
        }
    }

    /// A target pixel's least size in source pixels for kernels over its area.
    private static let smallest = 1.0 / 1024

    /// Weights along one axis.
    private struct Axis {
        /// First source pixel.
        var first = 0
        /// Number of source pixels inside the window.
        var count = 0
        /// Sum of all weights, those outside the window too.
        var total = 0.0
        /// Sum of the weights inside.
        var inside = 0.0
    }

    /// Computes the pixels of a part of the target.
    ///
    /// - Parameters:
    ///   - samples: Source pixels of `needed.window`, (band, row, column); invalid ones hold 0.
    ///   - validity: One flag per source pixel; `nil` where all are valid.
    func apply<S: Sample>(
        _ needed: SourcePlaces.Needed, _ samples: [S], _ validity: [Bool]?, bands: Int, part: PixelWindow,
        to target: inout WarpTarget<S>
    ) {
        let window = needed.window
        var tallest = 1.0
        for i in needed.column.indices where needed.column[i].isFinite {
            tallest = max(tallest, needed.across[i], needed.down[i])
        }
        let room = Int(4 * tallest) + 8
        var across = [Double](repeating: 0, count: room)
        var down = [Double](repeating: 0, count: room)
        var votes = Votes()
        let count = target.count
        samples.withUnsafeBufferPointer { samples in
            for row in 0..<part.height {
                for column in 0..<part.width {
                    let i = row * part.width + column
                    guard needed.column[i].isFinite else { continue }
                    let out = (part.row + row) * target.width + part.column + column
                    if resampling == .nearest {
                        let c = Int(needed.column[i].rounded(.down)) - window.column
                        let r = Int(needed.row[i].rounded(.down)) - window.row
                        guard c >= 0, r >= 0, c < window.width, r < window.height,
                            validity?[r * window.width + c] ?? true
                        else { continue }
                        for band in 0..<bands {
                            target.samples[band * count + out] =
                                samples[(band * window.height + r) * window.width + c]
                        }
                        target.valid[out] = true
                        continue
                    }
                    let h = weigh(needed.column[i], needed.across[i], window.column, window.width, &across)
                    let v = weigh(needed.row[i], needed.down[i], window.row, window.height, &down)
                    guard h.count > 0, v.count > 0 else { continue }
                    let weight = validWeight(h, v, across, down, validity, window.width)
                    guard weight >= 0.5 * h.total * v.total else { continue }
                    target.valid[out] = true
                    for band in 0..<bands {
                        let plane = band * window.height * window.width
                        let value: Double
                        if resampling == .mode {
                            votes.clear()
                            for b in 0..<v.count {
                                let line = (v.first + b) * window.width + h.first
                                for a in 0..<h.count where validity?[line + a] ?? true {
                                    votes.add(samples[plane + line + a].double, down[b] * across[a])
                                }
                            }
                            value = votes.winner
                        } else {
                            var sum = 0.0
                            for b in 0..<v.count {
                                let line = plane + (v.first + b) * window.width + h.first
                                var along = 0.0
                                for a in 0..<h.count { along += across[a] * samples[line + a].double }
                                sum += down[b] * along
                            }
                            value = sum / weight
                        }
                        target.samples[band * count + out] = S(rounding: value)
                    }
                }
            }
        }
    }

    /// Sum of the weights of valid pixels.
    @inline(__always)
    private func validWeight(
        _ h: Axis, _ v: Axis, _ across: [Double], _ down: [Double], _ validity: [Bool]?, _ width: Int
    ) -> Double {
        guard let validity else { return h.inside * v.inside }
        var sum = 0.0
        for b in 0..<v.count {
            let line = (v.first + b) * width + h.first
            var along = 0.0
            for a in 0..<h.count where validity[line + a] { along += across[a] }
            sum += down[b] * along
        }
        return sum
    }

    /// Weights of the source pixels around a place on one axis.
    ///
    /// - Parameters:
    ///   - place: Column or row, fractions; pixel i covers [i, i + 1).
    ///   - size: The target pixel's size in source pixels.
    ///   - start: First source pixel of the window.
    ///   - length: Its number of source pixels.
    @inline(__always)
    private func weigh(
        _ place: Double, _ size: Double, _ start: Int, _ length: Int, _ weights: inout [Double]
    ) -> Axis {
        var axis = Axis()
        let low: Double
        let high: Double
        let stretch: Double
        switch resampling {
        case .average, .mode:
            stretch = max(size, Self.smallest)
            low = (place - stretch / 2).rounded(.down)
            high = (place + stretch / 2).rounded(.up) - 1
        default:
            stretch = max(1, size)
            let support = (resampling == .cubic ? 2 : 1) * stretch
            low = (place - 0.5 - support).rounded(.down) + 1
            high = (place - 0.5 + support).rounded(.up) - 1
        }
        axis.first = max(0, Int(low) - start)
        for pixel in Int(low)...max(Int(low), Int(high)) {
            let weight: Double
            switch resampling {
            case .average, .mode:
                weight = min(Double(pixel + 1), place + stretch / 2) - max(Double(pixel), place - stretch / 2)
            case .cubic: weight = Self.cubic(abs(Double(pixel) + 0.5 - place) / stretch)
            default: weight = max(0, 1 - abs(Double(pixel) + 0.5 - place) / stretch)
            }
            axis.total += weight
            guard pixel >= start, pixel < start + length, axis.count < weights.count else { continue }
            weights[axis.count] = weight
            axis.count += 1
            axis.inside += weight
        }
        return axis
    }

    /// Cubic convolution with a = -0.5 (Keys 1981, equation 15).
    @inline(__always)
    private static func cubic(_ t: Double) -> Double {
        if t < 1 { return (1.5 * t - 2.5) * t * t + 1 }
        if t < 2 { return ((-0.5 * t + 2.5) * t - 4) * t + 2 }
        return 0
    }
}

/// Weighs values against each other.
private struct Votes {
    private var values: [Double] = []
    private var weights: [Double] = []

    mutating func clear() {
        values.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
    }

    mutating func add(_ value: Double, _ weight: Double) {
        // Classes are few: a short list beats a table.
        if let last = values.lastIndex(of: value) {
            weights[last] += weight
        } else {
            values.append(value)
            weights.append(weight)
        }
    }

    /// The heaviest value, the lowest of equal ones.
    var winner: Double {
        guard var best = values.indices.first else { return 0 }
        for i in values.indices
        where weights[i] > weights[best] || (weights[i] == weights[best] && values[i] < values[best]) {
            best = i
        }
        return values[best]
    }
}
