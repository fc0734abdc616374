// Small vectors of floats: loads, stores and the few operations that the crops need of them.

/// Four floats side by side, the width of every x86-64 and ARM processor.
///
/// Minima, maxima and choices are written with `replacing(with:where:)`, which becomes one instruction for a minimum or maximum;
/// `pointwiseMin` minds NaN and becomes a branch per lane.
typealias Four = SIMD4<Float>
/// Eight floats side by side: two registers, for sums that then depend less on each other.
typealias Eight = SIMD8<Float>
/// Sixteen floats side by side.
typealias Sixteen = SIMD16<Float>

extension UnsafePointer<Float> {
    /// A vector that starts at a sample; no alignment needed.
    @inline(__always)
    func vector<Vector: BitwiseCopyable>(_ index: Int, as type: Vector.Type) -> Vector {
        UnsafeRawPointer(self + index).loadUnaligned(as: type)
    }
}

extension UnsafeMutablePointer<Float> {
    /// A vector that starts at a sample; no alignment needed.
    @inline(__always)
    func vector<Vector: BitwiseCopyable>(_ index: Int, as type: Vector.Type) -> Vector {
        UnsafeRawPointer(self + index).loadUnaligned(as: type)
    }

    /// Writes a vector from a sample on; no alignment needed.
    @inline(__always)
    func set<Vector: BitwiseCopyable>(_ index: Int, _ vector: Vector) {
        UnsafeMutableRawPointer(self + index).storeBytes(of: vector, as: Vector.self)
    }
}

extension SIMD4<Float> {
    /// The larger of each pair.
    @inline(__always)
    static func larger(_ a: Four, _ b: Four) -> Four { a.replacing(with: b, where: a .< b) }

    /// The smaller of each pair.
    @inline(__always)
    static func smaller(_ a: Four, _ b: Four) -> Four { a.replacing(with: b, where: a .> b) }

    /// Cut to 0...1.
    @inline(__always)
    var unit: Four { .smaller(.larger(self, .zero), .one) }

    /// Without sign.
    @inline(__always)
    var absolute: Four { unsafeBitCast(unsafeBitCast(self, to: SIMD4<UInt32>.self) & 0x7fff_ffff, to: Four.self) }
}

extension SIMD8<Float> {
    /// Cut to 0...1.
    @inline(__always)
    var unit: Eight {
        let positive = replacing(with: 0, where: self .< 0)
        return positive.replacing(with: 1, where: positive .> 1)
    }
}

/// Four vectors as the columns of a square turned into its rows.
@inline(__always)
func transposed(_ a: Four, _ b: Four, _ c: Four, _ d: Four) -> (Four, Four, Four, Four) {
    (
        Four(a[0], b[0], c[0], d[0]), Four(a[1], b[1], c[1], d[1]), Four(a[2], b[2], c[2], d[2]),
        Four(a[3], b[3], c[3], d[3])
    )
}
