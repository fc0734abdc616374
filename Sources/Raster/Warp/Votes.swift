// The value with the most weight.

/// Weighs values against each other.
struct Votes<Value: Hashable & Comparable> {
    private var values: [Value] = []
    private var weights: [Double] = []
    private var table: [Value: Int] = [:]

    mutating func clear() {
        table.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
    }

    @inline(__always)
    mutating func add(_ value: Value, _ weight: Double) {
        // Classes are few, and a short list beats a table; where values are many, a table it is.
        if values.count < 32 {
            if let last = values.lastIndex(of: value) {
                weights[last] += weight
            } else {
                values.append(value)
                weights.append(weight)
            }
        } else {
            if table.isEmpty { for (i, known) in values.enumerated() { table[known] = i } }
            if let known = table[value] {
                weights[known] += weight
            } else {
                table[value] = values.count
                values.append(value)
                weights.append(weight)
            }
        }
    }

    /// The heaviest value, the lowest of equal ones; `nil` without any.
    ///
    /// - Parameter slack: Weights that differ by no more are equal.
    func winner(slack: Double = 0) -> Value? {
        guard let most = weights.max() else { return nil }
        var best: Value?
        for (value, weight) in zip(values, weights) where weight >= most - slack {
            best = best.map { min($0, value) } ?? value
        }
        return best
    }
}
