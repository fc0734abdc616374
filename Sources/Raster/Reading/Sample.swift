// The four sample types as one: conversions that round and clamp, never wrap.

/// A number that a pixel can hold.
protocol Sample: Equatable, Sendable {
    static var zero: Self { get }
    var double: Double { get }
    /// The nearest value of the type: halves up, clamped to its range.
    init(rounding value: Double)
    /// A nodata value in this type; `nil` where no sample can ever equal it.
    init?(exactlyNodata value: Double)
    /// Whether a stored sample is a nodata value.
    func isNodata(_ nodata: Self) -> Bool
    /// Whether the sample is a number that something measured.
    var isMeasurement: Bool { get }
}

extension Sample where Self: FixedWidthInteger {
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) init(rounding value: Double) {
        let rounded = (value + 0.5).rounded(.down)
        // The order of the comparisons sends NaN to the lower end.
        if !(rounded > Double(Self.min)) {
            self = .min
        } else {
            self = rounded >= Double(Self.max) ? .max : Self(rounded)
        }
    }
    init?(exactlyNodata value: Double) {
        guard value.isFinite, let exact = Self(exactly: value) else { return nil }
        self = exact
    }
    @inline(__always) func isNodata(_ nodata: Self) -> Bool { self == nodata }
    @inline(__always) var isMeasurement: Bool { true }
}

extension UInt8: Sample {}
extension UInt16: Sample {}
extension Int16: Sample {}

extension Float: Sample {
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) init(rounding value: Double) { self = Float(value) }
    // Files often give the decimal text of a single-precision value; NaN is never equal, but never finite either.
    init?(exactlyNodata value: Double) {
        if value.isNaN { return nil }
        self = Float(value)
    }
    // Text loses the last digits of a nodata value: as GDAL does, four units in the last place are forgiven.
    @inline(__always) func isNodata(_ nodata: Self) -> Bool {
        self == nodata || abs(self - nodata) < 4 * .ulpOfOne * magnitude
    }
    // NaN, infinity, and the smallest and largest floats (with what rounding made of them) are fills, whoever declared them.
    @inline(__always) var isMeasurement: Bool { magnitude < 1e37 }
}
