// The pixels of a reading onto another grid, while they are made.

/// The pixels being made.
struct WarpTarget<S: Sample> {
    let width: Int
    let count: Int
    var samples: [S]
    var valid: [Bool]
}
