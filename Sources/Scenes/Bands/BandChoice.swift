// Which bands of a scene stand for what is wanted.
package import Geo
public import Raster
public import Telemetry

extension [RasterBand] {
    /// The band of a name: by its very description, else by what it shows.
    public func named(_ name: String) -> RasterBand? {
        let wanted = name.lowercased()
        return first { $0.name.lowercased() == wanted } ?? first { $0.commonName == wanted }
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

    /// Whether `colours` are what is wanted of a picture: by name or by place, or there are fewer than three bands.
    var standForColours: Bool {
        count < 3 || ["red", "green", "blue"].allSatisfy { named($0) != nil } || haveColoursByPlace
    }

    /// The sentence that says so, of a scene whose bands were chosen that way; `nil` where they were not.
    ///
    /// - Parameter names: What they stand for, in their order.
    public func assumption(_ chosen: [RasterBand], as names: [String], in scene: String) -> String? {
        guard haveColoursByPlace, chosen.count >= 3, chosen.prefix(3).map(\.index) == prefix(3).map(\.index) else {
            return nil
        }
        let colours = ["red", "green", "blue"]
        let haveColours = Array<String>(names.prefix(3).map { $0.lowercased() }) == colours
        let taken = haveColours || names.count != chosen.count ? Array<RasterBand>(chosen.prefix(3)) : chosen
        let meanings = taken.count == names.count && !haveColours ? names : colours
        return
            "\(scene): its \(count) bands do not say what they are; \(taken.map { "\($0.index)" }.joined(separator: ", ")) as \(meanings.joined(separator: ", ")) (\(Setting.bands) to choose)"
    }

    /// The bands of some names, in their order; a sentence about what is missing where they are not all there.
    ///
    /// By their very description, then by what they show; red, green and blue by place where no name stands against it; as many
    /// bands as are wanted, of which none shows a colour, in their order.
    func stand(for names: [String], grayAsColour: Bool) -> Result<[RasterBand], MissingName> {
        let wanted = names.map { $0.lowercased() }
        let found = wanted.map(named)
        if !found.contains(nil) { return .success(found.compactMap(\.self)) }
        let rgb = ["red", "green", "blue"]
        if Array<String>(wanted.prefix(3)) == rgb, haveColoursByPlace, !found.dropFirst(3).contains(nil) {
            return .success(Array(prefix(3)) + found.dropFirst(3).compactMap(\.self))
        }
        if grayAsColour, wanted == rgb, count == 1 { return .success(Array(repeating: self[0], count: 3)) }
        if count == wanted.count, allSatisfy({ $0.identity == nil }) { return .success(self) }
        let absent = zip(wanted, found).filter { $0.1 == nil }.map(\.0)
        return .failure(MissingName(why: "none of its bands is \(absent.joined(separator: " or "))"))
    }
}

/// A band that is wanted is not there.
struct MissingName: Error {
    /// What stands in the way.
    let why: String
}

/// What is wanted of the bands of a raster.
public enum WantedBands: Sendable, Hashable {
    /// Red, green and blue by what bands show; else the first three where they have no other names, or all where there are fewer.
    case colour
    /// Bands by what they are called or show, in this order.
    case named([String])
    /// Bands by their numbers, from 1, in this order.
    case numbered([Int])

    /// How many; `nil` for as many as there are, up to three.
    var count: Int? {
        switch self {
        case .colour: nil
        case .named(let names): names.count
        case .numbered(let numbers): numbers.count
        }
    }
}

/// A raster whose bands are to be chosen.
public protocol BandedRaster {
    /// The path or address.
    var path: String { get }
    /// The bands that can be read.
    var bands: [RasterBand] { get }
    /// What is to be said of a band that was set aside.
    var alphaNote: String? { get }
}

extension RasterReader: BandedRaster {}
extension Scene: BandedRaster {}

extension BandedRaster {
    /// The bands that are read, in order: the one rule for tiles, maps, fits and features.
    ///
    /// - Parameters:
    ///   - wanted: What is wanted.
    ///   - asked: Numbers that a person gave with `--bands`, which go before everything else.
    ///   - asker: What wants them, for the message: `the model`, `the profile`.
    ///   - grayAsColour: Whether a sole band is red, green and blue alike.
    /// - Throws: `missingBands`.
    public func chosen(
        _ wanted: WantedBands, asked: [Int]?, by asker: String, grayAsColour: Bool = false
    ) throws(SceneError) -> [RasterBand] {
        let note = [alphaNote].compactMap(\.self)
        let found = "the raster has \(bands.count) (\(bands.map { $0.identity ?? $0.name }.joined(separator: ", ")))"
        func numbered(_ numbers: [Int], by whose: String) throws(SceneError) -> [RasterBand] {
            if let absent = numbers.first(where: { number in !bands.contains { $0.index == number } }) {
                throw SceneError(
                    .missingBands, "\(whose) asks for band \(absent), but \(found)", in: path, why: note,
                    try: "list its bands with: gdalinfo \(shellQuoted(path))")
            }
            return bands.numbered(numbers)
        }
        if let asked {
            if let count = wanted.count, count != asked.count {
                throw SceneError(
                    .missingBands,
                    "\(Setting.bands) names \(asked.count) band\(asked.count == 1 ? "" : "s"), but \(asker) needs \(count)",
                    in: path, try: remedy(for: count))
            }
            return try numbered(asked, by: "\(Setting.bands)")
        }
        switch wanted {
        case .colour:
            let names = ["red", "green", "blue"]
            guard bands.standForColours else {
                throw SceneError(
                    .missingBands, "\(asker) needs red, green and blue, but \(found)", in: path,
                    why: ["its bands have other names, so that their order says nothing"] + note,
                    try: remedy(for: names.count))
            }
            return bands.colours
        case .numbered(let numbers): return try numbered(numbers, by: asker)
        case .named(let names):
            do {
                return try bands.stand(for: names, grayAsColour: grayAsColour).get()
            } catch {
                throw SceneError(
                    .missingBands,
                    "\(asker) needs \(names.count) band\(names.count == 1 ? "" : "s") (\(names.joined(separator: ", "))), but \(found)",
                    in: path, why: [error.why] + note, try: remedy(for: names.count))
            }
        }
    }

    /// Bands in the order required.
    ///
    /// Only bands that can be read: alpha is not one of them. A single band gives a grey picture.
    private func remedy(for count: Int) -> String {
        let numbers = bands.count == 1 ? (0..<count).map { _ in bands[0].index } : bands.prefix(count).map(\.index)
        return numbers.count == count
            ? "give the bands in the order required: \(Setting.bands) \(numbers.map(String.init).joined(separator: ","))"
            : "give an image of \(count) bands"
    }
}

extension [RasterBand] {
    /// What is to be said of values that stand for others by a scale, where a fixed stretch takes them as they are stored; `nil` where
    /// they stand for themselves.
    ///
    /// Scenes of one corpus or one map are compared with each other; what a model was trained on is not known here.
    package func scaleNote(_ stretch: StretchRule, in scene: String) -> String? {
        guard case .fixed(let low, let high) = stretch, let band = first(where: { $0.scale != 1 || $0.offset != 0 })
        else {
            return nil
        }
        return
            "\(scene): its values are stored with scale \(number(band.scale)) and offset \(number(band.offset)); the fixed stretch from \(number(low)) to \(number(high)) is applied to the stored values, so the model must have been trained on scenes stored in the same way"
    }
}
