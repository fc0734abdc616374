// Rows of a map of classes as runs, which the sieve and the tracer work on.
internal import Geo

/// Neighbouring pixels of a row that have one class.
///
/// The runs of a row leave out nodata. Two runs that touch differ in class.
package struct ClassRun: Hashable, Sendable {
    /// First column.
    package let start: Int32
    /// The column after the last.
    package fileprivate(set) var end: Int32
    /// The class.
    package let id: UInt8

    /// Number of columns.
    var columns: Int32 { end - start }
}

extension [ClassRun] {
    /// The runs of a row of classes.
    package init(row ids: some Collection<UInt8>) {
        self = []
        Array<UInt8>(ids).withUnsafeBufferPointer { add($0, from: 0) }
    }

    /// Adds more pixels of the row, to the right of those that it has.
    ///
    /// - Parameters:
    ///   - pixels: Classes, each with some of its bits flipped.
    ///   - column: The column of the first.
    ///   - flipped: The bits that are flipped.
    mutating func add(_ pixels: UnsafeBufferPointer<UInt8>, from column: Int, flipped: UInt8 = 0) {
        var start = 0
        while start < pixels.count {
            let value = pixels[start]
            var end = start + 1
            while end < pixels.count, pixels[end] == value { end += 1 }
            let id = value ^ flipped
            if id != Legend.nodataID {
                if let last, last.id == id, Int(last.end) == column + start {
                    self[count - 1].end = Int32(column + end)
                } else {
                    append(ClassRun(start: Int32(column + start), end: Int32(column + end), id: id))
                }
            }
            start = end
        }
    }
}

/// Calls a body with each pair of runs of two rows that share columns, from left to right.
func forEachOverlap(
    _ upper: [ClassRun], _ lower: [ClassRun], _ body: (_ upper: Int, _ lower: Int, _ columns: Int32) -> Void
) {
    var i = 0
    var j = 0
    while i < upper.count, j < lower.count {
        let shared = min(upper[i].end, lower[j].end) - max(upper[i].start, lower[j].start)
        if shared > 0 { body(i, j, shared) }
        if upper[i].end <= lower[j].end { i += 1 } else { j += 1 }
    }
}
