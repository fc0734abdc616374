// How much of a scene is water, forest, settlement and bare ground.

/// From which part of the values of its noise on a kind of land begins; the share of every scene is drawn from the range.
///
/// What is left is farmland. Water takes the low end of the terrain; the other kinds begin above the share named, and where they meet, a
/// settlement goes before forest and forest before bare ground.
package struct LandMix: Sendable, Hashable {
    /// Share of water.
    let water: ClosedRange<Float>
    /// Share without forest.
    let unforested: ClosedRange<Float>
    /// Share without a settlement.
    let unsettled: ClosedRange<Float>
    /// Share without bare ground.
    let covered: ClosedRange<Float>

    /// Forests and fields with a village.
    package static let countryside = LandMix(
        water: 0.05...0.10, unforested: 0.32...0.48, unsettled: 0.86...0.92, covered: 0.93...0.97)
    /// The edge of a town: more than half is streets, houses and gardens.
    package static let urban = LandMix(
        water: 0.04...0.09, unforested: 0.62...0.78, unsettled: 0.34...0.48, covered: 0.86...0.93)
    /// Fields, forests and open ground with some houses.
    package static let rural = LandMix(
        water: 0.05...0.12, unforested: 0.52...0.70, unsettled: 0.92...0.96, covered: 0.82...0.90)
}
