// The names of a map, of its parts and of the files next to it.

/// The files next to a map.
struct Sidecars {
    let stac: String
    let style: String
    let quickLook: String
    var all: [String] { [stac, style, quickLook] }
}

/// The names of the files next to a map: the same with another ending.
func sidecars(of output: String) -> Sidecars {
    let stem = stem(output)
    return Sidecars(stac: stem + ".json", style: stem + ".qml", quickLook: stem + ".png")
}

/// A path without its ending `.tif` or `.tiff`, however that is written.
func stem(_ path: String) -> String {
    for ending in [".tif", ".tiff"] where path.lowercased().hasSuffix(ending) {
        return String(path.dropLast(ending.count))
    }
    return path
}

/// `map.tif` and 2 make `map-part2.tif`.
package func partName(_ output: String, part: Int) -> String {
    let stem = stem(output)
    return "\(stem)-part\(part)\(output.dropFirst(stem.count))"
}
