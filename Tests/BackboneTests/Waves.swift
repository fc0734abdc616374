// What the tests of this module share: tensors that follow a formula, and the largest error of a comparison.
import Backbone
import FoundationEssentials
import Telemetry
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

/// Gives every parameter a wave of its own, numbered in alphabetical order; norm weights lie around one.
func setWaves(_ network: VisionTransformer) {
    withoutGradient {
        for (number, parameter) in network.parameters().sorted(by: { $0.name < $1.name }).enumerated() {
            var value = wave(parameter.tensor.shape, 0.1 * Double(number), 0.3)
            if parameter.name.contains("norm"), parameter.name.hasSuffix("weight") { value = value + 1 }
            parameter.tensor.copy_(value.to(network.dtype))
        }
    }
}

/// The architecture of the test vectors: width 32, two heads, patch 4.
func tinyConfiguration(_ change: (inout BackboneConfiguration) -> Void = { _ in }) -> BackboneConfiguration {
    var configuration = BackboneConfiguration()
    configuration.patchSize = 4
    configuration.width = 32
    configuration.depth = 2
    configuration.heads = 2
    configuration.ffnRatio = 2
    configuration.registers = 2
    change(&configuration)
    return configuration
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
    let path = FileManager.default.temporaryDirectory.path + "/geodino-backbone-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

/// A file of the folder of goldens.
func goldenPath(_ name: String, from file: String = #filePath) -> String {
    let parts = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return parts.joined(separator: "/") + "/Golden/" + name
}
