// How well a map of classes follows their borders: the overlap of the pixels near borders in truth and prediction.

/// Counts of pixels near the borders of classes, and their boundary IoU.
///
/// The measure is that of Cheng et al. 2021, "Boundary IoU: improving object-centric image segmentation evaluation", taken
/// class by class. Of the pixels of a class those lie near its border that have a pixel of no such class within the distance d: the class's
/// mask minus the mask after d erosions with a square of 3 x 3 pixels. So distance is the larger one of rows and columns.
/// Boundary IoU of a class compares those of the truth with those of the prediction. Large regions weigh no more by it than
/// their outlines do.
///
/// Pixels without truth belong to no class, in truth and prediction alike. A prediction of none belongs to no class either.
///
/// What lies outside of the image, and where truth is missing, is unknown. In the published code it is of no class, so that a
/// class that touches it has a border there: `unknownIsBorder`. Without that only borders count that are seen.
///
/// A raster may be added in windows: each shows d pixels more than it counts, except where the image ends. The counts are
/// then those of the whole.
public struct BoundaryTally: Sendable, Hashable {
    /// Sides of a window.
    public struct Sides: OptionSet, Sendable, Hashable {
        /// One bit per side.
        public let rawValue: UInt8

        /// Makes a set of its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Column 0.
        public static let left = Sides(rawValue: 1)
        /// Row 0.
        public static let top = Sides(rawValue: 2)
        /// The last column.
        public static let right = Sides(rawValue: 4)
        /// The last row.
        public static let bottom = Sides(rawValue: 8)
        /// The four of them.
        public static let all: Sides = [.left, .top, .right, .bottom]
    }

    /// Number of classes, C.
    public let classCount: Int
    /// The distance d from a border, in pixels, up to which a pixel counts as near it.
    public let distance: Int
    /// Whether a class ends where the image or its truth does.
    public let unknownIsBorder: Bool
    private var truthCounts: [Int]
    private var predictionCounts: [Int]
    private var sharedCounts: [Int]

    /// Makes an empty tally of 1 to 254 classes.
    ///
    /// - Parameters:
    ///   - classCount: Number of classes.
    ///   - distance: The distance from a border up to which a pixel counts as near it, 1 or more pixels.
    ///   - unknownIsBorder: Whether a class ends where the image or its truth does, as in the published code.
    public init(classCount: Int, distance: Int, unknownIsBorder: Bool = true) {
        precondition((1...254).contains(classCount), "borders are of 1 to 254 classes, got \(classCount)")
        precondition(distance > 0, "pixels near a border lie within 1 pixel of it or more, got \(distance)")
        self.classCount = classCount
        self.distance = distance
        self.unknownIsBorder = unknownIsBorder
        truthCounts = [Int](repeating: 0, count: classCount)
        predictionCounts = truthCounts
        sharedCounts = truthCounts
    }

    /// The published distance for images of a size: a part of their diagonal, 1 pixel or more.
    public static func distance(width: Int, height: Int, ratio: Double = 0.02) -> Int {
        max(Int((ratio * Double(width * width + height * height).squareRoot()).rounded(.toNearestOrEven)), 1)
    }

    // MARK: - Counting

    /// Adds the pixels of an image, or of a part of one.
    ///
    /// - Parameters:
    ///   - predictions: Index of the predicted class of each pixel, 0 to C - 1, or 255 for none, `[height, width]`.
    ///   - truths: Index of the true class of each pixel, or 255 for no truth, `[height, width]`.
    ///   - validity: True where there is truth, `[height, width]`; `nil` when everywhere.
    ///   - width: Pixels across.
    ///   - height: Pixels down.
    ///   - rows: The rows that count; `nil` for all.
    ///   - columns: The columns that count; `nil` for all.
    ///   - imageSides: The sides of the window where the image ends. From any other side the pixels that count keep the
    ///     distance d.
    public mutating func add(
        predictions: [UInt8], truths: [UInt8], validity: [Bool]? = nil, width: Int, height: Int,
        rows: Range<Int>? = nil, columns: Range<Int>? = nil, imageSides: Sides = .all
    ) {
        precondition(
            width >= 0 && height >= 0 && truths.count == width * height && predictions.count == truths.count
                && validity.map { $0.count == truths.count } ?? true,
            "\(truths.count) truths, \(predictions.count) predictions and \(validity?.count ?? truths.count) validities "
                + "of \(width) x \(height) pixels")
        let (rows, columns) = (rows ?? 0..<height, columns ?? 0..<width)
        precondition(
            rows.lowerBound >= (imageSides.contains(.top) ? 0 : distance)
                && rows.upperBound <= height - (imageSides.contains(.bottom) ? 0 : distance)
                && columns.lowerBound >= (imageSides.contains(.left) ? 0 : distance)
                && columns.upperBound <= width - (imageSides.contains(.right) ? 0 : distance),
            "rows \(rows) and columns \(columns) of \(width) x \(height) pixels lie within \(distance) pixels of what is "
                + "not seen")
        let outside: UInt8 = unknownIsBorder ? UInt8(classCount) : Surroundings.anything
        var truth = Surroundings(width: width, height: height, distance: distance, outside: outside, sides: imageSides)
        var prediction = truth
        for row in 0..<height {
            for column in 0..<width {
                let index = row * width + column
                let isKnown = truths[index] != ConfusionTally.none && validity?[index] ?? true
                truth.set(row, column, isKnown ? label(truths[index]) : outside)
                prediction.set(row, column, isKnown ? label(predictions[index]) : outside)
            }
        }
        truth.spread()
        prediction.spread()
        for row in rows {
            for column in columns {
                let index = row * width + column
                guard truths[index] != ConfusionTally.none, validity?[index] ?? true else { continue }
                let (own, other) = (Int(truths[index]), Int(predictions[index]))
                let isNear = truth.isMixed(row, column)
                if isNear { truthCounts[own] += 1 }
                guard other < classCount, prediction.isMixed(row, column) else { continue }
                predictionCounts[other] += 1
                if isNear, own == other { sharedCounts[own] += 1 }
            }
        }
    }

    /// Adds the counts of another tally of as many classes, the same distance and the same rule about what is unknown.
    public mutating func merge(_ other: BoundaryTally) {
        precondition(
            classCount == other.classCount && distance == other.distance && unknownIsBorder == other.unknownIsBorder,
            "\(classCount) classes within \(distance) pixels do not merge with \(other.classCount) within "
                + "\(other.distance), or the unknown is a border in one of them")
        for index in 0..<classCount {
            truthCounts[index] += other.truthCounts[index]
            predictionCounts[index] += other.predictionCounts[index]
            sharedCounts[index] += other.sharedCounts[index]
        }
    }

    // MARK: - Counts and metrics

    /// Number of pixels of a class near its border in the truth.
    public func truthCount(of index: Int) -> Int { truthCounts[index] }

    /// Number of pixels of a class near its border in the prediction, where there is truth.
    public func predictionCount(of index: Int) -> Int { predictionCounts[index] }

    /// Number of pixels of a class near its border in both.
    public func sharedCount(of index: Int) -> Int { sharedCounts[index] }

    /// Boundary IoU of a class; `nil` where neither truth nor prediction has a border of it.
    public func iou(of index: Int) -> Double? {
        let union = truthCounts[index] + predictionCounts[index] - sharedCounts[index]
        return union > 0 ? Double(sharedCounts[index]) / Double(union) : nil
    }

    /// Mean boundary IoU of the classes that have borders; `nil` without any.
    public var meanIoU: Double? { meanIoU(without: nil) }

    /// Mean boundary IoU of the classes that have borders but one, such as the background; `nil` without any other.
    public func meanIoU(without background: Int?) -> Double? {
        let values = (0..<classCount).compactMap { $0 == background ? nil : iou(of: $0) }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// The index of a class, or C for none.
    private func label(_ index: UInt8) -> UInt8 {
        if index == ConfusionTally.none { return UInt8(classCount) }
        precondition(index < classCount, "the class \(index) where there are \(classCount) classes")
        return index
    }
}

/// The lowest and the highest label in the square around each pixel of a window.
///
/// The squares have sides of 2 d + 1 pixels. Arrays are larger than the window by d on each side; once labels are spread, the
/// square around a pixel of the window is found at its upper left corner.
private struct Surroundings {
    /// A label that agrees with every other.
    static let anything: UInt8 = 255

    private let distance: Int
    private let stride: Int
    private var lowest: [UInt8]
    private var highest: [UInt8]

    /// Makes a window without labels; beyond those sides that are named lies a label, beyond the others anything.
    init(width: Int, height: Int, distance: Int, outside: UInt8, sides: BoundaryTally.Sides) {
        self.distance = distance
        stride = width + 2 * distance
        lowest = [UInt8](repeating: 255, count: stride * (height + 2 * distance))
        highest = [UInt8](repeating: 0, count: lowest.count)
        guard outside != Self.anything else { return }
        for row in -distance..<height + distance {
            let isBeyond = row < 0 && sides.contains(.top) || row >= height && sides.contains(.bottom)
            for column in -distance..<width + distance
            where isBeyond || column < 0 && sides.contains(.left) || column >= width && sides.contains(.right) {
                set(row, column, outside)
            }
        }
    }

    /// Labels a pixel.
    mutating func set(_ row: Int, _ column: Int, _ label: UInt8) {
        let index = (row + distance) * stride + column + distance
        lowest[index] = label
        highest[index] = label == Self.anything ? 0 : label
    }

    /// Takes the lowest and the highest labels of squares: of rows first, then of their columns.
    mutating func spread() {
        slide(by: 1)
        slide(by: stride)
    }

    /// Whether the square around a labelled pixel holds another label, once labels are spread.
    func isMixed(_ row: Int, _ column: Int) -> Bool {
        lowest[row * stride + column] != highest[row * stride + column]
    }

    /// Takes, from each place on, the lowest and the highest of 2 d + 1 places that are a step apart.
    ///
    /// The span doubles with each pass; the last pass joins two that overlap. Where a span leaves the array, or a row, what
    /// comes of it is not used.
    private mutating func slide(by step: Int) {
        let wanted = 2 * distance + 1
        var span = 1
        while span < wanted {
            let shift = min(span, wanted - span)
            let ahead = shift * step
            lowest.withUnsafeMutableBufferPointer { lowest in
                for index in 0..<max(lowest.count - ahead, 0) {
                    lowest[index] = min(lowest[index], lowest[index + ahead])
                }
            }
            highest.withUnsafeMutableBufferPointer { highest in
                for index in 0..<max(highest.count - ahead, 0) {
                    highest[index] = max(highest[index], highest[index + ahead])
                }
            }
            span += shift
        }
    }
}
