// What the numbers of a map depend on, so that kept rows are used only for the map that they belong to.
internal import Files
internal import Geo
internal import Raster
internal import Scenes
internal import Telemetry

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#endif

/// What the rows of a map are computed from, by name; contents are named by hashes, not by paths.
///
/// The number of threads of an operation and the number of windows in a call are among them, since they may change the last bits.
/// What becomes of the rows later is not: the smallest area, polygons and the legend's end may change between two runs.
struct MapFacts: Codable, Equatable {
    private let formatVersion: Int
    private let facts: [String: String]

    private static let currentVersion = 1
    private static let threadsName = "tensor threads"

    private enum CodingKeys: String, CodingKey {
        case facts
        case formatVersion = "format_version"
    }

    /// Collects the facts of a job.
    ///
    /// - Throws: what reading the scenes throws.
    init(_ job: MapJob, writing: WrittenProduct) throws {
        let request = job.request
        var facts = request.computation
        facts["program"] = request.software
        facts["model"] = request.model.sha256.isEmpty ? request.model.id : request.model.sha256
        facts[Self.threadsName] = request.intraOpThreads.map { "\($0)" }
        facts["batch size"] = "\(request.batchSize)"
        facts["model input"] = try Self.hash(job.layout)
        facts["area of interest"] = job.aoi.map { Self.hash($0) }
        facts["pixels that the area touches"] = request.allTouched ? "all" : "those whose centre is inside"
        facts["clipping to the area"] = request.noClip ? "no" : "yes"
        let bands = writing.bands.map(\.name) + (writing.legend?.classes.map { "\($0.id)" } ?? [])
        facts["bands"] = try Self.hash(bands + ["\(writing.sampleType)"])
        facts["probability of unsure pixels"] = writing.outputs.rejectBelow.map { number($0) }
        facts["probabilities"] = writing.outputs.probabilities ? "written" : nil
        facts["largest probability"] = writing.outputs.confidence ? "written" : nil
        for (index, part) in job.plan.parts.enumerated() {
            let suffix = job.plan.parts.count > 1 ? " of part \(index + 1)" : ""
            facts["overlap of windows"] = "\((part.windows.windowSize - part.windows.stride) * part.cellSize)"
            facts["grid\(suffix)"] = try Self.hash(PartPlace(part))
            for (place, scene) in part.scenes.enumerated() {
                facts["scene \(place + 1)\(suffix)"] = try Self.hash(
                    scene.named(Fingerprint(job.open.reader(scene.path)).value))
            }
        }
        self.facts = facts
        formatVersion = Self.currentVersion
    }

    /// The facts in a file; `nil` where it is none.
    init?(_ path: String) {
        guard let bytes = try? Disk<MappingFailure>.read(path),
            let read = try? JSONDecoder().decode(Self.self, from: Data(bytes))
        else { return nil }
        self = read
    }

    /// Threads inside the predictor's operations; `nil` where they are unknown.
    var tensorThreads: Int? {
        facts[Self.threadsName].flatMap(Int.init).flatMap { (1...4096).contains($0) ? $0 : nil }
    }

    /// The bytes of the file.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// How these facts differ from earlier ones, one sentence each; empty if they are equal.
    func differences(from earlier: MapFacts) -> [String] {
        guard formatVersion == earlier.formatVersion else { return ["another version of geodino wrote them"] }
        return Set(facts.keys).union(earlier.facts.keys).sorted().compactMap { name in
            let (old, new) = (earlier.facts[name], facts[name])
            guard old != new else { return nil }
            // Nobody can compare two hashes.
            guard let old, let new, old.count < 64 || new.count < 64 else { return "\(name): changed" }
            return "\(name): \(new) now, \(old) then"
        }
    }

    private static func hash(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return SHA256.hex(of: Array(try encoder.encode(value)))
    }

    /// The hash of an area's outlines.
    private static func hash(_ area: AreaOfInterest) -> String {
        var hash = SHA256()
        for (number, polygon) in area.polygons.enumerated() {
            for (index, ring) in polygon.enumerated() {
                hash.update(Array("\(number) \(index) \(ring.count);".utf8))
                for point in ring { hash.update(littleEndian(point.x.bitPattern) + littleEndian(point.y.bitPattern)) }
            }
        }
        return hash.finalize()
    }
}

/// The number of threads inside the predictor's operations with which the rows of an unfinished map were computed.
///
/// A resumed map needs the same number, whatever the machine would choose.
///
/// - Parameter output: The map's path.
/// - Returns: `nil` where no rows are kept for it, or the number is not known.
public func keptTensorThreads(for output: String) -> Int? {
    MapFacts("\(JournalFolder.path(of: output))/\(JournalFolder.marker)")?.tensorThreads
}

/// What a part's rows depend on besides its scenes.
private struct PartPlace: Encodable {
    let lattice: PixelLattice
    let inputLattice: PixelLattice
    let cellSize: Int
    let windows: WindowLattice
    let window: PixelWindow
    let blocks: [PixelWindow]
    let blockSide: Int
    let longitudes: Bounds?

    init(_ part: MapPlan.Part) {
        lattice = part.lattice
        inputLattice = part.inputLattice
        cellSize = part.cellSize
        windows = part.windows
        window = part.window
        blocks = part.blocks
        blockSide = part.blockSide
        longitudes = part.longitudes
    }
}

extension PlacedScene {
    /// The scene with the name of its content in the place of its path.
    fileprivate func named(_ content: String) -> PlacedScene {
        var scene = self
        scene.path = content
        return scene
    }
}

/// What a part's rows depend on and planning does not know: the stretches of its scenes, and which of them have pixels.
func stretchOrigin(_ part: MapPlan.Part, _ stretches: [StretchParameters?]) -> String {
    var hash = SHA256()
    hash.update(Array("\(part.scenes.count);".utf8))
    for (scene, stretch) in zip(part.scenes, stretches) {
        hash.update(Array("\(scene.window);".utf8))
        for value in (stretch?.low ?? []) + (stretch?.high ?? []) { hash.update(littleEndian(value.bitPattern)) }
    }
    return hash.finalize()
}
