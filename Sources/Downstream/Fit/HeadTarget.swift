// The labels of a crop as the trainer wants them.

/// The labels of a crop as the trainer wants them: numbers, and which of them count.
package struct HeadTarget {
    /// Numbers, row by row; 0 where not valid.
    package var values: [Float]
    /// 1 where a pixel counts, else 0.
    package var valid: [Float]

    /// Makes a target.
    package init(values: [Float], valid: [Float]) {
        self.values = values
        self.valid = valid
    }

    /// Share of pixels that count.
    package var validShare: Double {
        valid.isEmpty ? 0 : Double(valid.reduce(0, +)) / Double(valid.count)
    }
}
