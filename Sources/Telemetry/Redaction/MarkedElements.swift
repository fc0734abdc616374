// Secrets in XML that GDAL takes in place of a file name, such as the description of a tile service.

/// Elements of XML whose name, or whose attribute `key` or `name`, says that their text is secret: `<UserPwd>me:x</UserPwd>`,
/// `<OOI key="USERPWD">me:x</OOI>`.
struct MarkedElements {
    /// The text with the content of such elements marked.
    private(set) var marked = ""
    private(set) var secrets: [(name: String, value: String)] = []

    init(_ text: String) {
        guard text.contains("</") else {
            marked = text
            return
        }
        var done = text.startIndex
        var place = text.startIndex
        while let open = text[place...].firstIndex(of: "<") {
            place = text.index(after: open)
            let tag = text[place...].prefix { !"<>".contains($0) }
            guard tag.endIndex < text.endIndex, text[tag.endIndex] == ">", tag.last != "/", tag.first != "/",
                let name = Self.secretName(tag)
            else { continue }
            let start = text.index(after: tag.endIndex)
            guard let close = text[start...].firstRange(of: "</") else { continue }
            let value = text[start..<close.lowerBound]
            if !value.isEmpty, value != SecretNames.mark {
                secrets.append((name, String(value)))
                marked += text[done..<start] + SecretNames.mark
                done = close.lowerBound
            }
            place = close.upperBound
        }
        marked += text[done...]
    }

    /// The name of a secret in a tag such as `ns:UserPwd` or `OOI key="USERPWD"`.
    private static func secretName(_ tag: Substring) -> String? {
        let words = tag.split(whereSeparator: { $0.isWhitespace || "=\"'".contains($0) })
        guard let first = words.first else { return nil }
        var names = [first.split(separator: ":").last ?? first]
        for (word, value) in zip(words.dropFirst(), words.dropFirst(2))
        where ["key", "name"].contains(word.lowercased()) {
            names.append(value)
        }
        return names.first { SecretNames.soundsSecret(String($0)) }.map(String.init)
    }
}
