// What a person said about the bands of scenes: --bands.
public import Telemetry

/// The bands that a person named, for all scenes or for some.
public struct BandRequest: Sendable, Hashable, Codable {
    /// Numbers from 1, in the order wanted, for every scene without a line of its own; `nil` leaves it to the file.
    public var all: [Int]?
    /// The same by scene.
    public var byScene: [String: [Int]]

    /// Makes a request; empty, it leaves everything to the files.
    public init(_ all: [Int]? = nil, byScene: [String: [Int]] = [:]) {
        self.all = all
        self.byScene = byScene
    }

    /// What was asked for a scene.
    public subscript(scene: String) -> [Int]? { byScene[scene] ?? all }

    /// Whether nothing was asked for.
    public var isEmpty: Bool { all == nil && byScene.isEmpty }

    /// Who chose the bands of a scene.
    public func asked(_ scene: String) -> SceneBands.Asked {
        byScene[scene] != nil ? .forThis : all != nil ? .forAll : .automatically
    }

    /// As it is typed, with scenes by the names of their files.
    public var text: String {
        let lists = byScene.sorted { $0.key < $1.key }.map {
            (name: "\(Redaction.fileName($0.key))=", numbers: $0.value)
        }
        return ((all.map { [(name: "", numbers: $0)] } ?? []) + lists)
            .map { $0.name + $0.numbers.map { "\($0)" }.joined(separator: ",") }.joined(separator: " ")
    }

    /// Reads `3,2,1` (all scenes) and `SCENE=3,2,1` (one of `scenes`, by its path or, where only one has it, its name).
    ///
    /// - Throws: `badBands` for what is neither, and for scenes that are not among those given.
    public init(_ words: [String], scenes: [String]) throws(SceneError) {
        self.init()
        for word in words {
            let cut = word.lastIndex(of: "=")
            let list = cut.map { word[word.index(after: $0)...] } ?? word[...]
            let numbers = list.split(separator: ",", omittingEmptySubsequences: false).map {
                Int($0.filter { $0 != " " })
            }
            guard !numbers.isEmpty, numbers.allSatisfy({ ($0 ?? 0) >= 1 }) else {
                throw SceneError(
                    .badBands,
                    "\(Setting.bands) takes numbers, counted from 1, such as 4,3,2, or SCENE=4,3,2; got '\(word)'",
                    in: "\(Setting.bands)")
            }
            let bands = numbers.compactMap(\.self)
            guard let cut else {
                all = bands
                continue
            }
            let name = String(word[..<cut])
            // An address also as messages show it, without its token.
            let found = scenes.filter { $0 == name || Redaction.address($0) == name }
            // A name without a folder may stand for the file; a file of another folder is another one.
            let meant =
                found.isEmpty && !name.contains("/") ? scenes.filter { Redaction.fileName($0) == name } : found
            guard let scene = meant.first, Set(meant).count == 1 else {
                throw SceneError(
                    .badBands,
                    "\(Setting.bands) names '\(name)', which is \(meant.isEmpty ? "not one" : "more than one") of the scenes",
                    in: "\(Setting.bands)", try: "name one of: " + scenes.prefix(8).joined(separator: ", "))
            }
            byScene[scene] = bands
        }
    }
}
