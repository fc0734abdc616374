// The resampling kernels: separable weights along source columns and rows, valid pixels only.
import Geo

#if canImport(Glibc)
    import Glibc
#endif

/// One resampling kernel.
struct Kernel {
    private let resampling: Resampling

    init(_ resampling: Resampling) { self.resampling = resampling }

    /// Weights of one target pixel along one axis.
    private struct Axis {
        /// First source pixel, counted from the window's.
        var first = 0
        /// Number of source pixels inside the window.
        var count = 0
        /// Where their weights start in the list of weights.
        var start = 0
        /// Sum of all weights, those outside the window too.
        var total = 0.0
        /// Sum of the weights inside.
        var inside = 0.0
    }

    /// Computes the pixels of a part of the target.
    ///
    /// The sums run in one order, along source rows first, whichever way they are done: a pixel's bytes depend
    /// neither on the part that it is computed in nor on what else is in the source window.
    ///
    /// - Parameters:
    ///   - samples: Source pixels of `needed.window`, (band, row, column); invalid ones hold 0.
    ///   - validity: One flag per source pixel; `nil` where all are valid.
    func apply<S: Sample>(
        _ needed: SourcePlaces.Needed, _ samples: [S], _ validity: [Bool]?, bands: Int, part: PixelWindow,
        to target: inout WarpTarget<S>
    ) {
        let pixels = SourcePixels(
            window: needed.window, bands: bands, samples: samples, validity: validity)
        if resampling == .nearest {
            nearest(needed, pixels, part, &target)
        } else if needed.isSeparable, resampling != .mode {
            separable(needed, pixels, part, &target)
        } else {
            general(needed, pixels, part, &target)
        }
    }

    /// Source pixels as a kernel takes them.
    private struct SourcePixels<S: Sample> {
        let window: PixelWindow
        let bands: Int
        let samples: [S]
        let validity: [Bool]?
    }

    private func nearest<S: Sample>(
        _ needed: SourcePlaces.Needed, _ source: SourcePixels<S>, _ part: PixelWindow,
        _ target: inout WarpTarget<S>
    ) {
        let window = source.window
        let plane = window.width * window.height
        let count = target.count
        for row in 0..<part.height {
            for column in 0..<part.width {
                let at = needed.index(column, row, part.width)
                guard needed.column[at.column].isFinite, needed.row[at.row].isFinite else { continue }
                let c = Int(needed.column[at.column].rounded(.down)) - window.column
                let r = Int(needed.row[at.row].rounded(.down)) - window.row
                guard c >= 0, r >= 0, c < window.width, r < window.height,
                    source.validity?[r * window.width + c] ?? true
                else { continue }
                let out = (part.row + row) * target.width + part.column + column
                for band in 0..<source.bands {
                    target.samples[band * count + out] = source.samples[band * plane + r * window.width + c]
                }
                target.valid[out] = true
            }
        }
    }

    /// Weights along one axis of many target pixels.
    private func weights(
        _ places: [Double], _ sizes: [Double], _ start: Int, _ length: Int
    ) -> (axes: [Axis], list: [Double]) {
        var axes: [Axis] = []
        axes.reserveCapacity(places.count)
        var list: [Double] = []
        for (place, size) in zip(places, sizes) {
            axes.append(place.isFinite ? weigh(place, size, start, length, &list) : Axis())
        }
        return (axes, list)
    }

    /// Target rows and columns parallel to the source's: along rows first, once per source row.
    private func separable<S: Sample>(
        _ needed: SourcePlaces.Needed, _ source: SourcePixels<S>, _ part: PixelWindow,
        _ target: inout WarpTarget<S>
    ) {
        let window = source.window
        let h = weights(needed.column, needed.across, window.column, window.width)
        let v = weights(needed.row, needed.down, window.row, window.height)
        let width = part.width
        var share = [Double](repeating: 0, count: part.height * width)
        var along = [Double](repeating: 0, count: window.height * width)
        // The valid share of each pixel's weight.
        for r in 0..<window.height {
            for c in 0..<width {
                let axis = h.axes[c]
                guard let validity = source.validity else {
                    along[r * width + c] = axis.inside
                    continue
                }
                let line = r * window.width + axis.first
                var sum = 0.0
                for a in 0..<axis.count where validity[line + a] { sum += h.list[axis.start + a] }
                along[r * width + c] = sum
            }
        }
        for r in 0..<part.height {
            let axis = v.axes[r]
            for b in 0..<axis.count {
                let weight = v.list[axis.start + b]
                let line = (axis.first + b) * width
                for c in 0..<width { share[r * width + c] += weight * along[line + c] }
            }
        }
        var sums = [Double](repeating: 0, count: width)
        for band in 0..<source.bands {
            let plane = band * window.height * window.width
            for r in 0..<window.height {
                for c in 0..<width {
                    let axis = h.axes[c]
                    let line = plane + r * window.width + axis.first
                    var sum = 0.0
                    for a in 0..<axis.count { sum += h.list[axis.start + a] * source.samples[line + a].double }
                    along[r * width + c] = sum
                }
            }
            for r in 0..<part.height {
                let axis = v.axes[r]
                for c in 0..<width { sums[c] = 0 }
                for b in 0..<axis.count {
                    let weight = v.list[axis.start + b]
                    let line = (axis.first + b) * width
                    for c in 0..<width { sums[c] += weight * along[line + c] }
                }
                let out = (part.row + r) * target.width + part.column
                for c in 0..<width
                where h.axes[c].count > 0 && axis.count > 0
                    && share[r * width + c] >= 0.5 * h.axes[c].total * axis.total
                {
                    target.valid[out + c] = true
                    target.samples[band * target.count + out + c] = S(rounding: sums[c] / share[r * width + c])
                }
            }
        }
    }

    /// Target pixels anywhere in the source.
    private func general<S: Sample>(
        _ needed: SourcePlaces.Needed, _ source: SourcePixels<S>, _ part: PixelWindow,
        _ target: inout WarpTarget<S>
    ) {
        let window = source.window
        var list: [Double] = []
        var votes = Votes<Double>()
        for row in 0..<part.height {
            for column in 0..<part.width {
                let at = needed.index(column, row, part.width)
                guard needed.column[at.column].isFinite, needed.row[at.row].isFinite else { continue }
                list.removeAll(keepingCapacity: true)
                let h = weigh(
                    needed.column[at.column], needed.across[at.column], window.column, window.width, &list)
                let v = weigh(needed.row[at.row], needed.down[at.row], window.row, window.height, &list)
                guard h.count > 0, v.count > 0 else { continue }
                let weight = validWeight(h, v, list, source.validity, window.width)
                guard weight >= 0.5 * h.total * v.total else { continue }
                let out = (part.row + row) * target.width + part.column + column
                target.valid[out] = true
                for band in 0..<source.bands {
                    let plane = band * window.height * window.width
                    let value: Double
                    if resampling == .mode {
                        votes.clear()
                        for b in 0..<v.count {
                            let line = (v.first + b) * window.width + h.first
                            for a in 0..<h.count where source.validity?[line + a] ?? true {
                                votes.add(
                                    source.samples[plane + line + a].double,
                                    list[v.start + b] * list[h.start + a])
                            }
                        }
                        value = votes.winner() ?? 0
                    } else {
                        var sum = 0.0
                        for b in 0..<v.count {
                            let line = plane + (v.first + b) * window.width + h.first
                            var along = 0.0
                            for a in 0..<h.count { along += list[h.start + a] * source.samples[line + a].double }
                            sum += list[v.start + b] * along
                        }
                        value = sum / weight
                    }
                    target.samples[band * target.count + out] = S(rounding: value)
                }
            }
        }
    }

    /// Sum of the weights of valid pixels.
    @inline(__always)
    private func validWeight(
        _ h: Axis, _ v: Axis, _ list: [Double], _ validity: [Bool]?, _ width: Int
    ) -> Double {
        var sum = 0.0
        for b in 0..<v.count {
            var along = 0.0
            if let validity {
                let line = (v.first + b) * width + h.first
                for a in 0..<h.count where validity[line + a] { along += list[h.start + a] }
            } else {
                along = h.inside
            }
            sum += list[v.start + b] * along
        }
        return sum
    }

    /// Weights of the source pixels around a place on one axis, added to a list.
    ///
    /// - Parameters:
    ///   - place: Column or row, fractions; pixel i covers [i, i + 1).
    ///   - size: The target pixel's size in source pixels.
    ///   - start: First source pixel of the window.
    ///   - length: Its number of source pixels.
    @inline(__always)
    private func weigh(
        _ place: Double, _ size: Double, _ start: Int, _ length: Int, _ list: inout [Double]
    ) -> Axis {
        var axis = Axis()
        axis.start = list.count
        let low: Double
        let high: Double
        let stretch: Double
        switch resampling {
        case .average, .mode:
            stretch = max(size, KernelReach.smallest)
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
            guard pixel >= start, pixel < start + length else { continue }
            list.append(weight)
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
