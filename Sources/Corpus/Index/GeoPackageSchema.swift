// The tables of corpus.gpkg: a GeoPackage 1.3 for people and queries.

/// The statements that make an empty corpus index.
enum GeoPackageSchema {
    /// The names that GDAL and QGIS look for in the file's header: `GPKG`, version 1.3.
    static let pragmas = ["PRAGMA application_id = 1196444487", "PRAGMA user_version = 10300"]

    /// WGS 84 as the standard asks for it: WKT 1, longitude and latitude.
    static let wgs84 = """
        GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],\
        AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,\
        AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]
        """

    /// A fixed date: the same input gives the same content, whenever it is made.
    static let lastChange = "2000-01-01T00:00:00.000Z"

    static let core = """
        CREATE TABLE gpkg_spatial_ref_sys (
          srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
          organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
        CREATE TABLE gpkg_contents (
          table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
          description TEXT DEFAULT '',
          last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
          min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
          CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
        CREATE TABLE gpkg_geometry_columns (
          table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
          srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
          CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
          CONSTRAINT uk_gc_table_name UNIQUE (table_name),
          CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
          CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
        CREATE TABLE gpkg_extensions (
          table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
          scope TEXT NOT NULL,
          CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
        """

    static let tables = """
        CREATE TABLE profile (id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL);
        CREATE TABLE crs (
          id INTEGER PRIMARY KEY NOT NULL, srs_id INTEGER NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL);
        CREATE TABLE scenes (
          fid INTEGER PRIMARY KEY NOT NULL, geom BLOB, path TEXT NOT NULL, fingerprint TEXT NOT NULL,
          bytes INTEGER, width INTEGER NOT NULL, height INTEGER NOT NULL, bands TEXT NOT NULL,
          sample_type TEXT NOT NULL, crs TEXT NOT NULL, gsd REAL NOT NULL, square_kilometres REAL NOT NULL,
          stretch TEXT, acquired TEXT, platform TEXT, licence TEXT, attribution TEXT, sun_elevation REAL,
          sun_azimuth REAL, off_nadir REAL, cloud_cover REAL);
        CREATE TABLE shards (
          id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE, tiles INTEGER NOT NULL,
          first_id INTEGER NOT NULL, bytes INTEGER NOT NULL, idx_sha256 TEXT NOT NULL);
        CREATE TABLE tiles (
          fid INTEGER PRIMARY KEY NOT NULL, geom BLOB, key TEXT NOT NULL,
          shard_id INTEGER NOT NULL REFERENCES shards(id), scene_id INTEGER NOT NULL REFERENCES scenes(fid),
          crs_id INTEGER NOT NULL REFERENCES crs(id), tile_offset INTEGER NOT NULL, tile_bytes INTEGER NOT NULL,
          sha256 TEXT NOT NULL, window_column INTEGER NOT NULL, window_row INTEGER NOT NULL,
          window_width INTEGER NOT NULL, window_height INTEGER NOT NULL, transform TEXT NOT NULL,
          gsd REAL NOT NULL, acquired TEXT, valid_fraction REAL NOT NULL, cloud_fraction REAL,
          statistics TEXT NOT NULL, block TEXT NOT NULL, split TEXT NOT NULL, weight REAL NOT NULL,
          subsets INTEGER NOT NULL, flags TEXT NOT NULL);
        CREATE INDEX tiles_split ON tiles (split);
        CREATE INDEX tiles_scene ON tiles (scene_id);
        CREATE TABLE journal (id INTEGER PRIMARY KEY NOT NULL, event TEXT NOT NULL, shard_id INTEGER, tiles INTEGER);
        """

    /// The R-tree over a feature table and the triggers that keep it true (clause F.3 of the standard).
    static func spatialIndex(_ table: String) -> String {
        let tree = "\"rtree_\(table)_geom\""
        let box = "NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
        let filled = "(NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))"
        let vacant = "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))"
        let put = "INSERT OR REPLACE INTO \(tree) VALUES (\(box));"
        func trigger(_ name: String, _ when: String, _ condition: String, _ action: String) -> String {
            "CREATE TRIGGER \"rtree_\(table)_geom_\(name)\" AFTER \(when) ON \"\(table)\" WHEN \(condition) BEGIN \(action) END;"
        }
        return [
            "CREATE VIRTUAL TABLE \(tree) USING rtree(id, minx, maxx, miny, maxy);",
            trigger("insert", "INSERT", filled, put),
            trigger("update1", "UPDATE OF geom", "OLD.fid = NEW.fid AND \(filled)", put),
            trigger(
                "update2", "UPDATE OF geom", "OLD.fid = NEW.fid AND \(vacant)",
                "DELETE FROM \(tree) WHERE id = OLD.fid;"),
            trigger(
                "update3", "UPDATE", "OLD.fid != NEW.fid AND \(filled)",
                "DELETE FROM \(tree) WHERE id = OLD.fid; \(put)"),
            trigger(
                "update4", "UPDATE", "OLD.fid != NEW.fid AND \(vacant)",
                "DELETE FROM \(tree) WHERE id IN (OLD.fid, NEW.fid);"),
            trigger("delete", "DELETE", "OLD.geom NOT NULL", "DELETE FROM \(tree) WHERE id = OLD.fid;"),
        ].joined(separator: "\n")
    }

    /// Rows that make the tables known: features, attributes, the geometry columns, the R-tree extension.
    static func registration() -> [String] {
        var statements: [String] = []
        for (table, text) in [("tiles", "tiles of the corpus"), ("scenes", "scenes they were cut from")] {
            statements += [
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) VALUES ('\(table)', 'features', '\(table)', '\(text)', '\(lastChange)', 4326)",
                "INSERT INTO gpkg_geometry_columns VALUES ('\(table)', 'geom', 'MULTIPOLYGON', 4326, 0, 0)",
                "INSERT INTO gpkg_extensions VALUES ('\(table)', 'geom', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only')",
            ]
        }
        for table in ["shards", "crs", "profile", "journal"] {
            statements.append(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) VALUES ('\(table)', 'attributes', '\(table)', '\(lastChange)')"
            )
        }
        return statements
    }
}
