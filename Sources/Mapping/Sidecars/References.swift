// How files name each other in a STAC item.
internal import Files

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// How a file next to the map names another: relative to its own folder, except what was given absolute and is elsewhere.
package func reference(_ path: String, from output: String) -> String {
    func parts(_ path: String) -> [String] {
        let whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        var parts: [String] = []
        for part in whole.split(separator: "/") where part != "." {
            if part == "..", !parts.isEmpty { parts.removeLast() } else { parts.append(String(part)) }
        }
        return parts
    }
    // Subdatasets, connection strings and GDAL's virtual files have no place in the folder tree.
    guard FileManager.default.fileExists(atPath: path), !path.hasPrefix("/vsi") else {
        // An address is encoded already.
        return path.contains("://") ? path : percentEncoded(path)
    }
    let (here, there) = (parts(parentFolder(output)), parts(path))
    let shared = zip(here, there).prefix { $0 == $1 }.count
    guard shared == here.count || !path.hasPrefix("/") else { return percentEncoded(path) }
    let up = [String](repeating: "..", count: here.count - shared)
    return percentEncoded(((up.isEmpty ? ["."] : up) + there.dropFirst(shared)).joined(separator: "/"))
}

/// A path as a reference of RFC 3986: all but letters, digits, `-._~` and the slashes as percent and two digits.
package func percentEncoded(_ path: String) -> String {
    let digits = Array("0123456789ABCDEF")
    var text = ""
    for byte in path.utf8 {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: "/"):
            text.append(Character(UnicodeScalar(byte)))
        default:
            text += "%" + String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }
    }
    return text
}
