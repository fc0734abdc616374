// The values that Tests/Golden/make_torch.py wrote, and how tests compare.
import Foundation
import Testing
import Torch

/// The golden file's arrays by name.
func golden(_ name: String) throws -> Tensor {
    let folder = try #require(Bundle.module.resourcePath)
    return try SafetensorsFile(path: folder + "/Golden/torch.safetensors").tensor(name)
}

/// Functions that only tests compute, by libtorch's dispatcher.
extension Tensor {
    func sin() -> Tensor { callOperator("aten::sin", "", [.tensor(self)])[0] }
    func cos() -> Tensor { callOperator("aten::cos", "", [.tensor(self)])[0] }
    func exp() -> Tensor { callOperator("aten::exp", "", [.tensor(self)])[0] }
}

/// Checks values against expected ones; says the largest difference and where it is.
func expectClose(
    _ got: Tensor, _ expected: Tensor, relative: Double = 1e-4, absolute: Double = 1e-5,
    location: SourceLocation = #_sourceLocation
) {
    #expect(got.shape == expected.shape, sourceLocation: location)
    guard got.shape == expected.shape else { return }
    expectClose(
        got.doubles(), expected.doubles(), relative: relative, absolute: absolute, location: location)
}

/// Checks numbers against expected ones; says the largest difference and where it is.
func expectClose(
    _ got: [Double], _ expected: [Double], relative: Double = 1e-4, absolute: Double = 1e-5,
    location: SourceLocation = #_sourceLocation
) {
    #expect(got.count == expected.count, sourceLocation: location)
    var worst = (excess: 0.0, index: 0)
    for (index, (a, b)) in zip(got, expected).enumerated() {
        let excess = a.isNaN || b.isNaN ? .infinity : abs(a - b) / (absolute + relative * abs(b))
        if excess > worst.excess { worst = (excess, index) }
    }
    guard worst.excess > 1 else { return }
    Issue.record(
        "largest difference at \(worst.index): got \(got[worst.index]), expected \(expected[worst.index])",
        sourceLocation: location)
}

/// A folder that is removed at the end.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "geodino-torch-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    subscript(name: String) -> String { path + "/" + name }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? [] }
}
