// Protocols of benchmarks as documents: a file, or the name of one that comes with geodino.
#if EARTH
    import Benchmarks
    import Downstream
    import Foundation
    import Telemetry

    /// A protocol that was given by path or by name: how sets of labelled images are scored, how those with masks are, or both.
    struct ProtocolDocument: Decodable {
        private var name: String
        private var classificationRule: ClassificationProtocol?
        private var segmentationRule: SegmentationProtocol<SegmentationTraining>?
        private var path = ""

        enum CodingKeys: String, CodingKey, CaseIterable {
            case name
            case classificationRule = "classification"
            case segmentationRule = "segmentation"
        }

        /// Reads a protocol.
        ///
        /// - Throws: `CommandError` for a name that no protocol has, with the nearest one, and for documents that are not protocols.
        init(_ given: String) throws {
            let path = try Self.path(given)
            self = try StrictYAML.decode(Self.self, path: path).value
            self.path = path
            classificationRule?.name = name
            segmentationRule?.name = name
            let problems =
                (classificationRule?.problems ?? []).map { $0.hasPrefix("name") ? $0 : "classification.\($0)" }
                + (segmentationRule.map { $0.problems + $0.training.problems } ?? [])
                .map { $0.hasPrefix("name") ? $0 : "segmentation.\($0)" }
            guard problems.isEmpty else {
                let unique = problems.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
                throw CommandError(
                    .badDocument, unique.count == 1 ? unique[0] : "the protocol has \(unique.count) faults", in: path,
                    why: unique.count == 1 ? [] : unique)
            }
        }

        /// How sets of labelled images are scored.
        ///
        /// - Throws: `CommandError` where the document does not say.
        func classification() throws -> ClassificationProtocol { try part(classificationRule, "classification") }

        /// How sets of images with masks are scored.
        ///
        /// - Throws: `CommandError` where the document does not say.
        func segmentation() throws -> SegmentationProtocol<SegmentationTraining> {
            try part(segmentationRule, "segmentation")
        }

        private func part<Rule>(_ rule: Rule?, _ key: String) throws -> Rule {
            if let rule { return rule }
            let others = try Self.names().filter { other in
                guard let document = try? ProtocolDocument(other) else { return false }
                return key == "classification" ? document.classificationRule != nil : document.segmentationRule != nil
            }
            throw CommandError(
                .badDocument, "the protocol '\(name)' does not say how \(key) is scored", in: path,
                why: ["it has no part called \(key)"], try: "--protocol with one of \(others.joined(separator: ", "))")
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
