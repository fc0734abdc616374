// What the tests of this module share: tensors that follow a formula, and the largest error of a comparison.
import FoundationEssentials
import Testing
import Torch

#if canImport(Glibc)
    import Glibc
#endif

/// `amplitude * sin(frequency * i + phase)` over the flat index, in double precision.
func waves(_ shape: [Int], _ phase: Double, _ amplitude: Double = 1, _ frequency: Double = 0.37) -> [Double] {
    (0..<shape.reduce(1, *)).map { amplitude * sin(frequency * Double($0) + phase) }
}

/// The same as a tensor, rounded to single precision first.
func wave(
    _ shape: [Int], _ phase: Double, _ amplitude: Double = 1, _ frequency: Double = 0.37,
    dtype: DType = .float32
) -> Tensor {
    Tensor(waves(shape, phase, amplitude, frequency), shape: shape).to(.float32).to(dtype)
}

/// Gives every parameter a wave of its own, numbered in alphabetical order.
func setWaves(_ layer: some Layer) {
    withoutGradient {
        for (number, parameter) in layer.parameters().sorted(by: { $0.name < $1.name }).enumerated() {
            parameter.tensor.copy_(wave(parameter.tensor.shape, 0.1 * Double(number), 0.3))
        }
    }
}

/// Expects `|a - b| <= absolute + relative |b|` everywhere, and says where it is worst.
func expectClose(
    _ a: [Double], _ b: [Double], absolute: Double = 1e-5, relative: Double = 1e-5, _ words: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(a.count == b.count, "\(words)", sourceLocation: sourceLocation)
    var worst = (excess: -Double.infinity, index: 0)
    for (index, (x, y)) in zip(a, b).enumerated() {
        let excess = x.isNaN || y.isNaN ? .infinity : (x - y).magnitude - absolute - relative * y.magnitude
        if excess > worst.excess { worst = (excess, index) }
    }
    if worst.excess > 0 {
        Issue.record(
            "\(words): worst at \(worst.index), got \(a[worst.index]), expected \(b[worst.index])",
            sourceLocation: sourceLocation)
    }
}

/// Expects the largest difference over the largest value to stay below a limit.
func expectParity(
    _ a: Tensor, _ b: Tensor, limit: Double = 1e-5, _ words: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(a.shape == b.shape, "\(words)", sourceLocation: sourceLocation)
    let (x, y) = (a.doubles(), b.doubles())
    let size = y.reduce(0) { max($0, $1.magnitude) }
    let error = zip(x, y).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    #expect(
        error <= limit * max(size, 1e-12) && error.isFinite, "\(words): error \(error) of values up to \(size)",
        sourceLocation: sourceLocation)
}

/// A folder that is removed at the end.
func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
    let path = FileManager.default.temporaryDirectory.path + "/geodino-downstream-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// A file of the folder of goldens.
func goldenPath(_ name: String, from file: String = #filePath) -> String {
    let parts = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return parts.joined(separator: "/") + "/Golden/" + name
}
