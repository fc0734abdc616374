// Scenes read onto the lattice: the earlier-listed wins, pixel by pixel, wherever it is valid.
package import Geo
package import Raster

/// A piece of the lattice with the scenes' pixels; the unit of reading.
///
/// Its place is fixed on the lattice, so the same call reads it whatever area is asked for.
package struct Chunk: Sendable {
    /// Side in pixels.
    package static let size = 512
    /// Pixels in the model's sample type, with validity where not all are valid; `nil` where none is.
    package let pixels: PixelBuffer?

    /// The pixels of a chunk on the lattice.
    package static func window(_ index: LatticeIndex) -> PixelWindow {
        PixelWindow(column: index.i * size, row: index.j * size, width: size, height: size)
    }

    /// The chunks that hold some of a window.
    package static func indices(of window: PixelWindow) -> (i: ClosedRange<Int>, j: ClosedRange<Int>) {
        (
            floorDivide(window.column, size)...floorDivide(window.column + window.width - 1, size),
            floorDivide(window.row, size)...floorDivide(window.row + window.height - 1, size)
        )
    }
}

/// How the pixels of all scenes are read; shared by the threads.
package struct MosaicPlan: Sendable {
    /// The pixels that they are read onto.
    package let frame: PixelFrame
    /// What the pixels become.
    package let layout: PixelLayout
    /// The scenes, the earlier before the later.
    package let scenes: [PlacedScene]
    /// One per scene.
    package let stretches: [StretchParameters?]

    /// Makes a plan; without stretches it only tells where there are pixels.
    package init(
        lattice: PixelLattice, layout: PixelLayout, scenes: [PlacedScene], stretches: [StretchParameters?]? = nil
    ) {
        self.init(frame: .lattice(lattice), layout: layout, scenes: scenes, stretches: stretches)
    }

    /// Makes a plan for any pixels.
    init(
        frame: PixelFrame, layout: PixelLayout, scenes: [PlacedScene], stretches: [StretchParameters?]? = nil
    ) {
        self.frame = frame
        self.layout = layout
        self.scenes = scenes
        self.stretches = stretches ?? scenes.map { _ in nil }
    }
}

/// Reads the scenes of a map onto its lattice.
///
/// One thread only: it keeps files open.
package final class SceneMosaic {
    private let plan: MosaicPlan
    private let open: OpenScenes

    /// Reads by a plan, with the scenes that this thread has open.
    package init(_ plan: MosaicPlan, open: OpenScenes = OpenScenes()) {
        self.plan = plan
        self.open = open
    }

    /// The mosaic of a window of the lattice.
    package func read(_ window: PixelWindow) throws -> Chunk {
        var result: PixelBuffer?
        for (number, scene) in plan.scenes.enumerated() where !scene.window.intersection(window).isEmpty {
            if try isEmpty(scene, window) { continue }
            let buffer = try read(scene, number, window)
            guard buffer.validity?.contains(true) ?? true else { continue }
            if let under = result { result = laid(under, over: buffer) } else { result = buffer }
            if result?.validity == nil { break }
        }
        return Chunk(pixels: result)
    }

    /// Whether a window of the lattice certainly gets no valid pixel.
    package func isEmpty(_ window: PixelWindow) throws -> Bool {
        for scene in plan.scenes where !scene.window.intersection(window).isEmpty {
            guard try isEmpty(scene, window) else { return false }
        }
        return true
    }

    private func isEmpty(_ scene: PlacedScene, _ window: PixelWindow) throws -> Bool {
        let reader = try open.reader(scene.path)
        if let column = scene.alignedColumn, let row = scene.alignedRow {
            return reader.isEmpty(window.shifted(columns: -column, rows: -row), bands: scene.bands)
        }
        return reader.isEmpty(under: plan.frame.grid(of: window, in: reader.grid), bands: scene.bands)
    }

    private func read(_ scene: PlacedScene, _ number: Int, _ window: PixelWindow) throws -> PixelBuffer {
        let reader = try open.reader(scene.path)
        let raw: PixelBuffer
        if let column = scene.alignedColumn, let row = scene.alignedRow {
            raw = try reader.read(window.shifted(columns: -column, rows: -row), bands: scene.bands)
        } else {
            raw = try reader.read(
                onto: plan.frame.grid(of: window, in: reader.grid), bands: scene.bands,
                resampling: Resampling(rawValue: scene.resampling) ?? .cubic)
        }
        var buffer = raw
        if plan.layout.sampleType == .uint8 {
            buffer = stretched(raw, by: plan.stretches[number])
        } else if plan.layout.sampleType != raw.sampleType {
            buffer.samples = converted(raw.floats(), to: plan.layout.sampleType)
        }
        buffer.grid = nil
        if let validity = buffer.validity, !validity.contains(false) { buffer.validity = nil }
        return buffer
    }
}

/// The first buffer, with the second showing wherever the first is not valid.
package func laid(_ first: PixelBuffer, over second: PixelBuffer) -> PixelBuffer {
    guard let have = first.validity else { return first }
    let count = first.height * first.width
    var validity = have
    var taken: [Int] = []
    for place in 0..<count where !have[place] && second.validity?[place] ?? true {
        validity[place] = true
        taken.append(place)
    }
    func mixed<S>(_ a: [S], _ b: [S]) -> [S] {
        var out = a
        for band in 0..<first.bands {
            for place in taken { out[band * count + place] = b[band * count + place] }
        }
        return out
    }
    var result = first
    switch (first.samples, second.samples) {
    case (.uint8(let a), .uint8(let b)): result.samples = .uint8(mixed(a, b))
    case (.uint16(let a), .uint16(let b)): result.samples = .uint16(mixed(a, b))
    case (.int16(let a), .int16(let b)): result.samples = .int16(mixed(a, b))
    case (.float32(let a), .float32(let b)): result.samples = .float32(mixed(a, b))
    default:
        preconditionFailure("scenes of one map are brought to one sample type before they are laid over each other")
    }
    result.validity = validity.contains(false) ? validity : nil
    return result
}

/// Floats as another sample type, rounded and limited to its range.
package func converted(_ values: [Float], to type: SampleType) -> PixelBuffer.Samples {
    switch type {
    case .uint8: .uint8(values.map { UInt8(max(0, min(255, $0.rounded()))) })
    case .uint16: .uint16(values.map { UInt16(max(0, min(65535, $0.rounded()))) })
    case .int16: .int16(values.map { Int16(max(-32768, min(32767, $0.rounded()))) })
    case .float32: .float32(values)
    }
}
