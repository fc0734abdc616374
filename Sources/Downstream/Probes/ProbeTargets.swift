// What a linear probe is fitted to: a column of zeros and ones for each class or label that can be learnt.
internal import Telemetry
internal import Torch

/// Which columns a linear probe has, and how its decisions become classes or labels.
///
/// As scikit-learn has it: a class without a training sample has no column and is never predicted; two classes have one column, in
/// which the later one is 1; a label that all or no training samples have is not fitted, and predicted as it was.
struct ProbeTargets: Sendable, Equatable {
    /// How columns become classes or labels.
    enum Form: Sendable, Equatable {
        /// One of three or more classes: the column with the largest decision.
        case oneOfMany
        /// One of two classes: by the sign of the only column.
        case oneOfTwo
        /// Labels: each by the sign of its column.
        case eachAlone
    }

    /// How columns become classes or labels.
    let form: Form
    /// The classes or labels that are learnt, rising.
    let learnt: [Int]
    /// Number of all classes or labels.
    let width: Int
    /// The labels that all training samples have.
    let always: [Int]

    /// Looks at what there is to learn.
    ///
    /// - Throws: `DownstreamError` (`badPairs`) where all samples are of one class, or have the same labels.
    init(_ truth: ProbeLabels) throws(DownstreamError) {
        width = truth.width
        switch truth {
        case .classes(let classes, let count):
            let present = Set(classes)
            learnt = (0..<count).filter { present.contains($0) }
            form = learnt.count == 2 ? .oneOfTwo : .oneOfMany
            always = []
            guard learnt.count > 1 else {
                throw DownstreamError(
                    .badPairs, "all training samples are of one class, so there is nothing to learn",
                    why: ["the class is \(learnt.first.map { "\($0)" } ?? "none")"],
                    try: "give samples of two or more classes")
            }
        case .labels(let values, let labels):
            var counts = [Int](repeating: 0, count: labels)
            for (index, holds) in values.enumerated() where holds { counts[index % labels] += 1 }
            let samples = truth.count
            learnt = counts.indices.filter { counts[$0] > 0 && counts[$0] < samples }
            always = counts.indices.filter { counts[$0] == samples }
            form = .eachAlone
            guard !learnt.isEmpty else {
                throw DownstreamError(
                    .badPairs, "all training samples have the same labels, so there is nothing to learn",
                    try: "give samples that differ in one label or more")
            }
        }
    }

    /// Number of columns, K.
    var columns: Int { form == .oneOfTwo ? 1 : learnt.count }

    /// The columns of the samples that were looked at, `[N, K]`, zeros and ones as float64.
    func values(of truth: ProbeLabels) -> Tensor {
        switch truth {
        case .classes(let classes, _):
            if form == .oneOfTwo {
                let values: [Double] = classes.map { $0 == learnt[1] ? 1 : 0 }
                return Tensor(values, shape: [classes.count, 1])
            }
            var place = [Int](repeating: 0, count: width)
            for (column, name) in learnt.enumerated() { place[name] = column }
            return indicators(classes.map { place[$0] }, width: columns, dtype: .float64)
        case .labels(let values, _):
            var learntValues: [Double] = []
            for start in stride(from: 0, to: values.count, by: width) {
                for label in learnt { learntValues.append(values[start + label] ? 1 : 0) }
            }
            return Tensor(learntValues, shape: [truth.count, columns])
        }
    }

    /// What decisions mean; ties go to the lowest class, and a decision of 0 to the earlier of two and to a label that does not hold.
    ///
    /// - Parameter decisions: `[M, K]`, row by row.
    func labels(fromDecisions decisions: [Double]) -> ProbeLabels {
        switch form {
        case .oneOfMany: .classes(firstLargest(decisions, width: columns).map { learnt[$0] }, classCount: width)
        case .oneOfTwo: .classes(decisions.map { $0 > 0 ? learnt[1] : learnt[0] }, classCount: width)
        case .eachAlone:
            .labels(spread(decisions.map { $0 > 0 }, absent: false, always: true), labelCount: width)
        }
    }

    /// Probabilities of all classes or labels, from those of the columns, `[M, K]` row by row.
    func probabilities(fromColumns values: [Double]) -> [Float] {
        let all = form == .oneOfTwo ? values.flatMap { [1 - $0, $0] } : values
        return spread(all.map { Float($0) }, absent: 0, always: 1)
    }

    /// Rows of some classes or labels as rows of all of them.
    private func spread<Value>(_ values: [Value], absent: Value, always one: Value) -> [Value] {
        var row = [Value](repeating: absent, count: width)
        for name in always { row[name] = one }
        var rows: [Value] = []
        rows.reserveCapacity(values.count / learnt.count * width)
        for start in stride(from: 0, to: values.count, by: learnt.count) {
            for (column, name) in learnt.enumerated() { row[name] = values[start + column] }
            rows += row
        }
        return rows
    }
}
