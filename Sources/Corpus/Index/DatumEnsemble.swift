// CRS definitions that do not depend on what a process did before.
internal import Foundation
internal import Geo
internal import Raster

extension CoordinateReferenceSystem {
    /// The same CRS with a definition that is always the same text.
    ///
    /// PROJ spells WGS 84 as an ensemble of its realisations or as one datum, depending on what was opened before in
    /// the same process; both name the same places.
    var spelledPlainly: CoordinateReferenceSystem {
        definition.hasPrefix("EPSG:") ? self : CoordinateReferenceSystem(withoutEnsemble(definition))
    }

    /// Its WKT 2 as a text that is always the same.
    var plainWKT: String { withoutEnsemble(wkt) }
}

/// WKT 2 with every `ENSEMBLE["X ensemble",MEMBER...,ELLIPSOID...,ENSEMBLEACCURACY...]` as `DATUM["X",ELLIPSOID...]`.
package func withoutEnsemble(_ wkt: String) -> String {
    guard let start = wkt.range(of: "ENSEMBLE["), let end = closing(wkt, from: start.upperBound) else { return wkt }
    let parts = split(wkt[start.upperBound..<end])
    let ellipsoid = parts.filter { $0.hasPrefix("ELLIPSOID[") }
    guard var name = parts.first.map(String.init), ellipsoid.count == 1 else { return wkt }
    if name.hasSuffix(" ensemble\"") { name = name.dropLast(10) + "\"" }
    let plain = "DATUM[\(name),\(ellipsoid[0])]"
    let rest = withoutEnsemble(String(wkt[wkt.index(after: end)...]))
    return wkt[..<start.lowerBound] + plain + rest
}

/// Where the bracket that was opened just before an index is closed.
private func closing(_ text: String, from start: String.Index) -> String.Index? {
    var depth = 1
    var quoted = false
    var index = start
    while index < text.endIndex {
        switch text[index] {
        case "\"": quoted.toggle()
        case "[" where !quoted: depth += 1
        case "]" where !quoted:
            depth -= 1
            if depth == 0 { return index }
        default: break
        }
        index = text.index(after: index)
    }
    return nil
}

/// The parts between commas that lie in no bracket and no quotes.
private func split(_ text: Substring) -> [Substring] {
    var parts: [Substring] = []
    var depth = 0
    var quoted = false
    var from = text.startIndex
    for index in text.indices {
        switch text[index] {
        case "\"": quoted.toggle()
        case "[" where !quoted: depth += 1
        case "]" where !quoted: depth -= 1
        case "," where !quoted && depth == 0:
            parts.append(text[from..<index])
            from = text.index(after: index)
        default: break
        }
    }
    return parts + [text[from...]]
}
