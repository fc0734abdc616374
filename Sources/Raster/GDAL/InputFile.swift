// What GDAL opens for a path that people name: archives are looked into, text in UTF-16 and pipes are read into memory.
internal import CGDAL
import Synchronization
import Telemetry

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif
#if canImport(Glibc)
    import Glibc
#endif

/// A path as GDAL is to open it.
struct InputFile {
    /// GDAL's name.
    let name: String
    /// Holds the bytes that the name stands for, where they are in memory.
    let memory: MemoryFile?

    private init(_ name: String, _ memory: MemoryFile? = nil) {
        self.name = name
        self.memory = memory
    }

    /// A raster: itself, or the only one in a zip archive.
    static func raster(_ path: String) throws(RasterError) -> InputFile {
        InputFile(
            try entry(path, endings: ["tif", "tiff", "vrt", "jp2", "img", "asc", "ecw", "png", "jpg"], what: "raster")
                ?? path)
    }

    /// An area: itself, the only one in a zip archive, or what a pipe or a file in UTF-16 holds.
    static func area(_ path: String) throws(RasterError) -> InputFile {
        if let entry = try entry(
            path, endings: ["shp", "gpkg", "geojson", "fgb", "kml", "gml", "tab", "mif", "dxf", "csv", "json"],
            what: "vector file")
        {
            return InputFile(entry)
        }
        guard let bytes = try Pipes.bytes(path) ?? utf16(path) else { return InputFile(path) }
        let text = decoded(bytes) ?? bytes
        // Some of GDAL's drivers go by the ending.
        let ending = path.split(separator: "/").last?.split(separator: ".").dropFirst().last.map { ".\($0)" } ?? ""
        let memory = try MemoryFile(text, ending: text.first == UInt8(ascii: "{") ? ".geojson" : ending, path: path)
        return InputFile(memory.name, memory)
    }

    // MARK: - Archives

    /// The one entry of a zip archive that can be meant; `nil` for what is not an archive.
    private static func entry(_ path: String, endings: [String], what: String) throws(RasterError) -> String? {
        var isFolder = false
        // GDAL reads these as they are.
        let isRead = [".gdb.zip", ".shp.zip", ".gpkg.zip"].contains { path.lowercased().hasSuffix($0) }
        guard path.lowercased().hasSuffix(".zip"), !isRead, !GDALName.isVirtual(path),
            FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder
        else { return nil }
        let gdal = try GDAL.api()
        let folder = "/vsizip/\(path)"
        let (list, messages) = gdal.collect { $0.VSIReadDirRecursive(folder) }
        defer { gdal.pointee.CSLDestroy(list) }
        let entries = strings(of: list.map { UnsafePointer($0) }).filter { !$0.hasPrefix("__MACOSX/") }
        // No archive, whatever its name: GDAL says what it is.
        if entries.isEmpty, !isArchive(path) { return nil }
        if what != "raster" {
            // A file geodatabase is a folder.
            let folders = Set(
                entries.compactMap { entry in
                    entry.firstRange(of: ".gdb/").map { String(entry[..<$0.upperBound].dropLast()) }
                })
            if folders.count == 1, let only = folders.first { return "\(folder)/\(only)" }
        }
        for ending in endings {
            let found = entries.filter { $0.lowercased().hasSuffix("." + ending) }
            if found.count == 1 { return "\(folder)/\(found[0])" }
            guard found.count > 1 else { continue }
            throw RasterError(
                what == "raster" ? .notRaster : .badAOI,
                "the archive holds \(found.count) .\(ending) files",
                in: path, why: found.prefix(6).map { $0 },
                try: "name one of them: \(shellQuoted("\(folder)/\(found[0])"))")
        }
        throw RasterError(
            what == "raster" ? .notRaster : .badAOI, "the archive does not hold a \(what)", in: path,
            why: entries.isEmpty
                ? (messages.all.isEmpty ? ["it is empty or not a zip archive"] : messages.all)
                : ["it holds " + entries.prefix(6).joined(separator: ", ")],
            try: "unzip it, and give the file itself")
    }

    /// Whether a file begins as zip archives do.
    private static func isArchive(_ path: String) -> Bool {
        guard let file = fopen(path, "rb") else { return false }
        defer { fclose(file) }
        var head = [UInt8](repeating: 0, count: 2)
        return fread(&head, 1, 2, file) == 2 && head == Array("PK".utf8)
    }

    // MARK: - Text

    /// The bytes of a file that begins as UTF-16 does; `nil` for any other.
    private static func utf16(_ path: String) -> [UInt8]? {
        guard let handle = fopen(path, "rb") else { return nil }
        defer { fclose(handle) }
        var head = [UInt8](repeating: 0, count: 4)
        guard fread(&head, 1, 4, handle) == 4, encoding(head) != nil else { return nil }
        return FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }

    private enum Order { case little, big }

    /// The byte order of UTF-16 by its mark, or by an opening brace.
    private static func encoding(_ head: [UInt8]) -> (order: Order, mark: Int)? {
        guard head.count >= 4 else { return nil }
        switch (head[0], head[1]) {
        case (0xFF, 0xFE) where head[2] != 0 || head[3] != 0: return (.little, 2)
        case (0xFE, 0xFF): return (.big, 2)
        case (let first, 0) where opens(first): return (.little, 0)
        case (0, let second) where opens(second): return (.big, 0)
        default: return nil
        }
    }

    /// Whether text of a vector file may begin with a character.
    private static func opens(_ character: UInt8) -> Bool { Array("{<[ \n\r\t".utf8).contains(character) }

    /// Text in UTF-16 as UTF-8; `nil` for what is none.
    private static func decoded(_ bytes: [UInt8]) -> [UInt8]? {
        guard let (order, mark) = encoding(bytes) else { return nil }
        let units = stride(from: mark, to: bytes.count - 1, by: 2).map { place in
            order == .little
                ? UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8
                : UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
        }
        let text = String(decoding: units, as: UTF16.self)
        // XML says its encoding itself, and is in another one now.
        guard let end = text.firstRange(of: "?>"),
            end.lowerBound < text.index(text.startIndex, offsetBy: 400, limitedBy: text.endIndex) ?? text.endIndex
        else { return [UInt8](text.utf8) }
        let head = text[..<end.upperBound].replacing(/encoding\s*=\s*(["'])[^"']*["']/.ignoresCase()) {
            "encoding=\($0.1)UTF-8\($0.1)"
        }
        return [UInt8]((head + text[end.upperBound...]).utf8)
    }
}

/// What pipes gave: they can be read once, and an area is asked for several times.
enum Pipes {
    private static let kept = Mutex<[String: [UInt8]]>([:])
    /// More than any area has.
    private static let mostBytes = 256 << 20

    /// All that a pipe holds; `nil` for what is not a pipe.
    ///
    /// - Throws: `badAOI` where it holds nothing, or too much.
    static func bytes(_ path: String) throws(RasterError) -> [UInt8]? {
        var status = stat()
        guard stat(path, &status) == 0,
            [S_IFIFO, S_IFCHR, S_IFSOCK].contains(status.st_mode & S_IFMT)
        else { return nil }
        if let before = kept.withLock({ $0[path] }) { return before }
        // Whoever writes into it may never begin.
        let bytes = try GDAL.waiting(true, for: path) { () throws(RasterError) in try all(of: path) }
        kept.withLock { $0[path] = bytes }
        return bytes
    }

    private static func all(of path: String) throws(RasterError) -> [UInt8] {
        let file = open(path, O_RDONLY)
        guard file >= 0 else {
            throw RasterError(.badAOI, "cannot read the pipe", in: path, why: [String(cString: strerror(errno))])
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= mostBytes {
            let count = read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        guard !bytes.isEmpty, bytes.count <= mostBytes else {
            throw RasterError(
                .badAOI, bytes.isEmpty ? "the pipe is empty" : "the pipe holds more than 256 MB", in: path,
                try: "write the area to a file first")
        }
        return bytes
    }
}
