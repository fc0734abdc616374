// Which bands of a scene stand for what is wanted, and whether scenes that are read as one agree about it.
public import Geo
public import Telemetry

/// The bands that a person named, for all scenes or for some.
public struct BandRequest: Sendable, Hashable, Codable {
    /// Numbers from 1, in the order wanted, for every scene without a line of its own; `nil` leaves it to the file.
    public var all: [Int]?
    /// The same by scene.
    public var byScene: [String: [Int]]

    /// Makes a request; empty, it leaves everything to the files.
    public init(_ all: [Int]? = nil, byScene: [String: [Int]] = [:]) {
        self.all = all
        self.byScene = byScene
    }

    /// What was asked for a scene.
    public subscript(scene: String) -> [Int]? { byScene[scene] ?? all }

    /// Whether nothing was asked for.
    public var isEmpty: Bool { all == nil && byScene.isEmpty }

    /// Who chose the bands of a scene.
    public func asked(_ scene: String) -> SceneBands.Asked {
        byScene[scene] != nil ? .forThis : all != nil ? .forAll : .nobody
    }

    /// As it is typed, with scenes by the names of their files.
    public var text: String {
        let lists = byScene.sorted { $0.key < $1.key }.map {
            (name: "\(Redaction.fileName($0.key))=", numbers: $0.value)
        }
        return ((all.map { [(name: "", numbers: $0)] } ?? []) + lists)
            .map { $0.name + $0.numbers.map { "\($0)" }.joined(separator: ",") }.joined(separator: " ")
    }

    /// Reads `3,2,1` (all scenes) and `SCENE=3,2,1` (one of `scenes`, by its path or, where only one has it, its name).
    ///
    /// - Throws: `badRange` for what is neither, and for scenes that are not among those given.
    public init(_ words: [String], scenes: [String]) throws(RasterError) {
        self.init()
        for word in words {
            let cut = word.lastIndex(of: "=")
            let list = cut.map { word[word.index(after: $0)...] } ?? word[...]
            let numbers = list.split(separator: ",", omittingEmptySubsequences: false).map {
                Int($0.filter { $0 != " " })
            }
            guard !numbers.isEmpty, numbers.allSatisfy({ ($0 ?? 0) >= 1 }) else {
                throw RasterError(
                    .badRange, "--bands takes numbers, counted from 1, such as 4,3,2, or SCENE=4,3,2; got '\(word)'",
                    in: "--bands")
            }
            let bands = numbers.compactMap(\.self)
            guard let cut else {
                all = bands
                continue
            }
            let name = String(word[..<cut])
            // An address also as messages show it, without its token.
            let found = scenes.filter { $0 == name || Redaction.address($0) == name }
            // A name without a folder may stand for the file; a file of another folder is another one.
            let meant =
                found.isEmpty && !name.contains("/") ? scenes.filter { Redaction.fileName($0) == name } : found
            guard let scene = meant.first, Set(meant).count == 1 else {
                throw RasterError(
                    .badRange,
                    "--bands names '\(name)', which is \(meant.isEmpty ? "not one" : "more than one") of the scenes",
                    in: "--bands", try: "name one of: " + scenes.prefix(8).joined(separator: ", "))
            }
            byScene[scene] = bands
        }
    }
}

extension [RasterBand] {
    /// The band of a name: by what it shows, else by its very description.
    public func named(_ name: String) -> RasterBand? {
        let wanted = name.lowercased()
        return first { $0.commonName == wanted } ?? first { $0.name.lowercased() == wanted }
    }

    /// The bands of some numbers; those that are not there are left out.
    public func numbered(_ numbers: [Int]) -> [RasterBand] {
        numbers.compactMap { number in first { $0.index == number } }
    }

    /// Red, green and blue by what bands show; else the first three, or all where there are fewer.
    public var colours: [RasterBand] {
        let found = ["red", "green", "blue"].compactMap(named)
        return found.count == 3 ? found : Array(prefix(3))
    }

    /// Whether red, green and blue can be taken by place alone: there are three bands or more, these three are not all named, and
    /// no other name stands in their place.
    private var haveColoursByPlace: Bool {
        let wanted = ["red", "green", "blue"]
        return count >= 3 && wanted.contains { named($0) == nil }
            && zip(self, wanted).allSatisfy { $0.identity == nil || $0.identity == $1 }
    }

    /// The sentence that says so, of a scene whose bands were chosen that way; `nil` where they were not.
    public func assumption(_ chosen: [RasterBand], in scene: String) -> String? {
        guard haveColoursByPlace, chosen.count >= 3, chosen.prefix(3).map(\.index) == prefix(3).map(\.index) else {
            return nil
        }
        return
            "\(scene): its \(count) bands do not say what they are; \(chosen.prefix(3).map { "\($0.index)" }.joined(separator: ", ")) as red, green, blue (--bands to choose)"
    }

    /// The bands of some names, in their order.
    ///
    /// By what bands show, then by their very description; red, green and blue by place where no name stands against it; as many
    /// bands as are wanted, of which none shows a colour, in their order.
    ///
    /// - Parameters:
    ///   - asked: Numbers that a person chose, which go before everything else.
    ///   - grayAsColour: Whether a sole band is red, green and blue alike.
    public func chosen(
        for names: [String], asked: [Int]?, grayAsColour: Bool = false
    ) throws(MissingBands) -> [RasterBand] {
        let wanted = names.map { $0.lowercased() }
        if let asked {
            guard asked.count == wanted.count else { throw missing(wanted, "--bands names \(asked.count)") }
            let found = numbered(asked)
            guard found.count == asked.count else {
                let absent = asked.first { number in !contains { $0.index == number } } ?? 0
                throw missing(wanted, "there is no band \(absent)")
            }
            return found
        }
        let found = wanted.map(named)
        if !found.contains(nil) { return found.compactMap(\.self) }
        let rgb = ["red", "green", "blue"]
        if Array<String>(wanted.prefix(3)) == rgb, haveColoursByPlace, !found.dropFirst(3).contains(nil) {
            return Array(prefix(3)) + found.dropFirst(3).compactMap(\.self)
        }
        if grayAsColour, wanted == rgb, count == 1 { return Array(repeating: self[0], count: 3) }
        if count == wanted.count, allSatisfy({ $0.identity == nil }) { return self }
        let absent = zip(wanted, found).filter { $0.1 == nil }.map(\.0)
        throw missing(wanted, "none of its bands is \(absent.joined(separator: " or "))")
    }

    private func missing(_ wanted: [String], _ why: String) -> MissingBands {
        // Only bands that can be read: alpha is not one of them. A single band gives a grey picture.
        let numbers = count == 1 ? wanted.map { _ in self[0].index } : prefix(wanted.count).map(\.index)
        return MissingBands(
            wanted: wanted, found: map { $0.identity ?? $0.name }, why: why,
            remedy: numbers.count == wanted.count
                ? "give the bands in the order required: --bands \(numbers.map(String.init).joined(separator: ","))"
                : "give an image of \(wanted.count) bands")
    }
}

/// Bands that are wanted and not to be had.
public struct MissingBands: Error {
    /// The names wanted.
    public let wanted: [String]
    /// What the scene has.
    public let found: [String]
    /// What stands in the way.
    public let why: String
    /// What helps.
    public let remedy: String
}

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
        /// Nobody: they follow from what the file says.
        case nobody
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
/// Bands are compared by what they are, not by their number. A scene that does not say what its bands are agrees with another
/// that does not say it either; beside one that does, a person has to choose its bands. Physical scales have to agree where
/// the stretch takes numbers as they are: offsets are taken out by a fixed stretch, and percentiles know neither.
///
/// - Throws: `badRange`, naming two scenes and a remedy.
public func checkAgreement(_ scenes: [SceneBands], stretch: StretchRule) throws(RasterError) {
    let width = scenes.map(\.bands.count).min() ?? 0
    for place in 0..<width {
        var known: (name: String, isCommon: Bool, scene: SceneBands)?
        var unknown: SceneBands?
        for scene in scenes where !scene.isGrey {
            let band = scene.bands[place]
            guard let name = band.identity else {
                // A sole band without a name is grey, as a sole band is.
                if width > 1, unknown == nil || scene.asked == .nobody { unknown = scene }
                continue
            }
            guard let first = known else {
                known = (name, band.commonName != nil, scene)
                continue
            }
            guard first.name != name else { continue }
            // A name of somebody's own says nothing against the place that a person gave it.
            let isChosen = scene.asked != .nobody || first.scene.asked != .nobody
            if isChosen, band.commonName == nil || !first.isCommon { continue }
            throw RasterError(
                .badRange,
                "band \(band.index), used as number \(place + 1) of \(width), is \(name); in \(first.scene.path) band \(first.scene.bands[place].index), used in the same place, is \(first.name)",
                in: scene.path, why: ["the bands of scenes in one mosaic must have the same meaning"],
                try: scene.asked == .forThis
                    ? "choose other bands of this scene, or process the two scenes separately"
                    : "choose the bands of this scene: --bands \(shellQuoted("\(scene.path)=\(example(width, scene))"))"
            )
        }
        guard let unknown, let known, unknown.asked == .nobody || unknown.asked == .forAll && isTurned(known.scene)
        else { continue }
        throw RasterError(
            .badRange,
            "the scene does not say what its bands are; \(known.scene.path) does: \(known.scene.bands.map { $0.identity ?? "?" }.joined(separator: ", "))",
            in: unknown.path, why: ["in the same order, its bands may have another meaning"],
            try:
                "say which of its bands (1 to \(unknown.all.map(\.index).max() ?? 1)) are these, in this order: --bands \(shellQuoted("\(unknown.path)=\(example(width, unknown))")), or \(shellQuoted("\(unknown.path)=\(example(width, unknown, reversed: true))")) if blue is stored first"
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
private func checkScales(_ scenes: [SceneBands], _ stretch: StretchRule) throws(RasterError) {
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
                throw RasterError(
                    .badRange,
                    "band \(band.index) holds \(band.storedType) values, but in \(scenes[0].path) it holds \(scenes[0].bands[place].storedType)",
                    in: scene.path,
                    why: [
                        "the stretch \(stretch.text) uses stored values as they are, and floats and integers rarely have the same meaning"
                    ],
                    try: "use a stretch by percentiles, such as percentile:2,98, or process these scenes separately")
            }
            if scales || offsets {
                let other = scales ? first : (band: scenes[0].bands[place], path: scenes[0].path)
                throw RasterError(
                    .badRange,
                    "band \(band.index) means \(meaning(band)), but in \(other.path) it means \(meaning(other.band))",
                    in: scene.path,
                    why: ["with the stretch \(stretch.text), the same ground would get different pixels"],
                    try: "use a stretch by percentiles, such as percentile:2,98, or process these scenes separately")
            }
            if scaled == nil, band.scale != 1 { scaled = (band, scene.path) }
        }
    }
}
