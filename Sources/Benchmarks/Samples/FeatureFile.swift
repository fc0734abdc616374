// Features of images by name, on disk: made by any model and any program, or written by a score.
internal import Files
internal import FoundationEssentials
internal import Raster
public import Telemetry

/// A row of numbers for each of some images.
///
/// A NumPy archive (`.npz`) holds `features`, numbers of `[N, F]`, and `images`, the N names. A table (`.csv`) has a line of column names,
/// the first of which is `image`, then a line per image: its name and F numbers.
public struct FeatureFile: Sendable {
    /// The names of the images, each once.
    public let names: [String]
    /// Numbers per image.
    public let width: Int
    /// All numbers, image by image, `[N, F]`.
    public let values: [Float]

    /// Takes features.
    ///
    /// - Parameter place: Where they come from, for errors.
    /// - Throws: `BenchmarksError` (`badForm`) without a number, for numbers that are not rows of the names, and for numbers that are not
    ///   finite; (`badLabels`) for a name that is there twice.
    public init(names: [String], values: [Float], in place: String) throws(BenchmarksError) {
        guard !names.isEmpty, !values.isEmpty, values.count.isMultiple(of: names.count) else {
            throw BenchmarksError(
                .badForm, "the features are not a row of numbers per image", in: place,
                why: ["\(counted(names.count, "names")), \(counted(values.count, "numbers"))"])
        }
        var seen: Set<String> = []
        if let twice = names.first(where: { !seen.insert($0).inserted }) {
            throw BenchmarksError(.badLabels, "the image '\(twice)' has features twice", in: place)
        }
        width = values.count / names.count
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw BenchmarksError(
                .badForm, "the feature \(index % width) of '\(names[index / width])' is \(values[index])", in: place,
                why: ["features must be finite numbers"])
        }
        self.names = names
        self.values = values
    }

    /// Reads a file.
    ///
    /// - Throws: `BenchmarksError`: `notFound`, `readFailed`, `badForm`, `badLabels`.
    public init(_ path: String) throws(BenchmarksError) {
        guard fileExists(path) else { throw BenchmarksError(.notFound, "no such file", in: path) }
        if path.lowercased().hasSuffix(".npz") {
            self = try Self.archive(path)
        } else if path.lowercased().hasSuffix(".csv") {
            self = try Self.table(path)
        } else {
            throw BenchmarksError(
                .badForm, "features are read from .npz and .csv files", in: path,
                try: "write them with numpy.savez(file, features=array, images=names), or as a table: image,f0,f1,...")
        }
    }

    /// The rows of some images, in their order.
    ///
    /// - Parameters:
    ///   - wanted: Their names.
    ///   - place: The file, for errors.
    /// - Returns: `[M, F]`, row by row.
    /// - Throws: `BenchmarksError` (`badLabels`) where an image has none.
    public func rows(_ wanted: [String], in place: String) throws(BenchmarksError) -> [Float] {
        let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        let missing = wanted.filter { places[$0] == nil }
        guard missing.isEmpty else {
            throw BenchmarksError(
                .badLabels,
                "the file has no features for \(counted(missing.count, "images")) of the set, such as '\(missing[0])'",
                in: place, why: ["the file has \(counted(names.count, "images")), such as '\(names[0])'"],
                try: "name images as the set does: by their path inside it")
        }
        var rows: [Float] = []
        rows.reserveCapacity(wanted.count * width)
        for name in wanted {
            guard let row = places[name] else { continue }
            rows += values[row * width..<(row + 1) * width]
        }
        return rows
    }

    /// Writes a file; one of that name is replaced.
    ///
    /// - Throws: `BenchmarksError`: `badForm` for a name that ends neither in .npz nor in .csv; `writeFailed`, `diskFull`.
    public func write(to path: String) throws(BenchmarksError) {
        if path.lowercased().hasSuffix(".npz") {
            try writeArchive(path)
        } else if path.lowercased().hasSuffix(".csv") {
            var lines = [CSVLine.text(["image"] + (0..<width).map { "f\($0)" })]
            for (row, name) in names.enumerated() {
                lines.append(CSVLine.text([name] + values[row * width..<(row + 1) * width].map { "\($0)" }))
            }
            try Disk<BenchmarksFailure>.write(
                lines.joined(separator: "\n") + "\n", to: path, temporary: Disk<BenchmarksFailure>.ofProcess)
        } else {
            throw BenchmarksError(.badForm, "features are written to .npz and .csv files", in: path)
        }
    }

    // MARK: Archives

    private static func archive(_ path: String) throws(BenchmarksError) -> FeatureFile {
        let file = try MappedFile<BenchmarksFailure>(path: path)
        return try withExtendedLifetime(file) { () throws(BenchmarksError) -> FeatureFile in
            let features: NumberArray
            let images: NumberArray
            do throws(FileComplaint) {
                let archive = try NumpyArchive(file.bytes, inflate: GDAL.inflate)
                features = try archive.array("features", limit: 8 << 30)
                images = try archive.array("images")
            } catch {
                throw BenchmarksError(
                    .badForm, "the features cannot be read: \(error.text)", in: path,
                    try: "write them with numpy.savez(file, features=array, images=names)")
            }
            guard features.shape.count == 2, let values = features.floats(), let names = images.texts(),
                images.shape == [features.shape[0]]
            else {
                throw BenchmarksError(
                    .badForm, "the features are not a row of numbers per image", in: path,
                    why: ["features has the shape \(features.shape), images has \(images.shape)"],
                    try: "write features as numbers [N, F] and images as N texts")
            }
            return try FeatureFile(names: names, values: values, in: path)
        }
    }

    private func writeArchive(_ path: String) throws(BenchmarksError) {
        let letters = names.map { Array($0.unicodeScalars) }
        let longest = max(1, letters.map(\.count).max() ?? 1)
        var units = [UInt32](repeating: 0, count: names.count * longest)
        for (row, name) in letters.enumerated() {
            for (column, letter) in name.enumerated() { units[row * longest + column] = letter.value.littleEndian }
        }
        let writer = try ZipWriter<BenchmarksFailure>(path: path)
        try writer.append(
            "features.npy",
            Self.array("<f4", [names.count, width], values.map(\.bitPattern.littleEndian)))
        try writer.append("images.npy", Self.array("<U\(longest)", [names.count], units))
        try writer.finish()
    }

    /// An array as NumPy stores it: version 1.0, elements of 32 bits, with a header that ends at a multiple of 64 bytes.
    private static func array(_ type: String, _ shape: [Int], _ units: [UInt32]) -> [UInt8] {
        let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
        while (header.count + 11) % 64 != 0 { header.append(UInt8(ascii: " ")) }
        header.append(UInt8(ascii: "\n"))
        let length = UInt16(header.count)
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)]
        bytes += header
        units.withUnsafeBytes { bytes += $0 }
        return bytes
    }

    // MARK: Tables

    private static func table(_ path: String) throws(BenchmarksError) -> FeatureFile {
        let bytes = try Disk<BenchmarksFailure>.read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BenchmarksError(.badForm, "the table is not UTF-8 text", in: path)
        }
        let lines = text.split(whereSeparator: \.isNewline)
        guard let head = lines.first.flatMap({ CSVLine.cells(of: $0) }), head.first?.lowercased() == "image",
            head.count > 1
        else {
            throw BenchmarksError(
                .badForm, "the table does not begin with a line of column names, the first of which is image", in: path,
                try: "begin it with: image,f0,f1,...")
        }
        var names: [String] = []
        var values: [Float] = []
        for (index, line) in lines.enumerated().dropFirst() {
            guard let cells = CSVLine.cells(of: line), cells.count == head.count else {
                throw BenchmarksError(
                    .badForm, "line \(index + 1) does not have \(counted(head.count, "cells")), as the first line does",
                    in: path)
            }
            names.append(cells[0])
            for (cell, column) in zip(cells, head).dropFirst() {
                guard let value = Float(cell) else {
                    throw BenchmarksError(
                        .badForm, "line \(index + 1): \(column) is '\(cell)'; expected a number", in: path)
                }
                values.append(value)
            }
        }
        return try FeatureFile(names: names, values: values, in: path)
    }
}
