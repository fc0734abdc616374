// What protocols may be called.

/// Whether a text may be the name of a protocol.
func isProtocolName(_ name: String) -> Bool {
    !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
}
