// Numbers as people read them: in messages, step lines, plans and reports.

#if canImport(Glibc)
    internal import Glibc
#endif

/// A number without a needless fraction: `2` for 2.0, `0.6` for 0.6.
package func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
}

/// A number with at most so many decimals.
package func rounded(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    return number((value * scale).rounded() / scale)
}

/// A number with exactly so many decimals.
package func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    guard value.isFinite, abs(value) * scale < 1e15 else { return "\(value)" }
    let rounded = Int((abs(value) * scale).rounded())
    let (whole, part) = rounded.quotientAndRemainder(dividingBy: Int(scale))
    let digits = String(part)
    let fraction = decimals == 0 ? "" : "." + String(repeating: "0", count: decimals - digits.count) + digits
    return (value < 0 && rounded > 0 ? "-" : "") + "\(whole)\(fraction)"
}

/// A number of four significant digits, without an exponent where that is short.
package func significant(_ value: Double) -> String {
    guard value.isFinite, value != 0, abs(value) < 1e12 else { return "\(value)" }
    let scale = pow(10, 3 - log10(abs(value)).rounded(.down))
    return number((value * scale).rounded() / scale)
}

/// A number such as 1.9e-4.
package func scientific(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value == 0 ? "0" : "\(value)")" }
    var exponent = 0
    var mantissa = abs(value)
    while mantissa >= 9.95 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    return (value < 0 ? "-" : "") + fixed(mantissa, 1) + "e\(exponent)"
}

/// Seconds as h:mm:ss or m:ss.
package func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let all = Int(seconds.rounded())
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    return all >= 3600 ? "\(all / 3600):\(two(all / 60 % 60)):\(two(all % 60))" : "\(all / 60):\(two(all % 60))"
}

/// Bytes in kB or MB.
package func megabytes(_ bytes: Int) -> String {
    bytes < 1_000_000 ? "\((bytes + 999) / 1000) kB" : "\(rounded(Double(bytes) / 1e6, 1)) MB"
}

/// A number with its noun: `1 image`, `2 images`.
package func counted(_ count: Int, _ plural: String) -> String {
    count == 1 && plural.hasSuffix("s") ? "1 \(plural.dropLast())" : "\(count) \(plural)"
}
