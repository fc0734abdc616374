// Folders for tests: temporary ones, and the shared test data where it is present.
import Foundation

/// A folder that exists as long as this object does.
public final class TemporaryFolder: Sendable {
    /// The folder's path, without a trailing slash.
    public let path: String

    /// Makes an empty folder under the system's temporary one.
    public init() {
        path = FileManager.default.temporaryDirectory.path + "/geodino-test-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            preconditionFailure("a test needs a temporary folder, and \(path) cannot be made: \(error)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Path of a file in it.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a text file and returns its path.
    public func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// Names of everything in it, hidden files too, sorted.
    public var contents: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }
}

/// The shared test data; tests that use it are skipped where it is absent.
public enum SharedData {
    /// The reason to print when a test is skipped.
    public static let absence: String =
        "the shared test data is absent: set GEODINO_SHARED_DATA, or put it in ../shared/data"

    /// The folder: `GEODINO_SHARED_DATA`, else `../shared/data` beside the package; `nil` where it is absent.
    public static let folder: String? = {
        if let named = ProcessInfo.processInfo.environment["GEODINO_SHARED_DATA"] { return existing(named) }
        return existing(packageFolder + "/../shared/data")
    }()

    /// The package's own folder, by the place of this file in it.
    public static let packageFolder: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()

    private static func existing(_ path: String) -> String? {
        var isFolder: ObjCBool = false
        let there = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        return there && isFolder.boolValue ? path : nil
    }

    /// Paths of all files below a folder of the data, sorted; none where it is absent.
    public static func files(in name: String) -> [String] {
        guard let folder, let walker = FileManager.default.enumerator(atPath: "\(folder)/\(name)") else { return [] }
        var found: [String] = []
        for case let file as String in walker {
            let path = "\(folder)/\(name)/\(file)"
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
                found.append(path)
            }
        }
        return found.sorted()
    }
}
