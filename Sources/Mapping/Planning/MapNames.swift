// The names of a map, of its parts and of the files next to it.

/// The files that come with a map.
struct Sidecars {
    let stac: String
    let style: String
    let quickLook: String
    /// Those that were asked for with a map of classes.
    let probabilities: String?
    let confidence: String?
    let polygons: String?

    /// The files that show the map.
    var pictures: [String] { [style, quickLook] }
    /// The files that were asked for by `ClassOutputs`.
    var asked: [String] { [probabilities, confidence, polygons].compactMap(\.self) }
    var all: [String] { [stac] + pictures + asked }
}

/// The names of the files next to a map: the map's name with other endings.
///
/// - Parameter polygons: The file of polygons, whose name is free.
func sidecars(of output: String, outputs: ClassOutputs = ClassOutputs(), polygons: String? = nil) -> Sidecars {
    let stem = stem(output)
    let ending = output.dropFirst(stem.count)
    return Sidecars(
        stac: stem + ".json", style: stem + ".qml", quickLook: stem + ".png",
        probabilities: outputs.probabilities ? "\(stem)-probabilities\(ending)" : nil,
        confidence: outputs.confidence ? "\(stem)-confidence\(ending)" : nil, polygons: polygons)
}

/// A path without its ending `.tif` or `.tiff`, however that is written.
func stem(_ path: String) -> String {
    for ending in [".tif", ".tiff"] where path.lowercased().hasSuffix(ending) {
        return String(path.dropLast(ending.count))
    }
    return path
}

/// The last part of a path.
func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

/// The name of a part: `map.tif` and 2 make `map-part2.tif`.
package func partName(_ output: String, part: Int) -> String {
    let name = fileName(output)
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "\(output)-part\(part)" }
    let ending = name[dot...]
    return "\(output.dropLast(ending.count))-part\(part)\(ending)"
}
