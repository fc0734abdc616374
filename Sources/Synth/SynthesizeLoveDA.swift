// Images and masks in the folders of LoveDA: without a place, in splits and domains.
internal import Geo
internal import Raster
public import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Makes procedural landscapes and their land cover as images without a place, in the folders of LoveDA.
///
/// Writes `Train/Rural/images_png/0.png` with `Train/Rural/masks_png/0.png` and so on for `Urban` and `Val`, and the marker `.geodino-synth`
/// with the options. Urban images show a town, rural ones fields and forests; each shows ground of its own. A strip along one side of each
/// image, some percent of it, has no label. The folder appears complete or not at all. Same options, same bytes.
///
/// - Parameters:
///   - options: What to make.
///   - folder: Where; its parent exists.
///   - overwrite: Whether a folder that this or another function of this module made may be replaced; no other folder ever is.
///   - companions: Names of files in that folder that the caller put there and gives up with it.
///   - progress: Told of every image done; an answer of `false` stops the work and leaves things as they were.
/// - Returns: The images, in order.
/// - Throws: `SynthError`.
@discardableResult
public func synthesizeLoveDA(
    _ options: LoveDAOptions, into folder: String, overwrite: Bool = false, companions: Set<String> = [],
    progress: ProgressHandler = { _ in true }
) throws(SynthError) -> [LoveDAImage] {
    try options.validate()
    let output = try SceneFolder(folder, overwrite: overwrite, companions: companions)
    do throws(SynthError) {
        try output.begin(options, form: LoveDAImage.form)
        for split in LoveDAImage.splits {
            for domain in LoveDAImage.domains {
                for kind in LoveDAImage.folders { try output.makeFolder("\(split)/\(domain)/\(kind)") }
            }
        }
        let images = LoveDAImage.all(options.scenes)
        for (done, image) in images.enumerated() {
            guard progress(Progress(unit: "images", done: done, total: images.count)) else {
                throw SynthError(.cancelled, "stopped before all images were made", in: folder)
            }
            try write(image, options, to: output)
        }
        _ = progress(Progress(unit: "images", done: images.count, total: images.count))
        try output.publish()
        return images
    } catch {
        output.abandon()
        throw error
    }
}

/// Metres per pixel of the images of a folder that a function of this module made, which its marker says; `nil` for other folders.
public func synthesizedGSD(of folder: String) -> Double? {
    struct Marker: Decodable {
        struct Options: Decodable { var gsd: Double }
        var options: Options
    }
    guard let data = FileManager.default.contents(atPath: "\(folder)/\(SceneFolder.marker)"),
        let gsd = try? JSONDecoder().decode(Marker.self, from: data).options.gsd, gsd > 0, gsd.isFinite
    else { return nil }
    return gsd
}

/// Makes an image and its mask.
private func write(_ image: LoveDAImage, _ options: LoveDAOptions, to output: SceneFolder) throws(SynthError) {
    let landscape = Landscape(options.landscape, scene: image.scene, mix: image.mix)
    let block = landscape.render(PixelWindow(column: 0, row: 0, width: options.size, height: options.size))
    var mask = block.cover
    if case .uint8(var classes) = mask.samples {
        UnlabelledStrip(seed: landscape.seed, size: options.size).clear(&classes)
        mask.samples = .uint8(classes)
    }
    do {
        try writePNG(block.image, to: output.path(image.image))
        try writePNG(mask, to: output.path(image.mask))
    } catch {
        throw SynthError(
            .writeFailed, "cannot write the image", in: output.path(image.image), why: causes(of: error),
            try: error.remedy)
    }
}

/// The strip of a mask without labels: along one side, wider at one end than at the other.
private struct UnlabelledStrip {
    private let size: Int
    private let side: Int
    /// Width in pixels at its two ends.
    private let ends: (Float, Float)

    init(seed: UInt64, size: Int) {
        var draw = Draw(latticeHash(seed, 4, 0x0DA7A))
        self.size = size
        side = Int(draw.next() % 4)
        ends = (draw.uniform(0.01, 0.05) * Float(size), draw.uniform(0.01, 0.05) * Float(size))
    }

    /// Sets the strip's pixels to 0.
    func clear(_ classes: inout [UInt8]) {
        for along in 0..<size {
            let share = Float(along) / Float(size)
            let width = Int((ends.0 + (ends.1 - ends.0) * share).rounded(.up))
            for across in 0..<min(width, size) {
                let inner = size - 1 - across
                let (row, column) =
                    switch side {
                    case 0: (across, along)
                    case 1: (inner, along)
                    case 2: (along, across)
                    default: (along, inner)
                    }
                classes[row * size + column] = 0
            }
        }
    }
}
