// The scenes that one thread has open: what describes them, stretches them and reads them shares the open files.
package import Raster

/// Open scenes by their paths; the longest unused is closed where there are many.
///
/// One thread only.
package final class OpenScenes {
    private var open: [String: RasterReader] = [:]
    private var recent: [String] = []
    /// Files kept open at a time.
    private static let most = 16

    /// Opens nothing yet.
    package init() {}

    /// A scene's reader, opened if it is not open.
    ///
    /// - Throws: what opening throws.
    package func reader(_ path: String) throws(RasterError) -> RasterReader {
        if let reader = open[path] {
            recent.removeAll { $0 == path }
            recent.append(path)
            return reader
        }
        if recent.count >= Self.most { open[recent.removeFirst()] = nil }
        let reader = try RasterReader(path: path)
        open[path] = reader
        recent.append(path)
        return reader
    }

    /// Closes all of them.
    package func close() {
        open = [:]
        recent = []
    }
}
