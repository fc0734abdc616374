// What a tile profile may say.

internal import Raster
public import Telemetry

extension TileProfile {
    /// Checks every value.
    ///
    /// - Throws: `CorpusError` (`badProfile`) with one cause per mistake.
    public func validate() throws(CorpusError) {
        let problems = generalProblems + samplingProblems + splitProblems
        guard problems.isEmpty else {
            throw CorpusError(
                .badProfile, "the tile profile '\(name)' has \(problems.count == 1 ? "a mistake" : "mistakes")",
                in: "", why: problems, try: "compare with the commented profiles in tiles/")
        }
    }

    private var generalProblems: [String] {
        var problems: [String] = []
        if !(16...8192).contains(tileSize) { problems.append("tile_size is \(tileSize); expected 16 to 8192") }
        if let metres = gsd.metres, !(metres > 0 && metres < 1e6) {
            problems.append("gsd is \(metres); expected metres above 0, or native")
        }
        if !(0...1).contains(minValidFraction) {
            problems.append("min_valid_fraction is \(minValidFraction); expected 0 to 1")
        }
        switch bands {
        case .colour: break
        case .numbers(let numbers):
            if numbers.isEmpty { problems.append("bands is an empty list") }
            if let bad = numbers.first(where: { $0 < 1 }) { problems.append("band \(bad): bands are counted from 1") }
            if Set(numbers).count < numbers.count { problems.append("bands names a band twice") }
        case .names(let names):
            if names.isEmpty { problems.append("bands is an empty list") }
            if Set(names).count < names.count { problems.append("bands names a band twice") }
        }
        if shardSize < 4096 { problems.append("shard_size is \(shardSize) bytes; expected at least 4096") }
        if case .fixed(.mode) = resampling { problems.append("resampling mode is for classes, not for imagery") }
        return problems
    }

    private var samplingProblems: [String] {
        var problems: [String] = []
        switch sampling.kind {
        case .grid:
            if sampling.count != nil || sampling.density != nil || sampling.seed != nil {
                problems.append(
                    "grid sampling takes stride or overlap; count, density and seed belong to random sampling")
            }
            if sampling.stride != nil && sampling.overlap != nil {
                problems.append("grid sampling takes either stride or overlap")
            }
            if let stride = sampling.stride, stride < 1 {
                problems.append("sampling stride is \(stride); expected 1 or more")
            }
            if let overlap = sampling.overlap, !(0..<max(1, tileSize)).contains(overlap) {
                problems.append("sampling overlap is \(overlap); expected 0 or more and below tile_size, \(tileSize)")
            }
        case .random:
            if sampling.stride != nil || sampling.overlap != nil {
                problems.append("random sampling takes count or density; stride and overlap belong to grid sampling")
            }
            if (sampling.count == nil) == (sampling.density == nil) {
                problems.append("random sampling takes either count or density")
            }
            if let count = sampling.count, !(1...1_000_000_000).contains(count) {
                problems.append("sampling count is \(count); expected 1 or more")
            }
            if let density = sampling.density, !(density > 0 && density < 1e9) {
                problems.append("sampling density is \(density); expected a number of tiles per km2 above 0")
            }
        }
        return problems
    }

    private var splitProblems: [String] {
        var problems: [String] = []
        let shares = [splits.train, splits.validation, splits.test]
        if shares.contains(where: { !(0...1).contains($0) }) || abs(shares.reduce(0, +) - 1) > 1e-6 {
            problems.append(
                "splits train, validation and test are \(shares[0]), \(shares[1]) and \(shares[2]); each must be 0 to 1, and together they must be 1"
            )
        }
        if !(splits.block >= 1 && splits.block <= 1e6) {
            problems.append("splits block is \(splits.block); expected 1 to 1000000 metres")
        }
        return problems
    }

    /// Pixels from one tile of a grid to the next.
    var gridStride: Int { sampling.stride ?? (tileSize - (sampling.overlap ?? 0)) }
}
