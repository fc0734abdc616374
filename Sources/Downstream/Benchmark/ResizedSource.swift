// Images of a source in another size, normalised: for protocols that resize whole images.
package import Geo
internal import Telemetry
package import Torch

/// Images that are resized as a whole, as normalised `float32` values; masks by the nearest pixel.
package struct ResizedSource: LabelledSource {
    private let base: any LabelledSource
    private let size: Int
    private let kernel: Interpolation
    private let antialias: Bool
    private let mean: [Double]
    private let std: [Double]
    package let layout: PixelLayout

    /// Takes a source.
    ///
    /// - Parameters:
    ///   - size: Pixels a side.
    ///   - mean: What is taken off each band of 8-bit images, scaled to 0 to 1; images in `float32` are normalised already.
    ///   - std: What each band is then divided by.
    package init(
        _ base: any LabelledSource, size: Int, kernel: Interpolation, antialias: Bool, mean: [Double], std: [Double]
    ) {
        self.base = base
        self.size = size
        self.kernel = kernel
        self.antialias = antialias
        self.mean = mean
        self.std = std
        var layout = base.layout
        layout.sampleType = .float32
        self.layout = layout
    }

    package var count: Int { base.count }
    package var fingerprint: String {
        "\(base.fingerprint), \(size) pixels, \(kernel)\(antialias ? ", antialiased" : "")"
    }
    package var legend: Legend? { base.legend }

    package func item(_ index: Int) throws -> LabelledItem {
        var item = try base.item(index)
        (item.width, item.height) = (size, size)
        return item
    }

    package func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target) {
        let (name, whole) = try whole(index)
        let (pixels, truth) = try base.sample(index, window: whole)
        let image = try catchingTorchErrors {
            try withoutGradient {
                let normal = try PixelNormalizer(mean: mean, std: std)(pixels, place: name).unsqueezed(dim: 0)
                let isSmooth = antialias && kernel != .nearest
                return interpolate(normal, size: (size, size), mode: kernel, antialias: isSmooth)
                    .narrow(dim: 2, start: window.row, length: window.height)
                    .narrow(dim: 3, start: window.column, length: window.width).contiguous()
            }
        }
        let buffer = PixelBuffer(
            bands: pixels.bands, height: window.height, width: window.width, samples: .float32(image.floats()))
        return (buffer, try resized(truth, window, name))
    }

    package func target(_ index: Int, window: PixelWindow) throws -> Target {
        let (name, whole) = try whole(index)
        return try resized(base.target(index, window: whole), window, name)
    }

    private func whole(_ index: Int) throws -> (name: String, window: PixelWindow) {
        let item = try base.item(index)
        return (item.name, PixelWindow(column: 0, row: 0, width: item.width, height: item.height))
    }

    /// A window of the resized classes: each pixel takes the one that its place falls into, as libtorch's `nearest` does.
    private func resized(_ target: Target, _ window: PixelWindow, _ name: String) throws -> Target {
        guard case .classes(let mask) = target, case .uint8(let classes) = mask.samples else {
            throw DownstreamError(.badPairs, "only masks of classes can be resized", in: name)
        }
        var samples = [UInt8](repeating: 0, count: window.width * window.height)
        var validity = [Bool](repeating: true, count: samples.count)
        for row in 0..<window.height {
            let y = (window.row + row) * mask.height / size
            for column in 0..<window.width {
                let x = (window.column + column) * mask.width / size
                samples[row * window.width + column] = classes[y * mask.width + x]
                validity[row * window.width + column] = mask.isValid(row: y, column: x)
            }
        }
        return .classes(
            PixelBuffer(
                bands: 1, height: window.height, width: window.width, samples: .uint8(samples), validity: validity))
    }
}
