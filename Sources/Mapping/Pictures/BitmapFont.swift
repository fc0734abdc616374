// A small font of 5 x 7 pixels, so that pictures need no font files.

/// Glyphs as seven rows of five bits, the left pixel in the highest bit.
enum BitmapFont {
    static let width = 5
    static let height = 7

    /// Rows of a character; an empty box for what the font does not have.
    static func rows(_ character: Character) -> [UInt8] {
        glyphs[character] ?? (character == " " ? blank : [31, 17, 17, 17, 17, 17, 31])
    }

    /// Rows by which a character hangs below the line.
    static func descent(_ character: Character) -> Int { "gpqy".contains(character) ? 2 : 0 }

    /// Width of a text in pixels at scale 1.
    static func width(of text: String) -> Int { max(0, text.count * (width + 1) - 1) }

    private static let blank = [UInt8](repeating: 0, count: 7)

    private static let glyphs: [Character: [UInt8]] = {
        var glyphs: [Character: [UInt8]] = [:]
        for entry in table.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            guard let character = entry.first else { continue }
            let digits = Array(entry.dropFirst())
            glyphs[character] = (0..<7).map { UInt8(String(digits[$0 * 2...$0 * 2 + 1]), radix: 16) ?? 0 }
        }
        return glyphs
    }()

    /// A character, then its rows as two hexadecimal digits each.
    private static let table = """
        00E11131519110E 1040C040404040E 20E11010204081F 31F02040201110E 402060A121F0202 51F101E0101110E
        60608101E11110E 71F010204080808 80E11110E11110E 90E11110F01020C
        A0E11111F111111 B1E11111E11111E C0E11101010110E D1C12111111121C E1F10101E10101F F1F10101E101010
        G0E11101711110F H1111111F111111 I0E04040404040E J0702020202120C K11121418141211 L1010101010101F
        M111B1515111111 N11191513111111 O0E11111111110E P1E11111E101010 Q0E11111115120D R1E11111E141211
        S0F10100E01011E T1F040404040404 U1111111111110E V11111111110A04 W11111115151B11 X11110A040A1111
        Y11110A04040404 Z1F01020408101F
        a00000E010F110F b10101E1111111E c00000E1010110E d01010F1111110F e00000E111F100E f06081C08080808
        g0F1111110F010E h10101E11111111 i04000C0404040E j0200060202120C k10101214181412 l0C04040404040E
        m00001A15151515 n00001E11111111 o00000E1111110E p1E1111111E1010 q0F1111110F0101 r00001619101010
        s00000F100E011E t08081C08080906 u0000111111110F v00001111110A04 w0000111515150A x0000110A040A11
        y111111110F010E z00001F0204081F
        .00000000000C0C ,000000000C0408 -0000000E000000 /01010204081010 %18190204081303 (02040808080402
        )08040202020408 :000C0C000C0C00 +0004041F040400 =00001F001F0000 _0000000000001F
        """
}
