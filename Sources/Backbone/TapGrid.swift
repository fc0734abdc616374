// On which grid the maps in the middle of a network come.

/// The grid that the maps of a network's stages come on.
public enum TapGrid: Sendable {
    /// That of patches, the same for all.
    case patches
    /// The stage's own.
    case own
}
