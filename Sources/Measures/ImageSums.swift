// What each image of a test set adds to the sums that a metric is made of.

/// A row of K numbers for each of N images, such as its confusion matrix; zeros are not kept.
///
/// A metric of a test set that is made of sums over images (counts of a confusion matrix, squared errors) can be taken of any draw of the
/// images by adding up their rows. Whole numbers add up exactly up to 2^53.
public struct ImageSums: Sendable, Hashable {
    /// Numbers of a row, K.
    public let width: Int
    /// Sum of each column over the images, `[K]`.
    public private(set) var totals: [Double]
    /// Where each image's entries start, and where the last one's end, `[N + 1]`.
    private var starts = [0]
    private var columns: [Int] = []
    private var amounts: [Double] = []

    /// Number of images, N.
    public var imageCount: Int { starts.count - 1 }

    /// Makes rows of a width, for no image yet.
    public init(width: Int) {
        precondition(width > 0, "sums are of one column or more, got \(width)")
        self.width = width
        totals = [Double](repeating: 0, count: width)
    }

    /// Adds an image.
    ///
    /// - Parameter row: What it adds to each sum, `[K]`.
    public mutating func add(_ row: [Double]) {
        precondition(row.count == width, "a row of \(row.count) where rows have \(width)")
        for (column, amount) in row.enumerated() where amount != 0 { append(column, amount) }
        starts.append(columns.count)
    }

    /// Adds an image that adds to one sum only.
    public mutating func add(column: Int, amount: Double = 1) {
        precondition((0..<width).contains(column), "column \(column) where rows have \(width)")
        if amount != 0 { append(column, amount) }
        starts.append(columns.count)
    }

    private mutating func append(_ column: Int, _ amount: Double) {
        columns.append(column)
        amounts.append(amount)
        totals[column] += amount
    }

    /// Adds up the rows, each as often as its image was drawn.
    ///
    /// - Parameters:
    ///   - multiplicities: How often each image was drawn, `[N]`.
    ///   - sums: Takes the sums, `[K]`; what it held is lost.
    func sum(multiplicities: [Int], into sums: inout [Double]) {
        for column in sums.indices { sums[column] = 0 }
        for image in 0..<imageCount {
            let times = multiplicities[image]
            if times == 0 { continue }
            for entry in starts[image]..<starts[image + 1] {
                sums[columns[entry]] += Double(times) * amounts[entry]
            }
        }
    }

    /// Takes an image's row away from sums, `[K]`.
    func subtract(image: Int, from sums: inout [Double]) {
        for entry in starts[image]..<starts[image + 1] { sums[columns[entry]] -= amounts[entry] }
    }
}
