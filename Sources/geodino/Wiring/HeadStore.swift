// Heads while they are trained for a score: in the user's cache, so that an interrupted score can continue.
#if EARTH
    import Foundation
    import Telemetry

    /// Folders of heads.
    enum HeadStore {
        /// The folder of a head; its parent folder is created.
        static func folder(_ key: String) throws -> String {
            let folder = URL(fileURLWithPath: FeatureStore.usual).deletingLastPathComponent()
                .appendingPathComponent("heads").path
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw CommandError(
                    .badArgument, "cannot make the folder of heads", in: folder, why: causes(of: error),
                    try: "set XDG_CACHE_HOME to a folder that can be written into")
            }
            return "\(folder)/\(key)"
        }
    }
#endif
