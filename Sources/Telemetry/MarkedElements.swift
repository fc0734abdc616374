// Secrets in XML that GDAL takes in place of a file name, such as the description of a tile service.

/// Elements of XML whose name says that their text is secret: `<UserPwd>me:x</UserPwd>`.
enum MarkedElements {
    /// A text with the content of such elements marked.
    static func marked(in text: String) -> String {
        guard text.contains("</") else { return text }
        var out = ""
        var done = text.startIndex
        var place = text.startIndex
        while let open = text[place...].firstIndex(of: "<") {
            place = text.index(after: open)
            let name = text[place...].prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
            guard name.endIndex < text.endIndex, text[name.endIndex] == ">", Redaction.soundsSecret(String(name)) else {
                continue
            }
            let start = text.index(after: name.endIndex)
            guard let close = text[start...].firstRange(of: "</\(name)>") else { continue }
            out += text[done..<start] + (text[start..<close.lowerBound].isEmpty ? "" : Redaction.mark)
            (done, place) = (close.lowerBound, close.upperBound)
        }
        return out + text[done...]
    }
}
