// Whether scenes that are read as one agree about what their bands are.
public import Geo
public import Raster
public import Telemetry

/// The bands of a scene that are read, for comparison with other scenes.
public struct SceneBands: Sendable {
    /// The scene.
    public var path: String
    /// The bands, in the order in which they are read.
    public var bands: [RasterBand]
    /// All its bands.
    public var all: [RasterBand]
    /// Whether a person chose them by number, and for which scenes.
    public var asked: Asked

    /// Who chose the bands of a scene.
    public enum Asked: Sendable, Hashable {
        /// Not chosen: they follow from what the file says.
        case automatically
        /// A profile, for whatever scenes come.
        case byProfile
        /// A person, for all scenes alike.
        case forAll
        /// A person, for this scene.
        case forThis
    }

    /// Makes a description.
    public init(path: String, bands: [RasterBand], all: [RasterBand], asked: Asked) {
        self.path = path
        self.bands = bands
        self.all = all
        self.asked = asked
    }

    /// One band read several times, which is grey in all colours and agrees with any.
    var isGrey: Bool { bands.count > 1 && Set(bands.map(\.index)).count == 1 }
}

/// Refuses scenes that are read as one (a corpus, a map, the images of a fit) and do not mean the same by their bands.
///
/// Bands are compared by what they are, not by their number. Scenes that do not say what their bands are agree with each other;
/// next to a scene that does say it, the user has to choose their bands. Physical scales must agree if the stretch uses stored
/// numbers as they are: a fixed stretch removes offsets, and percentiles depend on neither scale nor offset.
///
/// - Throws: `unclearBands` or `unequalScales`, naming two scenes and a remedy.
public func checkAgreement(_ scenes: [SceneBands], stretch: StretchRule) throws(SceneError) {
    let width = scenes.map(\.bands.count).min() ?? 0
    for place in 0..<width {
        var known: (name: String, isCommon: Bool, scene: SceneBands)?
        var unknown: SceneBands?
        for scene in scenes where !scene.isGrey {
            let band = scene.bands[place]
            guard let name = band.identity else {
                // A sole band without a name is grey, as a sole band is.
                if width > 1, unknown == nil || scene.asked == .automatically || scene.asked == .byProfile {
                    unknown = scene
                }
                continue
            }
            guard let first = known else {
                known = (name, band.commonName != nil, scene)
                continue
            }
            guard first.name != name else { continue }
            // A custom band name does not contradict an explicit choice.
            let isChosen = scene.asked != .automatically || first.scene.asked != .automatically
            if isChosen, band.commonName == nil || !first.isCommon { continue }
            throw SceneError(
                .unclearBands,
                "band \(band.index), used as number \(place + 1) of \(width), is \(name); in \(first.scene.path) band \(first.scene.bands[place].index), used in the same place, is \(first.name)",
                in: scene.path, why: ["the bands of scenes in one mosaic must have the same meaning"],
                try: scene.asked == .forThis
                    ? "choose other bands of this scene, or process the two scenes separately"
                    : "choose the bands of this scene: \(Setting.bands) \(shellQuoted("\(scene.path)=\(example(width, scene))"))"
            )
        }
        guard let unknown, let known,
            [.automatically, .byProfile].contains(unknown.asked) || unknown.asked == .forAll && isTurned(known.scene)
        else { continue }
        throw SceneError(
            .unclearBands,
            "the scene does not say what its bands are; \(known.scene.path) does: \(known.scene.bands.map { $0.identity ?? "?" }.joined(separator: ", "))",
            in: unknown.path, why: ["in the same order, its bands may have another meaning"],
            try:
                "say which of its bands (1 to \(unknown.all.map(\.index).max() ?? 1)) are these, in this order: \(Setting.bands) \(shellQuoted("\(unknown.path)=\(example(width, unknown))")), or \(shellQuoted("\(unknown.path)=\(example(width, unknown, reversed: true))")) if blue is stored first"
        )
    }
    try checkScales(scenes, stretch)
}

/// Whether a scene that names its bands is read in an order that was meant for others: red is named, and not first.
private func isTurned(_ scene: SceneBands) -> Bool {
    let wanted = ["red", "green", "blue"]
    guard scene.asked == .forAll, scene.bands.count >= 3, wanted.allSatisfy({ scene.all.named($0) != nil }) else {
        return false
    }
    return scene.bands.prefix(3).map(\.identity) != wanted
}

private func example(_ count: Int, _ scene: SceneBands, reversed: Bool = false) -> String {
    let numbers = scene.all.map(\.index)
    let places = Array(0..<count)
    // A scene with fewer bands gives one of them several times.
    return (reversed ? places.reversed() : places).map { "\(numbers[min($0, numbers.count - 1)])" }
        .joined(separator: ",")
}

/// What a sample stands for.
private func meaning(_ band: RasterBand) -> String {
    "value x \(band.scale) \(band.offset < 0 ? "-" : "+") \(abs(band.offset))"
}

/// Refuses numbers that mean different things, as far as the files say what they mean.
private func checkScales(_ scenes: [SceneBands], _ stretch: StretchRule) throws(SceneError) {
    if case .percentile = stretch { return }
    for place in 0..<(scenes.map(\.bands.count).min() ?? 0) {
        var scaled: (band: RasterBand, path: String)?
        for scene in scenes {
            let band = scene.bands[place]
            let first = scaled ?? (scenes[0].bands[place], scenes[0].path)
            func differs(_ a: Double, _ b: Double) -> Bool { abs(a - b) > 1e-6 * max(abs(a), abs(b)) }
            // A scale that is not stated is not known to differ; an offset of 0 is the common case, and is.
            let scales = scaled != nil && band.scale != 1 && differs(band.scale, first.band.scale)
            let offsets = stretch == .none && differs(band.offset, scenes[0].bands[place].offset)
            if stretch != .none, (band.sampleType == .float32) != (scenes[0].bands[place].sampleType == .float32) {
                throw SceneError(
                    .unequalScales,
                    "band \(band.index) holds \(band.storedType) values, but in \(scenes[0].path) it holds \(scenes[0].bands[place].storedType)",
                    in: scene.path,
                    why: [
                        "the stretch \(stretch.text) uses stored values as they are, and floats and integers rarely have the same meaning"
                    ],
                    try: "use a stretch by percentiles, such as percentile:2,98, or process these scenes separately")
            }
            if scales || offsets {
                let other = scales ? first : (band: scenes[0].bands[place], path: scenes[0].path)
                throw SceneError(
                    .unequalScales,
                    "band \(band.index) means \(meaning(band)), but in \(other.path) it means \(meaning(other.band))",
                    in: scene.path,
                    why: ["with the stretch \(stretch.text), the same ground would get different pixels"],
                    try: "use a stretch by percentiles, such as percentile:2,98, or process these scenes separately")
            }
            if scaled == nil, band.scale != 1 { scaled = (band, scene.path) }
        }
    }
}
