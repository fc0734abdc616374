// Which parameters and settings are secret by their names.

enum SecretNames {
    /// What stands in the place of a secret.
    static let mark = "REDACTED"

    /// Whether a parameter or a setting is secret by its name.
    static func soundsSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        // The path of a file that holds a secret is not a secret: `AWS_WEB_IDENTITY_TOKEN_FILE`.
        guard !name.hasSuffix("file") else { return false }
        if secretSyllables.contains(where: { name.contains($0) }) { return true }
        // Short words hide in others: `author`, `design`, `monkey`.
        return name.split(whereSeparator: { !$0.isLetter && !$0.isNumber }).contains {
            secretWords.contains(String($0))
        }
    }

    /// Parts that only the names of secrets contain.
    private static let secretSyllables = [
        "secret", "token", "passw", "userpwd", "apikey", "accesskey", "privatekey", "sharedkey", "authkey", "userkey",
        "subscriptionkey", "accountkey", "signature", "credential", "bearer", "authorization", "cookie", "sessionid",
        "sessid", "connection_string", "connectionstring",
    ]

    /// Parts of names that are secret where they stand alone.
    private static let secretWords: Set<String> = [
        "key", "auth", "pass", "pwd", "header", "headers", "sig", "sas", "session", "login", "jwt", "hmac", "ticket",
        "hdnts", "hdnea",
    ]

    /// Parameters that say which data are meant; their values stay.
    static let selectors: Set<String> = [
        "asset", "assets", "band", "bands", "bbox", "bidx", "bounds", "bucket", "collection", "collections", "coverage",
        "coverageid", "crs", "dataset", "date", "datetime", "expression", "f", "file", "filename", "format", "height",
        "id", "ids", "item", "items", "layer", "layers", "level", "name", "nodata", "page", "path", "prefix", "product",
        "region", "request", "resampling", "resolution", "scale", "scene", "service", "size", "srs", "style", "styles",
        "subset", "tilecol", "tilematrix", "tilematrixset", "tilerow", "tilesize", "time", "typename", "typenames",
        "url", "version", "versionid", "width", "x", "y", "z", "zoom",
    ]

    /// Parameters of signed addresses that are not secret, and whose values are often common words or dates.
    static let publicParameters: Set<String> = [
        "x-amz-algorithm", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-goog-algorithm", "x-goog-date",
        "x-goog-expires", "x-goog-signedheaders", "expires", "sv", "sr", "sp", "se", "st", "spr", "skt", "ske", "sks",
        "skv", "sip", "skoid", "sktid", "sdd", "scid", "x-amz-content-sha256",
    ]
}
