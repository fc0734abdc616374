// The few functions of the C mathematics library that positions need.
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// `base` to the power `exponent`.
package func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// The natural exponential.
package func exponential(_ x: Double) -> Double { exp(x) }

/// Sine and cosine of an angle in radians.
func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) { (sin(angle), cos(angle)) }

/// The cosine of an angle in radians.
package func cosine(_ angle: Double) -> Double { cos(angle) }

/// e to the power x.
package func exponential(_ x: Float) -> Float { expf(x) }

/// Natural logarithm.
package func logarithm(_ x: Double) -> Double { log(x) }
