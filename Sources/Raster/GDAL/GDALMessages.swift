// GDAL's messages: caught around each call on the calling thread, never printed.
internal import CGDAL

/// The messages of one call, in the order in which GDAL gave them, which is root first.
final class GDALMessages {
    private(set) var errors: [String] = []
    private(set) var warnings: [String] = []
    /// A corrupt file can give a message per block; the first few tell all.
    private static let limit = 8

    fileprivate func add(_ level: UInt32, _ text: String) {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        if level >= CE_Failure.rawValue {
            if errors.count < Self.limit, !errors.contains(line) { errors.append(line) }
        } else if level == CE_Warning.rawValue {
            if warnings.count < Self.limit, !warnings.contains(line) { warnings.append(line) }
        }
    }

    /// Both kinds: what explains a call that failed without an error message.
    var all: [String] { errors.isEmpty ? warnings : errors }
}

extension UnsafePointer where Pointee == cgdal_api {
    /// Runs GDAL calls with a handler that keeps their messages; warnings go on to the handler of `GDAL.reportWarnings`.
    ///
    /// - Parameter reports: Which warnings go on; those that the caller words itself need not.
    func collect<Value>(
        reporting reports: (String) -> Bool = { _ in true }, _ body: (cgdal_api) -> Value
    ) -> (Value, GDALMessages) {
        let messages = GDALMessages()
        pointee.CPLPushErrorHandlerEx(
            { level, _, text in
                guard let gdal = cgdal_open(), let data = gdal.pointee.CPLGetErrorHandlerUserData(),
                    let text
                else { return }
                Unmanaged<GDALMessages>.fromOpaque(data).takeUnretainedValue()
                    .add(level.rawValue, String(cString: text))
            }, Unmanaged.passUnretained(messages).toOpaque())
        let value = body(pointee)
        pointee.CPLPopErrorHandler()
        pointee.CPLErrorReset()
        for warning in messages.warnings where reports(warning) { GDAL.report(warning: warning) }
        return (value, messages)
    }
}

/// Runs with a list of strings as GDAL wants it; GDAL copies what it keeps.
func withStringList<Value>(
    _ strings: [String], _ gdal: GDALFunctions, _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Value
) -> Value {
    var list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    for string in strings { list = gdal.pointee.CSLAddString(list, string) }
    defer { gdal.pointee.CSLDestroy(list) }
    return body(list)
}

/// The strings of one of GDAL's lists.
func strings(of list: UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> [String] {
    guard let list else { return [] }
    var result: [String] = []
    var index = 0
    while let item = list[index] {
        result.append(String(cString: item))
        index += 1
    }
    return result
}

/// Drops a result; some functions of GDAL return nothing in one version and a status in the next.
func discard<Value>(_ value: Value) {}

/// A string list as GDAL's functions take it when they only read it.
func constant(
    _ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> UnsafePointer<UnsafePointer<CChar>?> {
    UnsafeRawPointer(list).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
}
