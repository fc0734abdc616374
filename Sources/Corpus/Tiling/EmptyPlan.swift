// Why nothing is cut: scene by scene, in words.
internal import Geo
internal import Telemetry

/// Why a scene has no place for a tile; `nil` where it has one.
func emptyReason(_ part: TilePlan.Part, _ scene: CorpusScene, _ profile: TileProfile) -> String? {
    guard part.placeCount == 0 else { return nil }
    func metres(_ pixels: Int) -> String { significant((Double(pixels) * scene.tileGSD).rounded()) }
    if min(scene.lattice.width, scene.lattice.height) < profile.tileSize {
        return
            "scene \(metres(scene.lattice.width)) x \(metres(scene.lattice.height)) m, tile \(metres(profile.tileSize)) m"
    }
    if part.columns.isEmpty || part.rows.isEmpty {
        return "no tile's centre is within the bounds of the area of interest"
    }
    if let density = profile.sampling.density {
        return
            "\(significant(part.squareKilometres)) km2 at \(significant(density)) tiles per km2 give less than half a tile"
    }
    if profile.sampling.count != nil { return "its share of the count is less than one tile" }
    return
        "no tile of the grid with a stride of \(profile.gridStride) pixels has its centre within the bounds of the area of interest"
}

/// Throws where no scene has a place for a tile, before anything is written.
func explainEmptyPlan(
    _ plan: TilePlan, _ scenes: [CorpusScene], _ profile: TileProfile, _ corpus: String
) throws {
    guard plan.placeCount == 0 else { return }
    let reasons = zip(plan.parts, scenes).compactMap { part, scene in
        emptyReason(part, scene, profile).map { "\(scene.path): \($0)" }
    }
    throw nothingCut(reasons, profile, corpus)
}

/// The error of a run without tiles.
func nothingCut(_ reasons: [String], _ profile: TileProfile, _ corpus: String) -> CorpusError {
    let shown = reasons.count > 10 ? reasons.prefix(10) + ["and \(reasons.count - 10) more scenes"] : reasons[...]
    return CorpusError(
        .nothingCut, "no tile could be cut with the profile '\(profile.name)'", in: corpus, why: Array(shown),
        try:
            "use a profile with a smaller tile_size, gsd: native or a lower min_valid_fraction, larger scenes, or another area of interest"
    )
}
