// One cutting run: recover, cut in plan order, close shards, keep the books.
internal import Files
internal import Foundation
internal import Geo
internal import Telemetry

/// Writes the tiles of a job into a corpus folder, from wherever it is.
final class TileRun {
    private let job: TileJob
    private let folder: CorpusFolder
    private let options: TileOptions
    private let progress: ProgressHandler?
    private var summary = TileSummary()
    /// What stands for the best share of valid pixels where a scene gave a tile.
    private static let hasTiles = 2.0
    /// Number of places tried, of those outside, and the best share of valid pixels, per scene.
    private var tried: [Int: (places: Int, outside: Int, best: Double)] = [:]

    init(_ job: TileJob, folder: CorpusFolder, options: TileOptions, progress: ProgressHandler?) {
        self.job = job
        self.folder = folder
        self.options = options
        self.progress = progress
    }

    /// Where to continue.
    private struct Start {
        var shards: [FinishedShard]
        var open: (records: [IndexRecord], end: Int)?
        var tileCount: Int
        var place: TilePlace
        /// Tiles that the scene at `place` has already.
        var ofScene: Int
    }

    /// Cuts what is missing; the caller holds the folder's lock.
    func run() throws -> TileSummary {
        try Disk.makeFolder(folder.shards)
        let start = try recover()
        let (database, made) = try openDatabase(folder, start.shards)
        if made, !start.shards.isEmpty {
            summary.notes.append("corpus.gpkg was missing and has been rebuilt from the shards")
        }
        var shards = start.shards
        let writer = try ShardWriter(
            folder: folder, number: shards.count, limit: job.marker.profile.shardSize, open: start.open,
            reached: { [options] in try options.reached?($0) })
        func finished(_ shard: FinishedShard) throws {
            try database.add(shard, systems: job.marker.systems)
            try options.reached?(.databaseWritten(shard.number))
            shards.append(shard)
        }
        do {
            try cut(from: start) { tile, pixels in
                if let shard = try writer.append(tile, pixels: pixels) { try finished(shard) }
            }
        } catch {
            try? writer.flush()
            throw error
        }
        if let shard = try writer.close() { try finished(shard) }
        try options.reached?(.allShardsClosed)
        try finish(database, shards)
        return summary
    }

    private func finish(_ database: CorpusDatabase, _ shards: [FinishedShard]) throws {
        guard summary.tiles > 0 else { throw nothingCut(reasons(), job.marker.profile, folder.path) }
        try folder.write(Journal(complete: true, shards: shards.count, tiles: summary.tiles))
        try database.finish(tiles: summary.tiles)
        try options.reached?(.databaseFinished)
        summary.scenes = job.marker.scenes.count
        summary.places = job.plan.placeCount
        summary.count(shards, job.marker)
        let empty = reasons()
        summary.notes += empty.prefix(10)
        if empty.count > 10 { summary.notes.append("and \(empty.count - 10) more scenes yielded no tiles") }
    }

    // MARK: - Recovery

    /// Finds the finished shards, cuts the open one behind its last whole tile, and says where to continue.
    private func recover() throws -> Start {
        let journal = try folder.journal()
        let shards = try folder.finishedShards(journal)
        var start = Start(
            shards: shards, open: nil, tileCount: shards.reduce(0) { $0 + $1.index.count },
            place: TilePlace(part: 0, place: 0), ofScene: 0)
        var last: TileRecord?
        if let shard = shards.last(where: { $0.index.count > 0 }) {
            last = try shard.record(at: shard.index.count - 1)
        }
        let archive = folder.archive(shards.count)
        if fileExists(archive) {
            let scan = try ShardScan(archive)
            if scan.isFinished, scan.length > scan.end + Tar.trailer.count {
                throw CorpusError(
                    .damaged, "the open shard has \(scan.length - scan.end - Tar.trailer.count) bytes after its end",
                    in: archive, try: folder.reindexRemedy)
            }
            start.open = (scan.records, scan.end)
            start.tileCount += scan.records.count
            last = scan.last ?? last
        }
        guard let last else { return start }
        guard last.id == start.tileCount - 1 else {
            throw CorpusError(
                .damaged, "the last tile is number \(last.id), but the shards hold \(start.tileCount) tiles",
                in: folder.path,
                try:
                    "cut the corpus again with \(Setting.overwrite), or use it without the lost tiles after: \(UserAction.reindexCorpus(folder.path))"
            )
        }
        // The plan is made anew from the scenes; a record that names no place of it belongs to another corpus.
        guard job.plan.parts.indices.contains(last.scene),
            (0..<job.plan.parts[last.scene].placeCount).contains(last.candidate)
        else {
            throw CorpusError(
                .damaged,
                "tile \(last.key) says that it is place \(last.candidate) of scene \(last.scene), which the plan does not contain",
                in: folder.path, try: "list all damage: \(UserAction.verifyCorpus(folder.path))")
        }
        start.place = TilePlace(part: last.scene, place: last.candidate + 1)
        start.ofScene = (start.open?.records ?? []).count { Int($0.scene) == last.scene }
        shards: for shard in shards.reversed() {
            for position in (0..<shard.index.count).reversed() {
                guard shard.index.scene(position) == last.scene else { break shards }
                start.ofScene += 1
            }
        }
        return start
    }

    // MARK: - Cutting

    /// Goes through the plan from a place on and hands every tile over, numbered, in order.
    private func cut(from start: Start, _ take: (TileRecord, [UInt8]) throws -> Void) throws {
        let plan = job.plan
        var next = start.place
        // What cannot be stretched has no valid pixel, and gives no tile.
        var doneParts = Set(job.marker.scenes.filter { !job.marker.canStretch($0) }.map(\.index))
        if let wanted = plan.parts[start.place.part].wanted, start.ofScene >= wanted {
            doneParts.insert(start.place.part)
        }
        let work = OrderedWork<TilePlace, CutOutcome>(
            threads: options.threads,
            next: {
                while next.part < plan.parts.count {
                    if !doneParts.contains(next.part), next.place < plan.parts[next.part].placeCount {
                        defer { next.place += 1 }
                        return next
                    }
                    next = TilePlace(part: next.part + 1, place: 0)
                }
                return nil
            },
            worker: { [job] in
                let cutter = TileCutter(job)
                return { try cutter.cut($0) }
            })
        defer { work.stop() }

        summary.tiles = start.tileCount
        var ofScene = [start.place.part: start.ofScene]
        if start.ofScene > 0 { tried[start.place.part] = (0, 0, Self.hasTiles) }
        let before = plan.parts[..<start.place.part].reduce(0) { $0 + $1.placeCount } + start.place.place
        while let (place, outcome) = try work.take() {
            if doneParts.contains(place.part) { continue }
            count(place, outcome)
            if case .tile(var tile, let pixels) = outcome {
                tile.id = summary.tiles
                tile.key = TileRecord.key(tile.id)
                try take(tile, pixels)
                summary.tiles += 1
                summary.newTiles += 1
                ofScene[place.part, default: 0] += 1
                if let wanted = plan.parts[place.part].wanted, ofScene[place.part] == wanted {
                    work.update { doneParts.insert(place.part) }
                }
            }
            try report(place, before: before)
        }
    }

    private func count(_ place: TilePlace, _ outcome: CutOutcome) {
        summary.tried += 1
        var scene = tried[place.part] ?? (0, 0, 0)
        scene.places += 1
        switch outcome {
        case .outside:
            summary.outsideAOI += 1
            scene.outside += 1
        case .tooFewValid(let share):
            summary.tooFewValid += 1
            scene.best = max(scene.best, share)
        case .tile:
            scene.best = Self.hasTiles
        }
        tried[place.part] = scene
    }

    private func report(_ place: TilePlace, before: Int) throws {
        guard let progress else { return }
        let wanted = job.plan.parts.reduce(0) { $0 + ($1.wanted ?? 0) }
        // With a count, tiles are what matters; else places.
        let event =
            wanted > 0
            ? Progress(unit: "tiles", done: summary.tiles, total: wanted)
            : Progress(unit: "places", done: before + summary.tried, total: job.plan.placeCount)
        guard progress(event) else {
            throw CorpusError(
                .cancelled, "stopped after \(summary.tiles) tiles", in: folder.path,
                try: "to continue, \(UserAction.resumeSameCommand)")
        }
    }

    /// Why scenes gave no tile, one line per scene.
    private func reasons() -> [String] {
        zip(job.plan.parts, job.marker.scenes).compactMap { part, scene -> String? in
            if let reason = emptyReason(part, scene, job.marker.profile) { return "\(scene.path): \(reason)" }
            guard job.marker.canStretch(scene) else {
                return "\(scene.path): it has no valid pixels, so it yields no tiles"
            }
            guard let scene = tried[scene.index].map({ ($0, scene.path) }), scene.0.best < Self.hasTiles else {
                return nil
            }
            let (seen, path) = scene
            if seen.outside == seen.places {
                return "\(path): the centres of all \(seen.places) tiles are outside the area of interest"
            }
            return
                "\(path): of \(seen.places - seen.outside) tiles, the best is \(significant(seen.best * 100)) % valid, but the profile asks for \(significant(job.marker.profile.minValidFraction * 100)) %"
        }
    }
}
