// Protocols of benchmarks as documents: a file, or the name of one that comes with geodino.
#if EARTH
    import Benchmarks
    import Foundation
    import Telemetry

    /// A protocol of classification that was given by path or by name.
    enum ProtocolDocument {
        /// Reads a protocol.
        ///
        /// - Throws: `CommandError` for a name that no protocol has, with the nearest one, and for documents that are none.
        static func classification(_ given: String) throws -> ClassificationProtocol {
            let path = try path(given)
            let rule = try StrictYAML.decode(ClassificationProtocol.self, path: path).value
            let problems = rule.problems
            guard problems.isEmpty else {
                throw CommandError(
                    .badDocument, problems.count == 1 ? problems[0] : "the protocol has \(problems.count) faults",
                    in: path,
                    why: problems.count == 1 ? [] : problems)
            }
            return rule
        }

        /// The document that is meant.
        private static func path(_ given: String) throws -> String {
            let isName = !given.isEmpty && given.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" }
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: given, isDirectory: &isFolder)
            guard isName, !isThere || isFolder.boolValue else { return given }
            if let shipped = try? shippedDocument("recipes/protocols/\(given).yaml") { return shipped }
            let known = try names()
            throw CommandError(
                .notFound, "no such protocol", in: given,
                why: ["it is neither a file nor a protocol that comes with geodino: \(known.joined(separator: ", "))"],
                try: Spelling.nearest(to: given, among: known).map { "--protocol \($0)" }
                    ?? "give one of these, or a YAML document")
        }

        /// The names of the protocols that come with geodino.
        static func names() throws -> [String] {
            let one = try shippedDocument("recipes/protocols/dinov3-paper.yaml")
            let folder = URL(fileURLWithPath: one).deletingLastPathComponent().path
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
                .map { String($0.dropLast(5)) }.sorted()
        }
    }
#endif
