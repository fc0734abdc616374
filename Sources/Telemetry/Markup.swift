// Text inside HTML and XML.

/// Text with the characters escaped that mean something in HTML and in attributes of XML.
package func escapedForMarkup(_ text: String) -> String {
    var out = ""
    for character in text {
        switch character {
        case "&": out += "&amp;"
        case "<": out += "&lt;"
        case ">": out += "&gt;"
        case "\"": out += "&quot;"
        default: out.append(character)
        }
    }
    return out
}
