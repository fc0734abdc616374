// Which SQLite writes our GeoPackages; for `geodino doctor`.
internal import GRDB

/// The version of the SQLite library, such as `3.40.1`; empty when it does not answer.
public func sqliteVersion() -> String {
    let queue = try? DatabaseQueue()
    return (try? queue?.read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }) ?? ""
}
