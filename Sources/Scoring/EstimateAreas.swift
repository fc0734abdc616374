// Estimates the areas of a map's classes by samples.
public import Geo
internal import Measures
public import Raster
public import Telemetry

/// Estimates areas of classes from samples of a map whose class on the ground was looked up.
///
/// Each sample counts with the map's class of the pixel that holds it; its own class is what the legend says of its value. The
/// estimates hold if the samples were drawn at random within each class of the map, as by `drawSamples`. Areas are those of the map
/// inside the AOI, without unsure pixels, in square metres on the ground.
///
/// - Parameters:
///   - map: Path of the map: one band of whole numbers.
///   - samples: A layer of points, in any CRS.
///   - legend: What the values of both stand for.
///   - aoi: Where to estimate; `nil` is everywhere.
///   - progress: Told of every window read; an answer of `false` stops the work.
/// - Throws: `ScoringError`; `badSamples` for other things than points, and where no sample counts.
public func estimateAreas(
    map: String, samples: LabelLayer, legend: Legend, aoi: AreaOfInterest? = nil,
    progress: ProgressHandler = { _ in true }
) throws(ScoringError) -> LandCoverAreas {
    guard samples.polygonCount == 0, samples.lineCount == 0 else {
        throw ScoringError(
            .badSamples, "samples are points, but the layer '\(samples.layer)' holds polygons or lines",
            in: samples.path, try: "give a layer of points, or score the map with the layer as the truth")
    }
    let meanings = legend.meanings
    let unknown = samples.values.filter { meanings[$0.value] == nil }
    if !unknown.isEmpty {
        throw legend.refusal(ofLabels: unknown, unit: "features", subject: "the samples hold", in: samples.path)
    }
    let cover = try MappedCover(map: map, legend: legend, aoi: aoi)
    var areas = [Double](repeating: 0, count: legend.classes.count)
    var tally = ConfusionTally(classCount: legend.classes.count)
    try cover.visit(progress) { window, found throws(ScoringError) in
        let sizes = try cover.pixelAreas(of: window)
        for (place, index) in found.enumerated() where index != ConfusionTally.none {
            areas[Int(index)] += sizes[place / window.width]
        }
        let burnt: BurntLabels
        do throws(RasterError) {
            let grid = cover.grid.grid(of: window)
            guard try samples.overlaps(grid) else { return }
            burnt = try samples.burn(onto: grid) { meanings[$0] ?? .unknown }
        } catch {
            throw ScoringError(
                .readFailed, "cannot place the samples on the map", in: samples.path, why: causes(of: error),
                try: error.remedy)
        }
        for (place, index) in found.enumerated() where index != ConfusionTally.none && burnt.validity[place] {
            tally.add(prediction: Int(index), truth: Int(burnt.indices[place]))
        }
    }
    guard areas.contains(where: { $0 > 0 }) else { throw cover.noClasses }
    guard tally.count > 0 else {
        throw ScoringError(
            .badSamples, "no sample lies where the map has a class", in: samples.path,
            why: ["map \(cover.grid.placeText), samples in \(samples.crs.name)"],
            try: "compare with: ogrinfo -al -so \(shellQuoted(samples.path))")
    }
    return LandCoverAreas(
        AreaEstimate(mappedAreas: areas, samples: tally), samples: tally.count,
        samplesLeftOut: samples.pointCount - tally.count, legend: legend)
}
