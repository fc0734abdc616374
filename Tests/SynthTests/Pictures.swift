// Rendered scenes that several tests look at, and planes of numbers made from them.
import Geo
import Synth

/// One rendered scene as plain arrays.
struct Picture: Sendable {
    let size: Int
    let conditions: SceneConditions
    let bands: [[Double]]
    let height: [Double]
    let cover: [UInt8]
    let sunlight: [Double]

    init(size: Int, seed: UInt64, nir: Bool = false) {
        let landscape = Landscape(LandscapeOptions(size: size, seed: seed, nir: nir), scene: 0)
        let block = landscape.render(PixelWindow(column: 0, row: 0, width: size, height: size))
        self.size = size
        conditions = landscape.conditions
        let samples = block.image.floats().map(Double.init)
        bands = (0..<block.image.bands).map { Array(samples[$0 * size * size..<($0 + 1) * size * size]) }
        height = block.height.floats().map(Double.init)
        cover = block.cover.floats().map { UInt8($0) }
        sunlight = block.sunlight.floats().map(Double.init)
    }

    /// Mean of red, green and blue.
    var grey: [Double] { zip(zip(bands[0], bands[1]), bands[2]).map { ($0.0 + $0.1 + $1) / 3 } }

    /// Rendered once for all tests.
    static let three = [11, 12, 13].map { Picture(size: 1024, seed: $0) }

    /// The mean over a square of `2 * radius + 1` pixels, cut off at the edges.
    func boxMean(_ values: [Double], radius: Int) -> [Double] {
        let n = size
        var sums = [Double](repeating: 0, count: (n + 1) * (n + 1))
        for row in 0..<n {
            var line = 0.0
            for column in 0..<n {
                line += values[row * n + column]
                sums[(row + 1) * (n + 1) + column + 1] = sums[row * (n + 1) + column + 1] + line
            }
        }
        var means = [Double](repeating: 0, count: n * n)
        for row in 0..<n {
            let top = max(0, row - radius)
            let bottom = min(n, row + radius + 1)
            for column in 0..<n {
                let left = max(0, column - radius)
                let right = min(n, column + radius + 1)
                let sum =
                    sums[bottom * (n + 1) + right] - sums[top * (n + 1) + right]
                    - sums[bottom * (n + 1) + left] + sums[top * (n + 1) + left]
                means[row * n + column] = sum / Double((bottom - top) * (right - left))
            }
        }
        return means
    }
}

/// Ridge regression on standardised features.
struct Ridge {
    private let means: [Double]
    private let deviations: [Double]
    private let weights: [Double]
    private let offset: Double

    /// Fits weights by the normal equations; `penalty` is per sample.
    init(_ rows: [[Double]], _ targets: [Double], penalty: Double = 1e-3) {
        let count = Double(rows.count)
        let width = rows[0].count
        var means = [Double](repeating: 0, count: width)
        for row in rows { for k in 0..<width { means[k] += row[k] / count } }
        var deviations = [Double](repeating: 0, count: width)
        for row in rows { for k in 0..<width { deviations[k] += (row[k] - means[k]) * (row[k] - means[k]) / count } }
        deviations = deviations.map { max(1e-9, $0.squareRoot()) }
        let offset = targets.reduce(0, +) / count
        var system = [[Double]](repeating: [Double](repeating: 0, count: width + 1), count: width)
        for (row, target) in zip(rows, targets) {
            let z = (0..<width).map { (row[$0] - means[$0]) / deviations[$0] }
            for i in 0..<width {
                for j in 0..<width { system[i][j] += z[i] * z[j] / count }
                system[i][width] += z[i] * (target - offset) / count
            }
        }
        for i in 0..<width { system[i][i] += penalty }
        // Gauss elimination; the matrix is positive definite.
        for i in 0..<width {
            for j in i + 1..<width {
                let factor = system[j][i] / system[i][i]
                for k in i...width { system[j][k] -= factor * system[i][k] }
            }
        }
        var weights = [Double](repeating: 0, count: width)
        for i in (0..<width).reversed() {
            var rest = system[i][width]
            for j in i + 1..<width { rest -= system[i][j] * weights[j] }
            weights[i] = rest / system[i][i]
        }
        self.means = means
        self.deviations = deviations
        self.weights = weights
        self.offset = offset
    }

    func predict(_ row: [Double]) -> Double {
        row.indices.reduce(offset) { $0 + weights[$1] * (row[$1] - means[$1]) / deviations[$1] }
    }

    /// Share of the targets' variance that the prediction explains.
    func r2(_ rows: [[Double]], _ targets: [Double]) -> Double {
        let mean = targets.reduce(0, +) / Double(targets.count)
        var residual = 0.0
        var total = 0.0
        for (row, target) in zip(rows, targets) {
            let error = target - predict(row)
            residual += error * error
            total += (target - mean) * (target - mean)
        }
        return 1 - residual / total
    }
}
