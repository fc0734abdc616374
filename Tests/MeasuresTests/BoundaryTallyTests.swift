// Pixels near borders: by hand, by the definition of erosion, in windows, and against SciPy.
import Measures
import Testing

/// A map of classes with its truth.
private struct Scene {
    var width: Int
    var height: Int
    var truths: [UInt8]
    var predictions: [UInt8]
    var validity: [Bool]?

    /// Patches of random classes with holes, so that borders have all forms.
    init(seed: Int, classes: Int) {
        var random = SeededNumbers(seed)
        width = Int.random(in: 1...18, using: &random)
        height = Int.random(in: 1...18, using: &random)
        let size = width * height
        truths = [UInt8](repeating: 0, count: size)
        for _ in 0..<Int.random(in: 0...5, using: &random) {
            let value = UInt8(Int.random(in: 0..<classes, using: &random))
            let (left, top) = (Int.random(in: 0..<width, using: &random), Int.random(in: 0..<height, using: &random))
            for y in top..<min(top + Int.random(in: 1...12, using: &random), height) {
                for x in left..<min(left + 9, width) { truths[y * width + x] = value }
            }
        }
        predictions = truths
        for index in 0..<size {
            switch Int.random(in: 0..<60, using: &random) {
            case 0: predictions[index] = UInt8(Int.random(in: 0..<classes, using: &random))
            case 1: predictions[index] = 255
            case 2: truths[index] = 255
            default: break
            }
        }
        validity =
            Bool.random(using: &random) ? nil : (0..<size).map { _ in Int.random(in: 0..<40, using: &random) > 0 }
    }

    /// The counts that a window adds.
    func add(_ rows: Range<Int>, _ columns: Range<Int>, halo: Int, to tally: inout BoundaryTally) {
        let seenRows = max(rows.lowerBound - halo, 0)..<min(rows.upperBound + halo, height)
        let seenColumns = max(columns.lowerBound - halo, 0)..<min(columns.upperBound + halo, width)
        var sides: BoundaryTally.Sides = []
        if seenRows.lowerBound == 0 { sides.insert(.top) }
        if seenRows.upperBound == height { sides.insert(.bottom) }
        if seenColumns.lowerBound == 0 { sides.insert(.left) }
        if seenColumns.upperBound == width { sides.insert(.right) }
        func window<T>(_ values: [T]) -> [T] { seenRows.flatMap { y in seenColumns.map { values[y * width + $0] } } }
        let (top, left) = (seenRows.lowerBound, seenColumns.lowerBound)
        tally.add(
            predictions: window(predictions), truths: window(truths), validity: validity.map(window),
            width: seenColumns.count, height: seenRows.count,
            rows: rows.lowerBound - top..<rows.upperBound - top,
            columns: columns.lowerBound - left..<columns.upperBound - left, imageSides: sides)
    }
}

struct BoundaryTallyTests {
    @Test func `a square that moves by a pixel shares part of its outline`() {
        // 4 x 4 pixels of class 1 in 8 x 8 of class 0; the prediction lies one column further right.
        func square(_ left: Int) -> [UInt8] {
            (0..<64).map { (2..<6).contains($0 / 8) && (left..<left + 4).contains($0 % 8) ? 1 : 0 }
        }
        var tally = BoundaryTally(classCount: 2, distance: 1)
        tally.add(predictions: square(3), truths: square(2), width: 8, height: 8)
        // Of 12 outline pixels each, 3 of the upper and of the lower row are shared; the columns are not.
        #expect(tally.truthCount(of: 1) == 12 && tally.predictionCount(of: 1) == 12 && tally.sharedCount(of: 1) == 6)
        #expect(isNear(tally.iou(of: 1), 6.0 / 18))
        // The ground: 28 pixels at the image's edge, and 20 around the square, fewer where they are the same.
        #expect(tally.truthCount(of: 0) == 48)

        var seen = BoundaryTally(classCount: 2, distance: 1, unknownIsBorder: false)
        seen.add(predictions: square(3), truths: square(2), width: 8, height: 8)
        #expect(seen.truthCount(of: 1) == 12 && seen.truthCount(of: 0) == 20)
    }

    @Test func `one class alone has a border only where the image ends`() {
        let all = [UInt8](repeating: 0, count: 35)
        var tally = BoundaryTally(classCount: 2, distance: 2)
        tally.add(predictions: all, truths: all, width: 7, height: 5)
        #expect(tally.truthCount(of: 0) == 35 - 3 && tally.iou(of: 0) == 1 && tally.iou(of: 1) == nil)
        #expect(tally.meanIoU == 1 && tally.meanIoU(without: 0) == nil)
        var seen = BoundaryTally(classCount: 2, distance: 2, unknownIsBorder: false)
        seen.add(predictions: all, truths: all, width: 7, height: 5)
        #expect(seen.iou(of: 0) == nil && seen.meanIoU == nil)
    }

    @Test func `missing truth is missing in both, missing predictions are not`() {
        // A hole of one pixel in the middle of 9 x 9.
        let all = [UInt8](repeating: 0, count: 81)
        var hole = all
        hole[40] = 255
        for unknownIsBorder in [true, false] {
            var noTruth = BoundaryTally(classCount: 1, distance: 1, unknownIsBorder: unknownIsBorder)
            noTruth.add(predictions: all, truths: hole, width: 9, height: 9)
            #expect(noTruth.truthCount(of: 0) == (unknownIsBorder ? 32 + 8 : 0))
            #expect(noTruth.predictionCount(of: 0) == noTruth.truthCount(of: 0))
            var notValid = BoundaryTally(classCount: 1, distance: 1, unknownIsBorder: unknownIsBorder)
            notValid.add(predictions: all, truths: all, validity: hole.map { $0 == 0 }, width: 9, height: 9)
            #expect(notValid == noTruth)
            var noPrediction = BoundaryTally(classCount: 1, distance: 1, unknownIsBorder: unknownIsBorder)
            noPrediction.add(predictions: hole, truths: all, width: 9, height: 9)
            #expect(noPrediction.truthCount(of: 0) == (unknownIsBorder ? 32 : 0))
            #expect(noPrediction.predictionCount(of: 0) == (unknownIsBorder ? 32 + 8 : 8))
        }
        var nothing = BoundaryTally(classCount: 1, distance: 1)
        nothing.add(predictions: all, truths: all, validity: all.map { _ in false }, width: 9, height: 9)
        nothing.add(predictions: [], truths: [], width: 0, height: 0)
        #expect(nothing == BoundaryTally(classCount: 1, distance: 1))
    }

    @Test func `the published distance is a part of the diagonal`() {
        #expect(BoundaryTally.distance(width: 1024, height: 1024) == 29)
        #expect(BoundaryTally.distance(width: 3, height: 4) == 1)
        #expect(BoundaryTally.distance(width: 300, height: 400, ratio: 0.005) == 2)
    }

    @Test(arguments: 0..<1000) func `random maps agree with erosions, and in windows with the whole`(seed: Int) {
        let classes = 1 + seed % 4
        let distance = 1 + seed / 4 % 5
        let unknownIsBorder = seed / 20 % 3 > 0
        let scene = Scene(seed: seed, classes: classes)
        var tally = BoundaryTally(classCount: classes, distance: distance, unknownIsBorder: unknownIsBorder)
        scene.add(0..<scene.height, 0..<scene.width, halo: 0, to: &tally)

        // Pixel by pixel: what is not known is another class or none that counts.
        func isKnown(_ x: Int, _ y: Int) -> Bool {
            guard (0..<scene.width).contains(x), (0..<scene.height).contains(y) else { return false }
            let index = y * scene.width + x
            return scene.truths[index] != 255 && scene.validity?[index] ?? true
        }
        func isNear(_ labels: [UInt8], _ x: Int, _ y: Int, _ own: UInt8) -> Bool {
            guard isKnown(x, y), labels[y * scene.width + x] == own else { return false }
            for j in y - distance...y + distance {
                for i in x - distance...x + distance {
                    if isKnown(i, j) ? labels[j * scene.width + i] != own : unknownIsBorder { return true }
                }
            }
            return false
        }
        for c in 0..<UInt8(classes) {
            var (t, p, both) = (0, 0, 0)
            for y in 0..<scene.height {
                for x in 0..<scene.width {
                    let (a, b) = (isNear(scene.truths, x, y, c), isNear(scene.predictions, x, y, c))
                    t += a ? 1 : 0
                    p += b ? 1 : 0
                    both += a && b ? 1 : 0
                }
            }
            #expect(tally.truthCount(of: Int(c)) == t)
            #expect(tally.predictionCount(of: Int(c)) == p)
            #expect(tally.sharedCount(of: Int(c)) == both)
            #expect(isSame(tally.iou(of: Int(c)), t + p > both ? Double(both) / Double(t + p - both) : nil))
        }

        var streamed = BoundaryTally(classCount: classes, distance: distance, unknownIsBorder: unknownIsBorder)
        let step = 1 + seed % 7
        for top in stride(from: 0, to: scene.height, by: step) {
            var row = BoundaryTally(classCount: classes, distance: distance, unknownIsBorder: unknownIsBorder)
            for left in stride(from: 0, to: scene.width, by: step + 2) {
                let rows = top..<min(top + step, scene.height)
                let columns = left..<min(left + step + 2, scene.width)
                scene.add(rows, columns, halo: distance + seed % 2, to: &row)
            }
            streamed.merge(row)
        }
        #expect(streamed == tally)
    }

    @Test func `SciPy's erosions say the same`() throws {
        for golden in try MeasuresGolden.load().boundary {
            for example in golden.cases {
                var tally = BoundaryTally(classCount: golden.classes, distance: example.distance)
                tally.add(
                    predictions: MeasuresGolden.indices(golden.prediction),
                    truths: MeasuresGolden.indices(golden.truth), width: golden.columns, height: golden.rows)
                #expect(areSame((0..<golden.classes).map(tally.iou(of:)), example.iou))
                #expect(isSame(tally.meanIoU, example.mean_iou))
            }
        }
    }
}
