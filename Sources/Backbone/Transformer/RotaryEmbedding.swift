// Rotary position embedding: sine and cosine tables of a grid of patches, and their random stretching in training.
package import Torch

/// Sine and cosine of every patch's position, `[patches, headWidth]` each.
package struct RotaryTable {
    package let sine: Tensor
    package let cosine: Tensor
}

/// The random change of coordinates of one block in training.
package struct RotaryStretch: Equatable {
    /// Added to the row and column coordinates.
    package var shift = (row: 0.0, column: 0.0)
    /// Multiplied onto the row and column coordinates, after the shift.
    package var factor = (row: 1.0, column: 1.0)

    package static let none = RotaryStretch()

    package static func == (a: RotaryStretch, b: RotaryStretch) -> Bool { a.shift == b.shift && a.factor == b.factor }
}

/// Makes the tables of a network.
///
/// For a patch in row i of h, the coordinate is `2 (i + 0.5) / h - 1`, and the angle of the j-th frequency
/// `2 pi coordinate / period_j`. A row of the table holds the angles of the row axis, then of the column axis, then
/// both once more: dimension d of a head is paired with d + headWidth / 2.
package final class RotaryEmbedding {
    package let configuration: RotaryConfiguration
    package let headWidth: Int
    /// The periods, `[headWidth / 4]`.
    package let periods: [Double]
    private let type: DType
    private let device: Device
    // Tables without randomness by grid size; the oldest goes when there are too many.
    private var cache: [(height: Int, width: Int, table: RotaryTable)] = []
    private static let cacheLimit = 16

    package init(
        configuration: RotaryConfiguration, headWidth: Int, periods: [Double], type: DType,
        device: Device
    ) {
        self.configuration = configuration
        self.headWidth = headWidth
        self.periods = periods
        self.type = configuration.precision != .float32 ? .bfloat16 : (type == .float64 ? .float64 : .float32)
        self.device = device
    }

    /// Whether training draws a stretch for every block.
    package var isRandomised: Bool {
        configuration.shift != nil || configuration.jitter != nil || configuration.rescale != nil
    }

    /// The table of a grid without randomness; kept for the next time.
    package func table(height: Int, width: Int) -> RotaryTable {
        if let known = cache.first(where: { $0.height == height && $0.width == width }) { return known.table }
        let table = table(height: height, width: width, stretch: .none)
        // One that failed (out of memory) is made again.
        guard table.sine.isDefined, table.cosine.isDefined else { return table }
        if cache.count == Self.cacheLimit { cache.removeFirst() }
        cache.append((height, width, table))
        return table
    }

    /// The table of a grid for one block of one entry in training.
    package func table(height: Int, width: Int, random: consuming CounterRandom) -> RotaryTable {
        table(height: height, width: width, stretch: stretch(&random))
    }

    /// Draws shift, jitter and rescaling, in that order.
    package func stretch(_ random: inout CounterRandom) -> RotaryStretch {
        var drawn = RotaryStretch()
        if let shift = configuration.shift {
            drawn.shift = (random.uniform(-shift, shift), random.uniform(-shift, shift))
        }
        func factor(_ limit: Double) -> Double {
            exponential(random.uniform(-logarithm(limit), logarithm(limit)))
        }
        if let jitter = configuration.jitter { drawn.factor = (factor(jitter), factor(jitter)) }
        if let rescale = configuration.rescale {
            let both = factor(rescale)
            drawn.factor = (drawn.factor.row * both, drawn.factor.column * both)
        }
        return drawn
    }

    /// The table of a grid whose coordinates are changed.
    package func table(height: Int, width: Int, stretch: RotaryStretch) -> RotaryTable {
        let sides: (rows: Int, columns: Int) =
            switch configuration.coordinates {
            case .separate: (height, width)
            case .max: (max(height, width), max(height, width))
            case .min: (min(height, width), min(height, width))
            }
        // Angles depend on the row or on the column alone, so only (height + width) * J sines are needed.
        let rows = axis(count: height, side: sides.rows, shift: stretch.shift.row, factor: stretch.factor.row)
        let columns = axis(
            count: width, side: sides.columns, shift: stretch.shift.column, factor: stretch.factor.column)
        let frequencies = periods.count
        var sine: [Double] = []
        var cosine: [Double] = []
        sine.reserveCapacity(height * width * headWidth)
        cosine.reserveCapacity(height * width * headWidth)
        for row in 0..<height {
            let rowPart = row * frequencies..<(row + 1) * frequencies
            for column in 0..<width {
                let columnPart = column * frequencies..<(column + 1) * frequencies
                for _ in 0..<2 {
                    sine.append(contentsOf: rows.sine[rowPart])
                    sine.append(contentsOf: columns.sine[columnPart])
                    cosine.append(contentsOf: rows.cosine[rowPart])
                    cosine.append(contentsOf: columns.cosine[columnPart])
                }
            }
        }
        let shape = [height * width, headWidth]
        return RotaryTable(
            sine: Tensor(sine, shape: shape).to(type).to(device),
            cosine: Tensor(cosine, shape: shape).to(type).to(device))
    }

    private func axis(count: Int, side: Int, shift: Double, factor: Double) -> (sine: [Double], cosine: [Double]) {
        var sine: [Double] = []
        var cosine: [Double] = []
        // Where all is bfloat16, what every operation gives is rounded, as it is stored between them.
        let isLow = configuration.precision == .bfloat16Throughout
        func kept(_ value: Double) -> Double { isLow ? roundedToBFloat16(value) : value }
        let (shift, factor) = (kept(shift), kept(factor))
        let circle = isLow ? Double(Float(2 * Double.pi)) : 2 * .pi
        for place in 0..<count {
            let share = kept(kept(Double(place) + 0.5) / Double(side))
            let coordinate =
                isLow
                ? kept(kept(kept(2 * share - 1) + shift) * factor)
                : (2 * (Double(place) + 0.5) / Double(side) - 1 + shift) * factor
            let turns = kept(circle * coordinate)
            for period in periods {
                let angle = sineAndCosine(kept(turns / kept(period)))
                sine.append(angle.sine)
                cosine.append(angle.cosine)
            }
        }
        return (sine, cosine)
    }
}

/// A number rounded to 8 significant bits, to even at half, by way of single precision.
func roundedToBFloat16(_ value: Double) -> Double {
    let bits = Float(value).bitPattern
    return Double(Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000))
}
