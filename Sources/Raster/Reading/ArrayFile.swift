// HDF5 files with arrays in their root group, read whole through GDAL's multidimensional model.
internal import CGDAL
package import Files
import Foundation
internal import Telemetry

/// An HDF5 file: the arrays and texts of its root group.
///
/// GDAL's other way into such files, a raster for each array, changes names (spaces become underscores) and cannot hold arrays of
/// other than two or three dimensions. Objects belong to one thread at a time; several may be used at once.
package final class ArrayFile {
    /// An array as the file states it.
    package struct Entry: Sendable, Equatable {
        /// Its name, as it was written.
        package let name: String
        /// Elements along each dimension, the last of which runs fastest; empty for a single value.
        package let shape: [Int]
        /// The type in which its elements are read; `nil` for texts, records and other things that are not numbers.
        ///
        /// GDAL reads 8-bit numbers with sign, and truth values, as 16-bit ones, and half precision as single precision.
        package let type: ElementType?
    }

    /// The path it was opened by.
    package let path: String
    /// The arrays of its root group, in the order of the file.
    package let entries: [Entry]

    /// Bytes of the file.
    private let fileSize: Int
    private let dataset: GDALDatasetH
    private let group: GDALGroupH
    private let gdal: GDALFunctions

    /// Opens a file.
    ///
    /// - Throws: `RasterError`: `notFound`; `notRaster` for a file that is not HDF5, or damaged; `gdalMissing`.
    package init(path: String) throws(RasterError) {
        let gdal = try GDAL.api()
        Redaction.learn(address: path)
        let name = GDALName.of(path)
        if !GDALName.isVirtual(name), !FileManager.default.fileExists(atPath: name) {
            throw RasterError(.notFound, "no such file", in: path, try: "check the path")
        }
        HDF5Calls.begin()
        defer { HDF5Calls.end() }
        let flags = UInt32(GDAL_OF_MULTIDIM_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR)
        let (opened, messages) = withStringList(["HDF5"], gdal) { drivers in
            // GDAL takes an empty list for none given: a name that is nowhere stands for "no siblings".
            withStringList(["no siblings"], gdal) { none in
                gdal.collect {
                    $0.GDALOpenEx(name, flags, drivers.map { constant($0) }, nil, none.map { constant($0) })
                }
            }
        }
        guard let dataset = opened else {
            if let nature = replacement(for: name, gdal) {
                throw RasterError(
                    .notRaster, nature.sentence(insteadOf: "an HDF5 file"), in: path, why: nature.details,
                    try: nature.remedy)
            }
            throw RasterError(
                .notRaster, "cannot open as an HDF5 file", in: path, why: messages.all,
                try: "get the file again; if that does not help: gdalmdiminfo \(shellQuoted(path))")
        }
        let (root, rootMessages) = gdal.collect { $0.GDALDatasetGetRootGroup(dataset) }
        guard let group = root else {
            _ = gdal.collect { discard($0.GDALClose(dataset)) }
            throw RasterError(
                .notRaster, "the HDF5 file has no root group", in: path, why: rootMessages.all,
                try: "get the file again")
        }
        self.path = path
        self.gdal = gdal
        self.dataset = dataset
        self.group = group
        fileSize = ArrayFile.size(of: name, gdal)
        entries =
            gdal.collect { gdal -> [Entry] in
                guard let list = gdal.GDALGroupGetMDArrayNames(group, nil) else { return [] }
                defer { gdal.CSLDestroy(list) }
                return strings(of: UnsafePointer(list)).compactMap { ArrayFile.entry($0, of: group, gdal) }
            }.0
    }

    deinit {
        HDF5Calls.begin()
        defer { HDF5Calls.end() }
        _ = gdal.collect { gdal in
            gdal.GDALGroupRelease(group)
            discard(gdal.GDALClose(dataset))
        }
    }

    /// The entry of a name; `nil` where there is none.
    package subscript(name: String) -> Entry? { entries.first { $0.name == name } }

    /// The text of an attribute of the root group; `nil` where there is none, or one that is not a single text.
    package func attribute(_ name: String) -> String? {
        HDF5Calls.begin()
        defer { HDF5Calls.end() }
        return gdal.collect { gdal -> String? in
            guard let attribute = gdal.GDALGroupGetAttribute(group, name) else { return nil }
            defer { gdal.GDALAttributeRelease(attribute) }
            guard gdal.GDALAttributeGetTotalElementsCount(attribute) == 1,
                let type = gdal.GDALAttributeGetDataType(attribute)
            else { return nil }
            defer { gdal.GDALExtendedDataTypeRelease(type) }
            guard gdal.GDALExtendedDataTypeGetClass(type) == GEDTC_STRING else { return nil }
            return gdal.GDALAttributeReadAsString(attribute).map { String(cString: $0) }
        }.0
    }

    /// All elements of an array.
    ///
    /// - Parameters:
    ///   - name: The array's name.
    ///   - unpackedLimit: The most bytes of an array that is larger than its file. What lies in the file as it is cannot be larger; what
    ///     is compressed, or was never written, can.
    /// - Throws: `RasterError`: `readFailed` for an array that is not there or cannot be read, `unsupported` for one that does not hold
    ///   numbers, `badGrid` for one that claims too much; nothing is allocated for it.
    package func read(_ name: String, unpackedLimit: Int = 64 << 20) throws(RasterError) -> NumberArray {
        guard let entry = self[name] else {
            let some = entries.prefix(8).map { "'\($0.name)'" }.joined(separator: ", ")
            throw RasterError(
                .readFailed, "the file has no array '\(name)'", in: path,
                why: [entries.isEmpty ? "it has none at all" : "it has \(entries.count): \(some)"])
        }
        guard let type = entry.type, let stored = Self.gdalType(type) else {
            throw RasterError(.unsupported, "the array '\(name)' does not hold numbers", in: path)
        }
        let needed = try byteCount(entry, type, unpackedLimit)
        var bytes = [UInt8](repeating: 0, count: needed)
        if needed > 0 {
            let starts = [UInt64](repeating: 0, count: entry.shape.count)
            HDF5Calls.begin()
            defer { HDF5Calls.end() }
            let (isRead, messages) = bytes.withUnsafeMutableBytes { buffer in
                gdal.collect { gdal -> Bool in
                    guard let array = gdal.GDALGroupOpenMDArray(group, name, nil) else { return false }
                    defer { gdal.GDALMDArrayRelease(array) }
                    guard let wanted = gdal.GDALExtendedDataTypeCreate(stored) else { return false }
                    defer { gdal.GDALExtendedDataTypeRelease(wanted) }
                    return gdal.GDALMDArrayRead(
                        array, starts, entry.shape, nil, nil, wanted, buffer.baseAddress, buffer.baseAddress,
                        buffer.count) != 0
                }
            }
            guard isRead, messages.errors.isEmpty else {
                throw RasterError(
                    .readFailed, "cannot read the array '\(name)'", in: path, why: messages.all,
                    try: "get the file again; it may be damaged")
            }
        }
        // GDAL gives numbers in the order of this machine.
        guard let array = NumberArray(.number(type), shape: entry.shape, bytes: bytes) else {
            throw RasterError(.badGrid, "the array '\(name)' claims the shape \(entry.shape)", in: path)
        }
        return array
    }

    /// Bytes of an array's elements, where that many can be true.
    private func byteCount(_ entry: Entry, _ type: ElementType, _ unpackedLimit: Int) throws(RasterError) -> Int {
        let limit = min(GDAL.largestRead, max(fileSize, unpackedLimit))
        let count = NumberArray.count(of: entry.shape) ?? .max
        let (needed, overflows) = count.multipliedReportingOverflow(by: type.byteCount)
        guard !overflows, needed <= limit else {
            let words = overflows ? "more bytes than can be counted" : "\(needed) bytes"
            throw RasterError(
                .badGrid, "the array '\(entry.name)' claims the shape \(entry.shape), which is \(words)", in: path,
                why: ["the file has \(fileSize) bytes; the limit is \(limit)"],
                try: "get the file again; it may be damaged")
        }
        return needed
    }

    // MARK: What the file states

    private static func entry(_ name: String, of group: GDALGroupH, _ gdal: cgdal_api) -> Entry? {
        guard let array = gdal.GDALGroupOpenMDArray(group, name, nil) else { return nil }
        defer { gdal.GDALMDArrayRelease(array) }
        var count = 0
        var shape: [Int] = []
        if let dimensions = gdal.GDALMDArrayGetDimensions(array, &count) {
            for place in 0..<count {
                shape.append(Int(clamping: gdal.GDALDimensionGetSize(dimensions[place])))
            }
            gdal.GDALReleaseDimensions(dimensions, count)
        }
        var element: ElementType?
        if let type = gdal.GDALMDArrayGetDataType(array) {
            if gdal.GDALExtendedDataTypeGetClass(type) == GEDTC_NUMERIC {
                element = elementType(gdal.GDALExtendedDataTypeGetNumericDataType(type))
            }
            gdal.GDALExtendedDataTypeRelease(type)
        }
        return Entry(name: name, shape: shape, type: element)
    }

    /// The type in which elements are read.
    private static func elementType(_ type: GDALDataType) -> ElementType? {
        switch type {
        case GDT_Byte: .uint8
        case GDT_UInt16: .uint16
        case GDT_Int16: .int16
        case GDT_UInt32: .uint32
        case GDT_Int32: .int32
        case GDT_UInt64: .uint64
        case GDT_Int64: .int64
        case GDT_Float32: .float32
        case GDT_Float64: .float64
        // GDAL has types of 8 bits with sign since 3.7, and of half precision since 3.11; before, it reads them as these.
        case _ where type.rawValue == 14: .int16
        case _ where type.rawValue == 15: .float32
        default: nil
        }
    }

    private static func gdalType(_ type: ElementType) -> GDALDataType? {
        switch type {
        case .uint8: GDT_Byte
        case .uint16: GDT_UInt16
        case .int16: GDT_Int16
        case .uint32: GDT_UInt32
        case .int32: GDT_Int32
        case .uint64: GDT_UInt64
        case .int64: GDT_Int64
        case .float32: GDT_Float32
        case .float64: GDT_Float64
        case .bool, .int8, .float16, .bfloat16: nil
        }
    }

    /// Bytes of a file; 0 if unknown.
    private static func size(of name: String, _ gdal: GDALFunctions) -> Int {
        gdal.collect { gdal -> Int in
            guard let file = gdal.VSIFOpenL(name, "rb") else { return 0 }
            defer { discard(gdal.VSIFCloseL(file)) }
            return gdal.VSIFSeekL(file, 0, SEEK_END) == 0 ? Int(clamping: gdal.VSIFTellL(file)) : 0
        }.0
    }
}
