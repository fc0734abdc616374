// The checkpoints of a run: written whole or not at all, verified, thinned out.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// The folder `checkpoints` of a run.
package struct CheckpointStore: Sendable {
    package let folder: String

    /// A file to be written into a checkpoint.
    package struct Part {
        package let name: String
        /// About how many bytes it will have; for asking whether there is room.
        package let bytes: Int
        /// Writes it to a path, synced, and gives its SHA-256, made while it was written.
        package let write: (String) throws -> String

        package init(name: String, bytes: Int, write: @escaping (String) throws -> String) {
            self.name = name
            self.bytes = bytes
            self.write = write
        }
    }

    package init(run: String) { folder = "\(run)/checkpoints" }

    /// A folder of checkpoints, wherever it is.
    package init(folder: String) { self.folder = folder }

    /// The folder of one step's checkpoint.
    package func path(step: Int) -> String {
        let digits = String(step)
        return "\(folder)/" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The file of a part, sharded by rank; one rank writes.
    package static func fileName(_ part: String) -> String { "\(part)-00000-of-00001.safetensors" }

    /// Steps with a checkpoint, ascending.
    package func steps() -> [Int] {
        fileNames(in: folder).filter { $0.allSatisfy { $0.isASCII && $0.isNumber } }.compactMap {
            Int($0)
        }.sorted()
    }

    /// Removes what an interrupted save left behind.
    package func clean() {
        for name in fileNames(in: folder) where name.hasSuffix(".partial") {
            removeIfPresent("\(folder)/\(name)")
        }
    }

    /// Writes a checkpoint under a temporary name, syncs, renames, verifies it, and only then removes older ones.
    ///
    /// - Parameters:
    ///   - format: The version of the format that the run's recipe needs.
    ///   - keepEvery: Checkpoints at multiples of this many steps stay, besides the last two; 0 for none.
    /// - Throws: `diskFull` before anything is written; `writeFailed` and the errors of the parts, after which only older
    ///   checkpoints are there.
    package func save(
        step: Int, format: Int = 1, inputs: RunInputs, seed: Int, samples: Int,
        skipped: CheckpointManifest.Skipped = .init(), keepEvery: Int, parts: [Part]
    ) throws {
        try Disk.makeFolder(folder)
        try checkSpace(for: parts.reduce(0) { $0 + $1.bytes })
        let target = path(step: step)
        let partial = target + ".partial"
        removeIfPresent(partial)
        do {
            try Disk.makeFolder(partial)
            var files: [CheckpointManifest.File] = []
            for part in parts {
                let path = "\(partial)/\(part.name)"
                let hash = try part.write(path)
                files.append(.init(name: part.name, bytes: fileSize(path) ?? 0, sha256: hash))
            }
            let manifest = CheckpointManifest(
                formatVersion: format, step: step, inputs: inputs, random: .init(seed: seed, nextStep: step),
                samples: samples, skipped: skipped.total == 0 ? nil : skipped, files: files)
            try Disk.write(try prettyJSON(manifest), to: "\(partial)/manifest.json")
            try Disk.syncFolder(partial)
            removeIfPresent(target)
            try Disk.rename(partial, to: target)
            try Disk.syncFolder(folder)
        } catch {
            removeIfPresent(partial)
            throw error
        }
        _ = try verified(step: step)
        thin(newest: step, keepEvery: keepEvery)
    }

    /// Removes checkpoints before the last two, except multiples of `keepEvery`.
    private func thin(newest: Int, keepEvery: Int) {
        let older = steps().filter { $0 <= newest }.dropLast(2)
        for step in older where keepEvery == 0 || step % keepEvery != 0 {
            removeIfPresent(path(step: step))
        }
    }

    private func checkSpace(for bytes: Int) throws {
        let needed = bytes + bytes / 20 + 1_000_000
        guard let free = freeBytes(at: folder), free < needed else { return }
        throw TrainingError(
            .diskFull,
            "a checkpoint needs about \(needed / 1_000_000) MB, but only \(free / 1_000_000) MB are free",
            in: folder,
            try: "free some space; the next checkpoint is tried again")
    }

    /// Reads every byte of a checkpoint and compares it with the manifest.
    ///
    /// - Throws: `badCheckpoint`, naming the checkpoint and the file that is wrong; `newerFormat`.
    package func verified(step: Int) throws -> CheckpointManifest {
        let place = path(step: step)
        func bad(_ why: [String]) -> TrainingError {
            TrainingError(.badCheckpoint, "the checkpoint of step \(step) is damaged", in: place, why: why)
        }
        let manifest: CheckpointManifest
        do {
            manifest = try JSONDecoder().decode(
                CheckpointManifest.self, from: Data(try Disk.read("\(place)/manifest.json")))
        } catch {
            throw bad(error is TrainingError ? causes(of: error) : ["manifest.json is not a manifest"])
        }
        try refuseNewerFormat(manifest)
        guard manifest.formatVersion >= 1, manifest.step == step, manifest.random.nextStep == step else {
            throw bad([
                "manifest.json has format \(manifest.formatVersion), step \(manifest.step); expected 1 or 2, and \(step)"
            ])
        }
        guard !manifest.files.isEmpty else { throw bad(["manifest.json lists no file"]) }
        for file in manifest.files {
            guard !file.name.contains("/"), let size = fileSize("\(place)/\(file.name)") else {
                throw bad(["\(file.name) is missing"])
            }
            guard size == file.bytes else {
                throw bad(["\(file.name) has \(size) bytes; expected \(file.bytes)"])
            }
            let found = try SHA256.hex(ofFile: "\(place)/\(file.name)")
            guard found == file.sha256 else {
                throw bad(["\(file.name) has SHA-256 \(found); expected \(file.sha256)"])
            }
        }
        return manifest
    }

    /// - Throws: `newerFormat` for a checkpoint of a later version of the program; it is whole, and stays as it is.
    private func refuseNewerFormat(_ manifest: CheckpointManifest) throws {
        guard manifest.formatVersion > CheckpointManifest.newestFormat else { return }
        throw TrainingError(
            .newerFormat,
            "the checkpoint of step \(manifest.step) has format \(manifest.formatVersion); this version of geodino reads 1 to \(CheckpointManifest.newestFormat)",
            in: path(step: manifest.step), try: "resume with the version of geodino that wrote it, or a later one")
    }

    /// The newest sound checkpoint; damaged newer ones are renamed to `STEP.damaged` and reported.
    ///
    /// - Parameter notice: Told about each damaged checkpoint.
    /// - Throws: `badCheckpoint` where there are checkpoints, but none is sound; `newerFormat`.
    package func newestSound(notice: (TrainingError) -> Void) throws -> CheckpointManifest? {
        let steps = steps()
        for (index, step) in steps.enumerated().reversed() {
            do {
                return try verified(step: step)
            } catch let error as TrainingError where error.code == .newerFormat {
                throw error
            } catch {
                let error =
                    error as? TrainingError
                    ?? TrainingError(
                        .badCheckpoint, "the checkpoint of step \(step) cannot be read", in: path(step: step),
                        why: causes(of: error))
                guard index > 0 else {
                    throw TrainingError(
                        error.code, error.what + ", and there is no older one", in: error.place,
                        why: error.causes,
                        try: "restore the checkpoint from a copy, or start from scratch with \(Setting.overwrite)")
                }
                notice(
                    TrainingError(
                        error.code, error.what + "; resuming from step \(steps[index - 1])", in: error.place,
                        why: error.causes,
                        try: "inspect the damaged files, which are kept as \(path(step: step)).damaged"))
                removeIfPresent(path(step: step) + ".damaged")
                try Disk.rename(path(step: step), to: path(step: step) + ".damaged")
            }
        }
        return nil
    }
}
