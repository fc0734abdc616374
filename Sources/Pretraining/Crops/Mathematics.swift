// The few functions of libm this module needs, by names that do not clash.
import Glibc

/// e to the power x.
func exponential(_ x: Float) -> Float { expf(x) }
/// e to the power x.
func exponential(_ x: Double) -> Double { exp(x) }
/// Natural logarithm.
func logarithm(_ x: Double) -> Double { log(x) }
/// Cosine of an angle in radians.
func cosine(_ x: Double) -> Double { cos(x) }
