// Errors of other libraries in words that people read.
internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#endif

/// The causes that an arbitrary error adds to an `ExplainedError`: its parts when it is explained, else what it says in a few words.
public func causes(of error: any Error) -> [String] {
    switch error {
    case let explained as any ExplainedError:
        let head = explained.place.isEmpty ? explained.what : "\(explained.what) (\(explained.place))"
        return [head] + explained.causes
    case let error as DecodingError: return [cause(error)]
    case let error as CocoaError: return [cause(error)]
    case let error as POSIXError: return [String(cString: strerror(error.code.rawValue))]
    default: return ["\(error)"]
    }
}

/// A decoding error: the key and what was wrong with it.
private func cause(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
        return path.isEmpty ? "" : path.joined(separator: ".") + ": "
    }
    return switch error {
    case .keyNotFound(let key, let context): "\(place(context))the key \(key.stringValue) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
        place(context) + context.debugDescription
    @unknown default: "\(error)"
    }
}

/// What Foundation says of a file: the system's words where it has them.
private func cause(_ error: CocoaError) -> String {
    if let system = error.underlying as? POSIXError { return String(cString: strerror(system.code.rawValue)) }
    return switch error.code {
    case .fileNoSuchFile, .fileReadNoSuchFile: "No such file or directory"
    case .fileWriteFileExists: "File exists"
    case .fileReadNoPermission, .fileWriteNoPermission: "Permission denied"
    case .fileWriteOutOfSpace: "No space left on device"
    default: "\(error)"
    }
}
