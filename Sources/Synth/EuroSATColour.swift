// Colours of images in EuroSAT's form.

/// A colour between two: `first` where the share is 0 or less, `second` where it is 1 or more.
@inline(__always)
func mixed(_ first: SIMD4<Float>, _ second: SIMD4<Float>, _ share: Float) -> SIMD4<Float> {
    let share = min(1, max(0, share))
    return first * (1 - share) + second * share
}
