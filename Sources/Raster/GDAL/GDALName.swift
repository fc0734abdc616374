// What a path is called inside GDAL.

/// Names of files as GDAL's virtual file systems have them.
enum GDALName {
    /// A path as GDAL's virtual file systems name it: `https://` and cloud addresses are read in place.
    ///
    /// The fragment of a web address (`#...`) goes: it is never sent to a server, and GDAL 3.6 waits without end for such
    /// a file.
    static func of(_ path: String) -> String {
        if ["https://", "http://", "/vsicurl/http"].contains(where: path.hasPrefix), let mark = path.firstIndex(of: "#")
        {
            return of(String(path[..<mark]))
        }
        for (scheme, folder) in [
            ("https://", "/vsicurl/https://"), ("http://", "/vsicurl/http://"), ("s3://", "/vsis3/"),
            ("gs://", "/vsigs/"), ("az://", "/vsiaz/"),
        ] where path.hasPrefix(scheme) {
            return folder + path.dropFirst(scheme.count)
        }
        return path
    }

    /// Whether a name is not a plain file: a virtual file, or a connection string such as `HDF5:"a.h5"://b`.
    static func isVirtual(_ name: String) -> Bool {
        name.hasPrefix("/vsi") || name.contains(":") || name.hasPrefix("<")
    }
}
