// corpus.gpkg: written shard by shard from what the shards say, so that it can always be made again.
internal import Files
internal import Foundation
internal import GRDB
internal import Geo
internal import Raster
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// The GeoPackage of a corpus, opened for writing.
///
/// Rows are numbered from 1, one more than tiles, scenes and shards are elsewhere: GDAL does not keep a row 0.
final class CorpusDatabase {
    private let queue: DatabaseQueue
    private let path: String

    /// Opens an index that exists.
    init(_ path: String) throws(CorpusError) {
        self.path = path
        var configuration = Configuration()
        configuration.prepareDatabase { GeoPackageGeometry.addFunctions(to: $0) }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read { _ = try Int.fetchOne($0, sql: "SELECT count(*) FROM shards") }
        } catch {
            throw CorpusError(
                .damaged, "cannot open the corpus's index", in: path, why: causes(of: error),
                try: "rebuild it from the shards: \(UserAction.reindexCorpus(parentFolder(path)))")
        }
    }

    /// Makes an index without tiles, under a temporary name until it is whole.
    static func create(_ path: String, marker: CorpusMarker) throws(CorpusError) -> CorpusDatabase {
        let partial = path + ".partial"
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(partial + suffix) }
        do {
            var configuration = Configuration()
            configuration.prepareDatabase { GeoPackageGeometry.addFunctions(to: $0) }
            let queue = try DatabaseQueue(path: partial, configuration: configuration)
            try queue.writeWithoutTransaction { database in
                for pragma in GeoPackageSchema.pragmas { try database.execute(sql: pragma) }
            }
            try queue.write { try fill($0, marker) }
            try queue.close()
        } catch {
            throw wrapped(error, "cannot create the corpus's index", path)
        }
        for suffix in ["-journal", "-wal", "-shm"] { unlink(path + suffix) }
        try Disk.rename(partial, to: path)
        return try CorpusDatabase(path)
    }

    private static func fill(_ database: Database, _ marker: CorpusMarker) throws {
        try database.execute(sql: GeoPackageSchema.core)
        try database.execute(sql: GeoPackageSchema.tables)
        for table in ["tiles", "scenes"] { try database.execute(sql: GeoPackageSchema.spatialIndex(table)) }
        let systems: [(String, Int, String, Int, String)] = [
            ("Undefined cartesian SRS", -1, "NONE", -1, "undefined"),
            ("Undefined geographic SRS", 0, "NONE", 0, "undefined"),
            ("WGS 84 geodetic", 4326, "EPSG", 4326, GeoPackageSchema.wgs84),
        ]
        let insertSystem = "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)"
        for system in systems {
            try database.execute(sql: insertSystem, arguments: [system.0, system.1, system.2, system.3, system.4])
        }
        for statement in GeoPackageSchema.registration() { try database.execute(sql: statement) }
        for (index, definition) in marker.systems.enumerated() {
            let crs = CoordinateReferenceSystem(definition)
            // What has no EPSG code gets a number outside EPSG's range.
            let code = definition.hasPrefix("EPSG:") ? Int(definition.dropFirst(5)) : nil
            let number = code ?? 1_000_000 + index
            if number != 4326 {
                try database.execute(
                    sql: insertSystem,
                    arguments: [crs.name, number, code == nil ? "NONE" : "EPSG", number, crs.plainWKT])
            }
            try database.execute(
                sql: "INSERT INTO crs VALUES (?, ?, ?, ?)", arguments: [index + 1, number, crs.name, definition])
        }
        let profile = String(decoding: try encodeJSON(marker.profile), as: UTF8.self)
        try database.execute(sql: "INSERT INTO profile VALUES (1, ?, ?)", arguments: [marker.profile.name, profile])
        for scene in marker.scenes {
            let stretch = try scene.stretch.map { String(decoding: try encodeJSON($0), as: UTF8.self) }
            try database.execute(
                sql: "INSERT INTO scenes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    scene.index + 1, Data(GeoPackageGeometry.multiPolygon(scene.footprint)),
                    Redaction.address(scene.path), scene.fingerprint,
                    scene.bytes, scene.grid.width, scene.grid.height, scene.bandNames.joined(separator: ","),
                    scene.sampleType.rawValue, scene.grid.crs?.definition ?? "", scene.gsd, scene.squareKilometres,
                    stretch, scene.acquired, scene.platform, scene.licence, scene.attribution, scene.sunElevation,
                    scene.sunAzimuth, scene.offNadir, scene.cloudCover,
                ])
        }
        try database.execute(sql: "INSERT INTO journal (event) VALUES ('begun')")
        try updateExtent(database, "scenes")
    }

    /// The shards that the index knows, with the hash of their .idx.
    func shards() throws(CorpusError) -> [Int: String] {
        do {
            return try queue.read { database in
                let rows = try Row.fetchAll(database, sql: "SELECT id, idx_sha256 FROM shards")
                return Dictionary(rows.map { (($0[0] as Int) - 1, $0[1] as String) }) { first, _ in first }
            }
        } catch { throw Self.wrapped(error, "cannot read the corpus's index", path) }
    }

    /// Adds a finished shard and its tiles in one transaction.
    func add(_ shard: FinishedShard, systems: [String]) throws(CorpusError) {
        do {
            try queue.write { database in
                let index = shard.index
                try database.execute(
                    sql: "INSERT INTO shards VALUES (?, ?, ?, ?, ?, ?)",
                    arguments: [
                        shard.number + 1, shard.name, index.count, index.count > 0 ? Int(index[0].id) : 0,
                        index.shardLength, shard.indexHash,
                    ])
                let statement = try database.makeStatement(
                    sql:
                        "INSERT INTO tiles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?)"
                )
                for position in 0..<index.count {
                    let place = index[position]
                    let tile = try shard.record(at: position)
                    guard let system = systems.firstIndex(of: tile.crs) else {
                        throw CorpusError(
                            .damaged, "tile \(tile.key) has a CRS that the corpus does not list", in: shard.path)
                    }
                    let statistics = String(decoding: try encodeJSON(tile.statistics), as: UTF8.self)
                    let transform = String(decoding: try encodeJSON(tile.transform), as: UTF8.self)
                    try statement.execute(arguments: [
                        tile.id + 1, Data(GeoPackageGeometry.multiPolygon(tile.footprint)), tile.key, shard.number + 1,
                        tile.scene + 1, system + 1, Int(place.tileOffset), Int(place.tileLength), tile.sha256,
                        tile.window.column, tile.window.row, tile.window.width, tile.window.height, transform,
                        tile.gsd, tile.acquired, tile.validFraction, statistics, tile.block, tile.split.rawValue,
                        Double(tile.weight), Int64(bitPattern: tile.subsets), tile.flags.joined(separator: ","),
                    ])
                }
                try database.execute(
                    sql: "INSERT INTO journal (event, shard_id, tiles) VALUES ('shard', ?, ?)",
                    arguments: [shard.number + 1, index.count])
                try Self.updateExtent(database, "tiles")
            }
        } catch { throw Self.wrapped(error, "cannot add shard \(shard.name) to the corpus's index", path) }
    }

    /// Notes that the corpus is complete; once.
    func finish(tiles: Int) throws(CorpusError) {
        do {
            try queue.write { database in
                let done = try Int.fetchOne(database, sql: "SELECT count(*) FROM journal WHERE event = 'complete'") ?? 0
                guard done == 0 else { return }
                try database.execute(
                    sql: "INSERT INTO journal (event, tiles) VALUES ('complete', ?)", arguments: [tiles])
            }
        } catch { throw Self.wrapped(error, "cannot finish the corpus's index", path) }
    }

    /// The number of tiles with which the corpus became complete; `nil` where the journal does not say that it did.
    func tilesWhenComplete() throws(CorpusError) -> Int? {
        do {
            return try queue.read { database in
                try Int.fetchOne(database, sql: "SELECT tiles FROM journal WHERE event = 'complete'")
            }
        } catch { throw Self.wrapped(error, "cannot read the corpus's index", path) }
    }

    /// What is wrong with the index, in words; empty where all is well.
    func problems(tileCount: Int) throws(CorpusError) -> [String] {
        do {
            return try queue.read { database in
                var found: [String] = []
                let check = try String.fetchAll(database, sql: "PRAGMA integrity_check")
                if check != ["ok"] { found += check }
                let tiles = try Int.fetchOne(database, sql: "SELECT count(*) FROM tiles") ?? 0
                if tiles != tileCount { found.append("it lists \(tiles) tiles, but the shards hold \(tileCount)") }
                let tree = try Int.fetchOne(database, sql: "SELECT count(*) FROM rtree_tiles_geom") ?? 0
                if tree != tiles { found.append("its R-tree holds \(tree) of \(tiles) tiles") }
                return found
            }
        } catch { throw Self.wrapped(error, "cannot check the corpus's index", path) }
    }

    /// The extent that readers show for a layer, taken from its R-tree.
    private static func updateExtent(_ database: Database, _ table: String) throws {
        try database.execute(
            sql: """
                UPDATE gpkg_contents SET (min_x, min_y, max_x, max_y) =
                  (SELECT min(minx), min(miny), max(maxx), max(maxy) FROM rtree_\(table)_geom)
                WHERE table_name = '\(table)'
                """)
    }

    private static func wrapped(_ error: any Error, _ what: String, _ path: String) -> CorpusError {
        if let error = error as? CorpusError { return error }
        guard let error = error as? DatabaseError else {
            return CorpusError(.writeFailed, what, in: path, why: causes(of: error))
        }
        if error.resultCode == .SQLITE_FULL { return .writing(what, path, ENOSPC) }
        if error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB {
            return CorpusError(
                .damaged, what, in: path, why: causes(of: error),
                try: "rebuild it from the shards: \(UserAction.reindexCorpus(parentFolder(path)))")
        }
        return CorpusError(.writeFailed, what, in: path, why: causes(of: error))
    }
}

/// Opens the GeoPackage, or makes it from the shards; adds the shards it lacks.
func openDatabase(_ folder: CorpusFolder, _ shards: [FinishedShard]) throws -> (CorpusDatabase, made: Bool) {
    let made = !fileExists(folder.database)
    let database =
        try made ? CorpusDatabase.create(folder.database, marker: folder.marker) : CorpusDatabase(folder.database)
    let known = try database.shards()
    let systems = folder.marker.systems
    if let lost = known.keys.filter({ $0 >= shards.count }).min() {
        throw CorpusError(
            .damaged, "corpus.gpkg lists shard \(ShardName.text(lost)), which is missing",
            in: folder.database,
            try: "restore the shard and its index from a copy, or: \(UserAction.reindexCorpus(folder.path))")
    }
    for shard in shards {
        if let hash = known[shard.number] {
            guard hash == shard.indexHash else {
                throw CorpusError(
                    .damaged, "corpus.gpkg describes a shard \(shard.name) other than the existing one",
                    in: folder.database,
                    try: "rebuild it from the shards: \(UserAction.reindexCorpus(folder.path))")
            }
        } else {
            try database.add(shard, systems: systems)
        }
    }
    return (database, made)
}
