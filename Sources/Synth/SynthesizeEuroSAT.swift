// Images of one class each, in the folders of EuroSAT, and the lists of its splits.
internal import Raster
public import Telemetry

/// Makes images of ten kinds of land, as a satellite with pixels of 10 m would see them, in the folders of EuroSAT.
///
/// Writes `EuroSAT_RGB/Forest/Forest_1.png` and so on for the ten classes, the lists `eurosat-train.txt`, `eurosat-val.txt` and
/// `eurosat-test.txt` with the names of their images, one per line, and the marker `.geodino-synth` with the options. Each image has
/// light, season and air of its own, so that its mean colour says less about the class than its texture, edges and lines do. Of every five
/// images of a class three are for training, one for validation and one for the test. The folder appears complete or not at all. Same
/// options, same bytes.
///
/// - Parameters:
///   - options: What to make.
///   - folder: Where; its parent exists.
///   - overwrite: Whether a folder that this or another function of this module made may be replaced; no other folder ever is.
///   - companions: Names of files in that folder that the caller put there and gives up with it.
///   - progress: Told of every image done; an answer of `false` stops the work and leaves things as they were.
/// - Returns: The images, in order: by class, then by number.
/// - Throws: `SynthError`.
@discardableResult
public func synthesizeEuroSAT(
    _ options: EuroSATOptions, into folder: String, overwrite: Bool = false, companions: Set<String> = [],
    progress: ProgressHandler = { _ in true }
) throws(SynthError) -> [EuroSATImage] {
    try options.validate()
    let output = try SceneFolder(folder, overwrite: overwrite, companions: companions)
    do throws(SynthError) {
        try output.begin(options, form: EuroSATImage.form)
        let images = EuroSATImage.all(options.scenes)
        var done = 0
        for kind in EuroSATClass.allCases {
            try output.makeFolder("\(EuroSATImage.root)/\(kind.name)")
            for image in images where image.label == kind.name {
                guard progress(Progress(unit: "images", done: done, total: images.count)) else {
                    throw SynthError(.cancelled, "stopped before all images were made", in: folder)
                }
                try write(image, of: kind, options, to: output)
                done += 1
            }
        }
        for split in EuroSATImage.splits {
            let names = images.filter { $0.split == split }.map { "\($0.name)\n" }
            try output.write(names.joined(), to: EuroSATImage.list(of: split))
        }
        _ = progress(Progress(unit: "images", done: done, total: done))
        try output.publish()
        return images
    } catch {
        output.abandon()
        throw error
    }
}

/// Makes an image.
private func write(
    _ image: EuroSATImage, of kind: EuroSATClass, _ options: EuroSATOptions, to output: SceneFolder
) throws(SynthError) {
    let view = EuroSATView(options, kind: kind, number: image.number)
    do { try writePNG(view.render(), to: output.path(image.image)) } catch {
        throw SynthError(
            .writeFailed, "cannot write the image", in: output.path(image.image), why: causes(of: error),
            try: error.remedy)
    }
}
