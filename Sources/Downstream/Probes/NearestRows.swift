// The nearest of many samples to others, the same on every run also where several are equally near.
internal import Torch

/// The indices of the `count` largest elements of each row, the largest first; of equal ones the lowest index first.
///
/// libtorch's own choice among equals follows from its implementation. Some more elements than needed are therefore looked at; where
/// these are not enough to see all equals of the last one, the rows are sorted as a whole.
///
/// - Parameters:
///   - scores: `[M, N]`.
///   - count: At least 1, at most N.
/// - Returns: The elements, and their indices (int64), both `[M, count]`.
func largestOfRows(_ scores: Tensor, columns: Int, count: Int) -> (values: Tensor, indices: Tensor) {
    let looked = min(count + 8, columns)
    let top = scores.topK(looked, dim: 1)
    var found: (values: Tensor, indices: Tensor)
    if looked == columns || isBelow(top.values, looked - 1, count - 1) {
        // First by index, then by element: sorting keeps the order of equals.
        let byIndex = top.indices.sorted(dim: 1)
        let byElement = top.values.gather(dim: 1, index: byIndex.indices).sorted(dim: 1, descending: true)
        found = (byElement.values, byIndex.values.gather(dim: 1, index: byElement.indices))
    } else {
        found = scores.sorted(dim: 1, descending: true)
    }
    found.values = found.values.narrow(dim: 1, start: 0, length: count)
    found.indices = found.indices.narrow(dim: 1, start: 0, length: count)
    return found
}

/// Whether a column is smaller than another one in every row.
private func isBelow(_ table: Tensor, _ column: Int, _ other: Int) -> Bool {
    let gap = table.select(dim: 1, index: other) - table.select(dim: 1, index: column)
    return (gap .> 0).all().item() > 0
}
