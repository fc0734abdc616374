// Planes in another size by cubic splines: how GEO-Bench brings bands to one size.

/// Cubic spline interpolation of a plane, with corners on corners (`scipy.ndimage.zoom` with `order=3`).
///
/// The plane is first turned into coefficients of cubic B-splines, whose ends are mirrored (Unser 1999, IEEE Signal Processing Magazine 16 (6),
/// 22-38); the spline is then read at equal steps from the first pixel's centre to the last one's.
package enum SplineZoom {
    /// Resizes a plane.
    ///
    /// - Parameters:
    ///   - plane: Values row by row, `[height, width]`.
    ///   - size: Height and width of the result, each 1 or more.
    /// - Returns: Values row by row.
    package static func resized(
        _ plane: [Double], height: Int, width: Int, to size: (height: Int, width: Int)
    ) -> [Double] {
        precondition(plane.count == height * width && height > 0 && width > 0, "\(plane.count) values are not a plane")
        guard (height, width) != (size.height, size.width) else { return plane }
        var coefficients = plane
        for row in 0..<height { filter(&coefficients, start: row * width, step: 1, count: width) }
        for column in 0..<width { filter(&coefficients, start: column, step: width, count: height) }
        let across = taps(width, size.width)
        let down = taps(height, size.height)
        var rows = [Double](repeating: 0, count: height * size.width)
        for row in 0..<height {
            for (column, tap) in across.enumerated() {
                var sum = 0.0
                for (place, weight) in tap { sum += weight * coefficients[row * width + place] }
                rows[row * size.width + column] = sum
            }
        }
        var result = [Double](repeating: 0, count: size.height * size.width)
        for (row, tap) in down.enumerated() {
            for column in 0..<size.width {
                var sum = 0.0
                for (place, weight) in tap { sum += weight * rows[place * size.width + column] }
                result[row * size.width + column] = sum
            }
        }
        return result
    }

    /// Turns values along a line into coefficients of cubic B-splines.
    private static func filter(_ values: inout [Double], start: Int, step: Int, count: Int) {
        guard count > 1 else { return }
        let pole = 3.0.squareRoot() - 2
        func place(_ index: Int) -> Int { start + index * step }
        for index in 0..<count { values[place(index)] *= 6 }
        // The forward recursion starts with the sum over the line, mirrored endlessly.
        let last = power(pole, count - 1)
        var first = values[place(0)] + last * values[place(count - 1)]
        var (low, high) = (pole, last * last / pole)
        for index in 1..<max(count - 1, 1) {
            first += (low + high) * values[place(index)]
            low *= pole
            high /= pole
        }
        values[place(0)] = first / (1 - last * last)
        for index in 1..<count { values[place(index)] += pole * values[place(index - 1)] }
        values[place(count - 1)] =
            pole / (pole * pole - 1) * (values[place(count - 1)] + pole * values[place(count - 2)])
        for index in stride(from: count - 2, through: 0, by: -1) {
            values[place(index)] = pole * (values[place(index + 1)] - values[place(index)])
        }
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1.0) { product, _ in product * base }
    }

    /// The coefficients that each value of a resized line is made of, with their weights.
    private static func taps(_ count: Int, _ target: Int) -> [[(place: Int, weight: Double)]] {
        // A line of one pixel is that pixel everywhere; a single target is the first pixel.
        guard count > 1 else { return [[(place: Int, weight: Double)]](repeating: [(0, 1)], count: target) }
        let period = 2 * (count - 1)
        return (0..<target).map { index in
            let x = target > 1 ? Double(index) * Double(count - 1) / Double(target - 1) : 0
            let floor = x.rounded(.down)
            let t = x - floor
            let weights = [
                (1 - t) * (1 - t) * (1 - t) / 6, (4 - 6 * t * t + 3 * t * t * t) / 6,
                (4 - 6 * (1 - t) * (1 - t) + 3 * (1 - t) * (1 - t) * (1 - t)) / 6, t * t * t / 6,
            ]
            return weights.enumerated().map { offset, weight in
                let mirrored = ((Int(floor) + offset - 1) % period + period) % period
                return (mirrored < count ? mirrored : period - mirrored, weight)
            }
        }
    }
}
