// Positions that were learnt for one grid of patches, and how they are brought to another.
internal import Torch

/// A grid of learnt positions, as DINOv2 has them, and the rule by which it is resized.
///
/// Positions of another grid of `h x w` patches are found by cubic interpolation along each axis. The two published programs differ in
/// the step between samples: transformers takes `grid / n`, and the original code, for models without registers, `grid / (n + 0.1)`.
/// Models with registers take `grid / n` in both, with antialiasing. What a file was trained and tested with stays with it.
public struct LearnedPositions: Codable, Sendable, Equatable {
    /// Side of the square grid of stored positions, in patches.
    public var grid = 37
    /// Added to the number of patches before it is divided by `grid`; `nil` resizes to the number itself.
    public var offset: Double?
    /// Whether a smaller grid is made from all of the positions that it covers.
    public var antialias = false

    /// The keys on disk.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case grid, offset, antialias
    }

    /// A grid and its rule.
    public init(grid: Int = 37, offset: Double? = nil, antialias: Bool = false) {
        self.grid = grid
        self.offset = offset
        self.antialias = antialias
    }

    /// The original code's rule: an offset of 0.1, or antialiasing where there are registers.
    static func original(grid: Int, registers: Int) -> LearnedPositions {
        registers > 0
            ? LearnedPositions(grid: grid, antialias: true) : LearnedPositions(grid: grid, offset: 0.1)
    }

    /// What is wrong, one sentence each; empty when nothing is.
    var problems: [String] {
        var wrong: [String] = []
        if !(1...1024).contains(grid) { wrong.append("positions.grid is \(grid); expected 1 to 1024") }
        if let offset, !(offset > -1 && offset < 1) {
            wrong.append("positions.offset is \(offset); expected above -1 and below 1, or leave out the key")
        }
        return wrong
    }
}

extension LearnedPositions {
    /// The positions of a grid of patches, in the type of those stored.
    ///
    /// - Parameter stored: `[1, 1 + grid * grid, D]`: that of the class token, then the grid's row by row.
    /// - Returns: `[1, 1 + height * width, D]`, which is the stored one where the grids are equal.
    func resized(_ stored: Tensor, height: Int, width: Int) -> Tensor {
        guard stored.isDefined, (height, width) != (grid, grid) else { return stored }
        let depth = stored.shape[2]
        // In double precision: the coefficients are exact to the last bit of what is stored.
        let patches = stored.narrow(dim: 1, start: 1, length: grid * grid).to(.float64)
        let rows = matmul(coefficients(height, stored.device), patches.reshaped([grid, grid * depth]))
        let both = matmul(coefficients(width, stored.device), rows.reshaped([height, grid, depth]))
        return concatenate(
            [
                stored.narrow(dim: 1, start: 0, length: 1),
                both.reshaped([1, height * width, depth]).to(stored.dtype),
            ], dim: 1)
    }

    private func coefficients(_ count: Int, _ device: Device) -> Tensor {
        Tensor(coefficients(count), shape: [count, grid]).to(device)
    }

    /// What each of `count` samples takes of each stored one, `[count, grid]`.
    ///
    /// With step s between samples, sample i is at `(i + 1/2) s - 1/2` and interpolates its four stored neighbours with the cubic of Keys
    /// (1981) with a = -0.75, where those beyond an edge count as the edge. With antialiasing a is -0.5, the cubic is s times as wide
    /// where s is above 1, and what is beyond an edge is left out. Both are PyTorch's `bicubic`.
    func coefficients(_ count: Int) -> [Double] {
        let step = Double(grid) / (Double(count) + (offset ?? 0))
        var table = [Double](repeating: 0, count: count * grid)
        for sample in 0..<count {
            let row = sample * grid
            guard antialias else {
                let place = (Double(sample) + 0.5) * step - 0.5
                let first = place.rounded(.down)
                for tap in -1...2 {
                    let stored = min(max(Int(first) + tap, 0), grid - 1)
                    table[row + stored] += Self.cubic(place - first - Double(tap), -0.75)
                }
                continue
            }
            let (centre, stretch) = ((Double(sample) + 0.5) * step, max(step, 1))
            // The stored ones whose centres lie within two of the cubic's units.
            let from = max(Int(centre - 2 * stretch + 0.5), 0)
            let to = min(Int(centre + 2 * stretch + 0.5), grid)
            var sum = 0.0
            for stored in from..<max(from, to) {
                let share = Self.cubic((Double(stored) + 0.5 - centre) / stretch, -0.5)
                table[row + stored] = share
                sum += share
            }
            for stored in from..<max(from, to) { table[row + stored] /= sum }
        }
        return table
    }

    /// The cubic convolution kernel of Keys (1981) with the constant a.
    private static func cubic(_ distance: Double, _ a: Double) -> Double {
        let x = abs(distance)
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return ((x - 5) * x + 8) * x * a - 4 * a }
        return 0
    }
}
