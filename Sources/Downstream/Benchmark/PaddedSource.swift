// Images of a source, the small ones padded to the size of a crop: for benchmarks whose crops are larger than some of their images.
package import Geo
internal import Telemetry

/// Images that are padded at the right and at the bottom, so that none is smaller than a crop.
///
/// Pixels that were added are not valid, so that they take the mean of all images, and have no label.
package struct PaddedSource: LabelledSource {
    private let base: any LabelledSource
    private let side: Int

    /// Takes a source.
    ///
    /// - Parameter side: The least width and height of an image, pixels.
    package init(_ base: any LabelledSource, side: Int) {
        self.base = base
        self.side = side
    }

    package var layout: PixelLayout { base.layout }
    package var count: Int { base.count }
    package var fingerprint: String { "\(base.fingerprint), filled up to \(side) pixels" }
    package var legend: Legend? { base.legend }
    package var disputedPixels: Int { base.disputedPixels }

    package func item(_ index: Int) throws -> LabelledItem {
        var item = try base.item(index)
        (item.width, item.height) = (max(item.width, side), max(item.height, side))
        return item
    }

    package func sample(_ index: Int, window: PixelWindow) throws -> (image: PixelBuffer, target: Target) {
        let item = try base.item(index)
        guard let inside = Self.inside(window, item) else {
            let none = PixelBuffer(
                bands: layout.bands.count, height: window.height, width: window.width,
                samples: Self.zeros(layout.sampleType, layout.bands.count * window.width * window.height),
                validity: [Bool](repeating: false, count: window.width * window.height))
            return (none, try target(index, window: window))
        }
        let (image, target) = try base.sample(index, window: inside)
        return (Self.padded(image, to: window), try padded(target, to: window, item.name))
    }

    package func target(_ index: Int, window: PixelWindow) throws -> Target {
        let item = try base.item(index)
        guard let inside = Self.inside(window, item) else {
            let count = window.width * window.height
            return .classes(
                PixelBuffer(
                    bands: 1, height: window.height, width: window.width,
                    samples: .uint8([UInt8](repeating: 255, count: count)),
                    validity: [Bool](repeating: false, count: count)))
        }
        return try padded(base.target(index, window: inside), to: window, item.name)
    }

    /// The part of a window that is inside the image; `nil` where there is none.
    private static func inside(_ window: PixelWindow, _ item: LabelledItem) -> PixelWindow? {
        let (width, height) = (
            min(window.width, item.width - window.column), min(window.height, item.height - window.row)
        )
        guard width > 0, height > 0 else { return nil }
        return PixelWindow(column: window.column, row: window.row, width: width, height: height)
    }

    private func padded(_ target: Target, to window: PixelWindow, _ name: String) throws(DownstreamError) -> Target {
        guard case .classes(let mask) = target else {
            throw DownstreamError(.badPairs, "only images with masks of classes can be padded", in: name)
        }
        return .classes(Self.padded(mask, to: window))
    }

    private static func zeros(_ type: SampleType, _ count: Int) -> PixelBuffer.Samples {
        switch type {
        case .uint8: .uint8([UInt8](repeating: 0, count: count))
        case .uint16: .uint16([UInt16](repeating: 0, count: count))
        case .int16: .int16([Int16](repeating: 0, count: count))
        case .float32: .float32([Float](repeating: 0, count: count))
        }
    }

    private static func padded(_ pixels: PixelBuffer, to window: PixelWindow) -> PixelBuffer {
        guard pixels.width < window.width || pixels.height < window.height else { return pixels }
        func spread<Value>(_ values: [Value], bands: Int, _ nothing: Value) -> [Value] {
            var all = [Value](repeating: nothing, count: bands * window.width * window.height)
            for band in 0..<bands {
                for row in 0..<pixels.height {
                    let source = (band * pixels.height + row) * pixels.width
                    let target = (band * window.height + row) * window.width
                    all.replaceSubrange(target..<target + pixels.width, with: values[source..<source + pixels.width])
                }
            }
            return all
        }
        let samples: PixelBuffer.Samples =
            switch pixels.samples {
            case .uint8(let values): .uint8(spread(values, bands: pixels.bands, 0))
            case .uint16(let values): .uint16(spread(values, bands: pixels.bands, 0))
            case .int16(let values): .int16(spread(values, bands: pixels.bands, 0))
            case .float32(let values): .float32(spread(values, bands: pixels.bands, 0))
            }
        let known = pixels.validity ?? [Bool](repeating: true, count: pixels.width * pixels.height)
        return PixelBuffer(
            bands: pixels.bands, height: window.height, width: window.width, samples: samples,
            validity: spread(known, bands: 1, false))
    }
}
