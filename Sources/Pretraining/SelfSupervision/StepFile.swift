// One step in a file: crops, masks and targets, so that other code can compute it too, or hand one in.
import Backbone
internal import Files
import FoundationEssentials
package import Geo
import Glibc
import Telemetry
package import Torch
internal import Training

/// What a step is computed from, besides its crops.
package struct StepContents {
    /// The masks of the global crops.
    package let masks: MaskBatch
    /// What the student is to predict, for each part of the step.
    package let targets: [Targets]
    /// Temperature of the teacher's assignments.
    package let temperature: Double
}

/// A step that is not drawn from the corpus.
package struct GivenStep {
    /// Its crops.
    package let batch: CropBatch
    /// Its masks.
    package let masks: MaskBatch
    /// What the student is to predict; `nil` for what the teacher says.
    package let targets: GivenTargets?
}

/// Assignments that take the place of the teacher's.
package struct GivenTargets {
    /// Of class tokens, `[2, batch, prototypes]`; `nil` for the teacher's.
    package let dino: Tensor?
    /// Of hidden patches, crop by crop, `[hidden, prototypes]`; `nil` for the teacher's.
    package let ibot: Tensor?

    /// The targets of a step's parts with these in place of the teacher's.
    func replacing(_ targets: [Targets], masks: MaskBatch, dtype: DType, _ device: Device) -> [Targets] {
        let (whole, parts) = (masks.masks.count / 2, targets.count)
        let batch = whole / parts
        let exact: DType = dtype == .float64 ? .float64 : .float32
        let counts = masks.masks.map { mask in mask.count { $0 } }
        let (dino, ibot) = (dino?.to(exact).to(device), ibot?.to(exact).to(device))
        return targets.enumerated().map { number, made in
            let start = number * batch
            func hidden(_ rows: Tensor) -> Tensor {
                // Those of the part's first crops, then those of its second.
                let own = [start, whole + start].map { first in
                    rows.narrow(
                        dim: 0, start: counts[..<first].reduce(0, +),
                        length: counts[first..<first + batch].reduce(0, +))
                }
                return concatenate(own, dim: 0).unsqueezed(dim: 0)
            }
            return Targets(
                dino: dino.map { .whole($0.narrow(dim: 1, start: start, length: batch)) } ?? made.dino,
                ibot: made.ibot.map { patches in ibot.map { .whole(hidden($0)) } ?? patches }, present: made.present)
        }
    }
}

/// A safetensors file of one step.
///
/// | array | what |
/// |---|---|
/// | `crops.global` | `[2, batch, channels, size, size]`, float32, normalised |
/// | `crops.local` | `[count, batch, channels, size, size]`, the same |
/// | `crops.gram` | `[2, batch, channels, size, size]`, the same; where the recipe has `gram.crop` |
/// | `masks` | `[2, batch, patches]`, bool (or uint8), true where hidden |
/// | `targets.dino` | `[2, batch, prototypes]`, the teacher's assignments of class tokens; optional |
/// | `targets.ibot` | `[hidden, prototypes]`, those of hidden patches in the order of `masks`; optional |
///
/// The metadata have the number of the step, from 1, as `step`; and, where geodino wrote it, the recipe in force, the numbers of the
/// tiles, the corpus' fingerprint and layout, and the teacher's temperature.
package final class StepFile {
    package let path: String
    /// The step, from 0.
    package let step: Int
    private let file: SafetensorsFile
    private static let stepKey = "step"

    /// Opens a file.
    ///
    /// - Throws: `TorchError` for a file that is not a safetensors; `badStepFile` where it does not say which step it is.
    package init(path: String) throws {
        self.path = path
        file = try SafetensorsFile(path: path)
        guard let text = file.metadata[Self.stepKey], let number = Int(text), number >= 1 else {
            throw PretrainingError(
                .badStepFile, "the file does not say which step it is", in: path,
                why: ["its metadata has \(file.metadata[Self.stepKey].map { "the step '\($0)'" } ?? "no 'step'")"],
                try: "write the step's number, counted from 1, into the safetensors metadata as 'step'")
        }
        step = number - 1
    }

    // MARK: Reading

    /// The arrays of a step of a recipe.
    private struct Expected {
        let name: String
        let shape: [Int]
        let types: Set<ElementType>
        let isOptional: Bool
    }

    private func expected(_ recipe: PretrainingRecipe, hidden: Int) -> [Expected] {
        let (batch, crops) = (recipe.data.batchSize, recipe.crops)
        func images(_ name: String, _ views: Int, _ size: Int) -> Expected {
            Expected(
                name: name, shape: [views, batch, recipe.backbone.channels, size, size], types: [.float32],
                isOptional: false)
        }
        func targets(_ name: String, _ shape: [Int]) -> Expected {
            Expected(name: name, shape: shape, types: [.float32, .float64], isOptional: true)
        }
        return [
            images("crops.global", 2, crops.global.size), images("crops.local", crops.local.count, crops.local.size),
        ] + (recipe.gram?.crop.map { [images("crops.gram", 2, $0.size)] } ?? []) + [
            Expected(
                name: "masks", shape: [2, batch, recipe.backbone.patches(size: crops.global.size)],
                types: [.bool, .uint8], isOptional: false),
            targets("targets.dino", [2, batch, recipe.heads.dino.prototypes]),
            targets("targets.ibot", [hidden, recipe.heads.ibot.prototypes]),
        ]
    }

    /// Compares the file with a recipe at the step's sizes, without reading crops.
    ///
    /// - Throws: `badStepFile`, naming the first array that is missing, of another type or shape, or unknown.
    package func check(_ recipe: PretrainingRecipe) throws {
        func refused(_ what: String) -> PretrainingError {
            PretrainingError(
                .badStepFile, "the file does not fit step \(step + 1) of the recipe: \(what)", in: path,
                try: "write it with this recipe: \(UserAction.dumpStep(step + 1))")
        }
        let hidden = try file.entry("masks") == nil ? 0 : file.bytes("masks").count { $0 != 0 }
        let wanted = expected(recipe, hidden: hidden)
        for array in wanted {
            guard let entry = file.entry(array.name) else {
                if array.isOptional { continue }
                throw refused("there is no \(array.name)")
            }
            guard entry.shape == array.shape, array.types.contains(entry.type) else {
                let types = array.types.map(\.rawValue).sorted().joined(separator: " or ")
                throw refused(
                    "\(array.name) is \(entry.type.rawValue) \(entry.shape); expected \(types) \(array.shape)")
            }
        }
        if let other = file.entries.first(where: { entry in !wanted.contains { $0.name == entry.name } }) {
            throw refused("it has an array \(other.name), which the step does not have")
        }
    }

    /// The step.
    ///
    /// - Throws: as `check(_:)`; `noMemory`.
    package func read(_ recipe: PretrainingRecipe) throws -> GivenStep {
        try check(recipe)
        func storage(_ name: String) throws -> CropStorage {
            let bytes = try file.bytes(name)
            let storage = try CropStorage(count: bytes.count / 4)
            if let start = bytes.baseAddress { memcpy(storage.base, start, bytes.count) }
            return storage
        }
        let patches = recipe.backbone.patches(size: recipe.crops.global.size)
        let flags = try file.bytes("masks").map { $0 != 0 }
        let masks = stride(from: 0, to: flags.count, by: patches).map { Array(flags[$0..<$0 + patches]) }
        func targets(_ name: String) throws -> Tensor? { file.entry(name) == nil ? nil : try file.tensor(name) }
        return GivenStep(
            batch: CropBatch(
                step: step, ids: tiles(recipe.data.batchSize), global: try storage("crops.global"),
                local: try storage("crops.local"),
                larger: file.entry("crops.gram") == nil ? nil : try storage("crops.gram")),
            masks: MaskBatch(masks),
            targets: GivenTargets(dino: try targets("targets.dino"), ibot: try targets("targets.ibot")))
    }

    /// The numbers of the tiles; those of the samples where the file does not say.
    private func tiles(_ batch: Int) -> [Int] {
        let said = file.metadata["tiles"]?.split(separator: ",").compactMap { Int($0) } ?? []
        return said.count == batch ? said : Array(0..<batch)
    }

    /// The corpus that the crops were cut from, for a run without one; `nil` where the file does not say.
    package var source: ReplayedTiles? {
        guard let corpus = file.metadata["corpus"], let text = file.metadata["layout"],
            let layout = try? JSONDecoder().decode(PixelLayout.self, from: Data(text.utf8))
        else { return nil }
        return ReplayedTiles(fingerprint: corpus, layout: layout)
    }

    // MARK: Writing

    /// Writes a step's file, replacing none before all of it is on the disk.
    ///
    /// - Parameters:
    ///   - contents: Masks and targets.
    ///   - batch: The crops.
    ///   - recipe: The recipe in force in the step.
    ///   - source: Where the tiles come from.
    /// - Throws: `stepFileFailed`.
    package static func write(
        _ contents: StepContents, batch: CropBatch, recipe: PretrainingRecipe, source: any TileSource, to path: String
    ) throws {
        do {
            try writeArrays(contents, batch, recipe, source, path)
        } catch {
            throw PretrainingError(
                .stepFileFailed, "cannot write the file of step \(batch.step + 1)", in: path,
                why: causes(of: error),
                try:
                    "free some space or choose another file, and repeat the step: \(UserAction.resumeAndDumpStep(batch.step + 1))"
            )
        }
    }

    private static func writeArrays(
        _ contents: StepContents, _ batch: CropBatch, _ recipe: PretrainingRecipe, _ source: any TileSource,
        _ path: String
    ) throws {
        let (count, crops) = (batch.ids.count, recipe.crops)
        // After a failed operation there is nothing to write; the scope that the step is computed in throws.
        guard let first = contents.targets.first, let type = first.dino.dtype else { return }
        func images(_ name: String, _ views: Int, _ size: Int) -> TensorEntry {
            TensorEntry(name: name, type: .float32, shape: [views, count, recipe.backbone.channels, size, size])
        }
        func targets(_ name: String, _ shape: [Int]) -> TensorEntry {
            TensorEntry(name: name, type: ElementType(type), shape: shape)
        }
        let masks = contents.masks.masks
        var entries = [
            images("crops.global", 2, crops.global.size), images("crops.local", crops.local.count, crops.local.size),
        ]
        var larger: [(name: String, storage: CropStorage)] = []
        if let storage = batch.larger, let crop = recipe.gram?.crop {
            entries.append(images("crops.gram", 2, crop.size))
            larger = [("crops.gram", storage)]
        }
        entries.append(targets("targets.dino", [2, count, recipe.heads.dino.prototypes]))
        if !contents.masks.indices.isEmpty {
            entries.append(targets("targets.ibot", [contents.masks.indices.count, recipe.heads.ibot.prototypes]))
        }
        entries.append(TensorEntry(name: "masks", type: .bool, shape: [2, count, masks[0].count]))
        // Wide elements first, so that readers find all of them at whole multiples of their size.
        entries = entries.enumerated()
            .sorted { ($1.element.type.byteCount, $0.offset) < ($0.element.type.byteCount, $1.offset) }.map(\.element)
        let writer = try SafetensorsWriter(
            path: path, entries: entries,
            metadata: [
                stepKey: "\(batch.step + 1)", "phase": recipe.phase, "recipe": try JSONValue(recipe).text,
                "tiles": batch.ids.map(String.init).joined(separator: ","), "corpus": source.fingerprint,
                "layout": try JSONValue(source.layout).text, "teacher_temperature": "\(contents.temperature)",
            ])
        for (name, storage) in [("crops.global", batch.global), ("crops.local", batch.local)] + larger {
            try writer.put(UnsafeRawBufferPointer(start: storage.base, count: 4 * storage.count), into: name, at: 0)
        }
        try masks.flatMap { $0.map { UInt8($0 ? 1 : 0) } }.withUnsafeBytes { try writer.put($0, into: "masks", at: 0) }
        try put(contents, count, into: writer)
        try writer.finish()
    }

    /// Writes the targets of all parts, each row to its place in the step.
    private static func put(_ contents: StepContents, _ whole: Int, into writer: SafetensorsWriter) throws {
        func put(_ rows: Tensor, into name: String, at row: Int) throws {
            let plain = rows.detached().to(.cpu).contiguous()
            guard plain.isDefined, plain.count > 0 else { return }
            let each = plain.count / plain.shape[0] * plain.dtype.byteCount
            try plain.withBytes { try writer.put($0, into: name, at: row * each) }
        }
        let batch = whole / contents.targets.count
        let counts = contents.masks.masks.map { mask in mask.count { $0 } }
        for (number, part) in contents.targets.enumerated() {
            for crop in 0..<2 {
                try part.dino.forEachChunk(ofCrop: crop) { start, rows in
                    try put(rows, into: "targets.dino", at: crop * whole + number * batch + start)
                }
            }
            // The part's hidden patches are those of its first crops, then those of its second.
            let starts = [number * batch, whole + number * batch]
            let places = starts.map { counts[..<$0].reduce(0, +) }
            let lengths = starts.map { counts[$0..<$0 + batch].reduce(0, +) }
            try part.ibot?.forEachChunk(ofCrop: 0) { start, rows in
                let end = start + rows.shape[0]
                let ofFirst = min(max(lengths[0] - start, 0), end - start)
                if ofFirst > 0 {
                    try put(rows.narrow(dim: 0, start: 0, length: ofFirst), into: "targets.ibot", at: places[0] + start)
                }
                guard ofFirst < end - start else { return }
                try put(
                    rows.narrow(dim: 0, start: ofFirst, length: end - start - ofFirst), into: "targets.ibot",
                    at: places[1] + start + ofFirst - lengths[0])
            }
        }
    }
}

/// The corpus of a run whose steps all come from files: its description, without its tiles.
package struct ReplayedTiles: TileSource {
    package let fingerprint: String
    package let layout: PixelLayout
    /// One, which nobody can read: how many the corpus had does not matter here.
    package let tileCount = 1

    package func weights(_ ids: Range<Int>) throws -> [Float] { ids.map { _ in 1 } }

    package func subset(named: String) throws -> any TileSet { AllTiles(count: tileCount) }

    package func tiles(_ ids: [Int]) throws -> TileBatch {
        throw PretrainingError(
            .badSource, "there are no tiles: the run has only step files", try: "\(Setting.corpus) CORPUS")
    }
}
