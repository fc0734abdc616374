// How far a resampling kernel looks.
internal import Geo

enum KernelReach {
    /// How far, in source pixels, a kernel reaches from its centre for a target pixel of a size in source pixels.
    static func of(_ resampling: Resampling, _ size: Double) -> Double {
        switch resampling {
        case .nearest: 0.5
        case .bilinear: max(1, size) + 0.5
        case .cubic: 2 * max(1, size) + 0.5
        case .average, .mode: max(size, smallest) / 2
        }
    }

    /// A target pixel's least size in source pixels for kernels over its area.
    static let smallest = 1.0 / 1024
}
