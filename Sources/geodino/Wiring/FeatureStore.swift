// Features of a set's images on disk, so that a second score of them needs no forward pass.
#if EARTH
    import Files
    import Foundation
    import Telemetry
    import Torch

    /// A folder of features, each file named by all that decides what is in it.
    ///
    /// Files that were not used for longest are removed when the folder grows beyond its budget.
    struct FeatureStore {
        /// The folder.
        let folder: String
        /// The most bytes that stay in it; 0 keeps nothing.
        let budget: Int
        /// How names of its files end; no other file is ever touched.
        private static let ending = ".features.safetensors"

        /// `geodino/features` in the user's folder of caches (`XDG_CACHE_HOME`, else `~/.cache`).
        static var usual: String {
            let environment = ProcessInfo.processInfo.environment
            let named = environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            let caches = named ?? NSHomeDirectory() + "/.cache"
            return caches + "/geodino/features"
        }

        /// The features under a key, from the folder or made and then kept there.
        ///
        /// A file that cannot be read is made again. One that cannot be written is no error: the score is what was asked for.
        ///
        /// - Parameters:
        ///   - parts: All that decides the features.
        ///   - shape: Their shape, `[N, F]`.
        ///   - note: Told of what could not be kept.
        /// - Returns: The features, and whether they were there.
        func features(
            _ parts: [String], shape: [Int], note: (any ExplainedError) -> Void, make: () throws -> Tensor
        ) throws -> (features: Tensor, wasKept: Bool) {
            guard budget > 0 else { return (try make(), false) }
            let path = "\(folder)/\(Self.key(parts))\(Self.ending)"
            if let found = read(path, shape) { return (found, true) }
            let features = try make()
            let bytes = shape.reduce(4, *)
            guard bytes <= budget else { return (features, false) }
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try writeSafetensors(
                    [("features", features)], metadata: ["software": "geodino \(geodinoVersion)"], to: path)
                prune(but: path)
            } catch {
                note(
                    CommandError(
                        .badArgument, "cannot cache the features", in: folder,
                        why: causes(of: error),
                        try: "--cache FOLDER, a folder that can be written into"))
            }
            return (features, false)
        }

        /// Whether a file of the folder is one of features: 40 hexadecimal digits and the ending.
        private static func isOurs(_ name: String) -> Bool {
            name.hasSuffix(ending) && name.count == 40 + ending.count && name.prefix(40).allSatisfy(\.isHexDigit)
        }

        /// A name for all that decides features.
        private static func key(_ parts: [String]) -> String {
            String(SHA256.hex(of: Array(parts.map { "\($0.utf8.count):\($0)" }.joined(separator: ",").utf8)).prefix(40))
        }

        private func read(_ path: String, _ shape: [Int]) -> Tensor? {
            guard FileManager.default.fileExists(atPath: path), let file = try? SafetensorsFile(path: path),
                file.entry("features")?.shape == shape, let found = try? file.tensor("features"), found.isAllFinite
            else { return nil }
            // Used now: others are removed before it.
            try? FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: path)
            return found
        }

        /// Removes the files used longest ago until the rest keeps within the budget.
        private func prune(but kept: String) {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            var files: [(path: String, size: Int, date: Date)] = []
            for name in names where Self.isOurs(name) {
                let path = "\(folder)/\(name)"
                guard let facts = try? FileManager.default.attributesOfItem(atPath: path),
                    let size = (facts[.size] as? NSNumber)?.intValue, let date = facts[.modificationDate] as? Date
                else { continue }
                files.append((path, size, date))
            }
            var total = files.reduce(0) { $0 + $1.size }
            for file in files.sorted(by: { $0.date < $1.date }) where total > budget && file.path != kept {
                try? FileManager.default.removeItem(atPath: file.path)
                total -= file.size
            }
        }
    }
#endif
