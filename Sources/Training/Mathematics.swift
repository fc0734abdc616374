// The few functions of libm this module needs, by names that do not clash.
internal import Glibc

/// e to the power x.
package func exponential(_ x: Float) -> Float { expf(x) }
/// e to the power x.
package func exponential(_ x: Double) -> Double { exp(x) }
/// Natural logarithm.
package func logarithm(_ x: Double) -> Double { log(x) }
/// Cosine of an angle in radians.
package func cosine(_ x: Double) -> Double { cos(x) }
