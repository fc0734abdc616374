// Tasks of masks of GEO-Bench as a segmentation set.
internal import Files
internal import Geo
public import Telemetry

/// The masks of a task's samples.
struct GeoBenchMasks: MaskSource {
    let set: GeoBenchSet

    func maskSize(_ image: Int) throws -> (width: Int, height: Int) {
        let mask = try set.mask(image)
        return (mask.shape[1], mask.shape[0])
    }

    func classes(_ image: Int, window: PixelWindow) throws -> [UInt8] {
        let mask = try set.mask(image)
        // Checked to be classes when they were read.
        let values = (mask.integers() ?? []).map { UInt8(clamping: $0) }
        let whole = PixelBuffer(bands: 1, height: mask.shape[0], width: mask.shape[1], samples: .uint8(values))
        guard case .uint8(let cut) = whole.cropped(to: window).samples else { return [] }
        return cut
    }

    func maskStamps(_ image: Int) -> [String] { [] }
}

extension GeoBenchSet {
    /// The task as a segmentation set; all pixels have a class, `no data` too where a task has that.
    ///
    /// - Throws: `BenchmarksError`: `badForm` for a task of whole images; the errors of `SegmentationSet`.
    public func segmentationSet() throws(BenchmarksError) -> SegmentationSet {
        guard task.kind == .mask else {
            throw BenchmarksError(
                .badForm, "\(task.name) asks for the class of a whole image, not of each pixel", in: folder,
                try: "score it as a classification")
        }
        guard (2...200).contains(task.classes.count) else {
            throw BenchmarksError(
                .badLabels, "\(task.name) has \(counted(task.classes.count, "classes")); expected 2 to 200", in: folder)
        }
        let classes = task.classes.enumerated().map { index, name in (name: name, colour: Self.colour(index)) }
        return try SegmentationSet(
            name: task.name, legend: .indexed(classes, name: task.name), unlabelled: "", gsd: task.gsdMetres,
            images: samples.map { SegmentationImage(name: $0.name, path: joined(folder, $0.name), split: $0.split) },
            masks: GeoBenchMasks(set: self), notes: notes, in: folder)
    }

    /// A colour for a class by its index: GEO-Bench names none.
    private static func colour(_ index: Int) -> [UInt8] {
        // The bits of the index, highest first, as the colours of PASCAL VOC are made.
        var (red, green, blue): (UInt8, UInt8, UInt8) = (0, 0, 0)
        for bit in 0..<8 {
            let rest = UInt8(truncatingIfNeeded: index >> (3 * bit))
            red |= (rest & 1) << (7 - bit)
            green |= (rest >> 1 & 1) << (7 - bit)
            blue |= (rest >> 2 & 1) << (7 - bit)
        }
        return [red, green, blue]
    }
}
