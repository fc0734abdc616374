// Small label images, and slow reference implementations of the sieve and of polygons.
import Geo
import Mapping
import TestSupport

/// A small picture of classes.
struct Labels: Equatable, CustomStringConvertible {
    let width: Int
    let height: Int
    var ids: [UInt8]

    /// Makes a picture of text: a digit is a class, `?` is unsure, `.` is nodata.
    init(_ rows: String...) {
        width = rows[0].count
        height = rows.count
        ids = rows.joined().map { sign in
            sign == "?" ? Legend.unsureID : sign.wholeNumberValue.map { UInt8($0) } ?? Legend.nodataID
        }
    }

    init(width: Int, height: Int, ids: [UInt8]) {
        (self.width, self.height, self.ids) = (width, height, ids)
    }

    /// Makes a picture that looks random, with components of different sizes, unsure pixels and nodata.
    init(seed: Int) {
        func random(_ number: Int, below limit: Int) -> Int { Int(noise(number, seed, 1)) * limit / 256 }
        width = 1 + random(0, below: 15)
        height = 1 + random(1, below: 15)
        let classes = 1 + random(2, below: 5)
        let (absent, unsure, repeats) = (random(3, below: 20), random(4, below: 20), random(5, below: 180))
        ids = []
        for place in 0..<width * height {
            let draw = Int(noise(place, seed, 2))
            if place % width > 0, Int(noise(place, seed, 3)) < repeats {
                ids.append(ids[place - 1])
            } else if place >= width, Int(noise(place, seed, 4)) < repeats {
                ids.append(ids[place - width])
            } else if draw < absent {
                ids.append(Legend.nodataID)
            } else if draw < absent + unsure {
                ids.append(Legend.unsureID)
            } else {
                ids.append(UInt8(Int(noise(place, seed, 5)) * classes / 256 * 50))
            }
        }
    }

    func row(_ row: Int) -> ArraySlice<UInt8> { ids[row * width..<(row + 1) * width] }

    var description: String {
        (0..<height).map { row in self.row(row).map { "\($0)" }.joined(separator: " ") }.joined(separator: "\n")
    }

    /// The four pixels next to one; `nil` for those outside of the picture.
    func neighbours(of place: Int) -> [Int?] {
        let (x, y) = (place % width, place / width)
        return [
            x > 0 ? place - 1 : nil, x < width - 1 ? place + 1 : nil, y > 0 ? place - width : nil,
            y < height - 1 ? place + width : nil,
        ]
    }

    /// The number of each pixel's component, found by flood fill; below 0 for the classes that are left out.
    func components(without left: Set<UInt8>) -> (numbers: [Int], count: Int) {
        var numbers = [Int](repeating: -1, count: ids.count)
        var count = 0
        for start in ids.indices where numbers[start] < 0 && !left.contains(ids[start]) {
            var stack = [start]
            numbers[start] = count
            while let place = stack.popLast() {
                for case let other? in neighbours(of: place) where numbers[other] < 0 && ids[other] == ids[place] {
                    numbers[other] = count
                    stack.append(other)
                }
            }
            count += 1
        }
        return (numbers, count)
    }

    /// The picture after the sieve, by its definition: round after round over all pixels.
    func sievedPlainly(smallest: Int) -> Labels {
        let (numbers, count) = components(without: [Legend.unsureID, Legend.nodataID])
        var pixels = [Int](repeating: 0, count: count)
        var isSettled = [Bool](repeating: false, count: count)
        var classes = [UInt8](repeating: 0, count: count)
        for place in ids.indices where numbers[place] >= 0 {
            pixels[numbers[place]] += 1
            classes[numbers[place]] = ids[place]
            if neighbours(of: place).contains(where: { $0.map { ids[$0] == Legend.nodataID } ?? true }) {
                isSettled[numbers[place]] = true
            }
        }
        for component in 0..<count where pixels[component] >= smallest { isSettled[component] = true }
        while true {
            var borders = [[UInt8: Int]](repeating: [:], count: count)
            for place in ids.indices where numbers[place] >= 0 && !isSettled[numbers[place]] {
                for case let other? in neighbours(of: place) where numbers[other] >= 0 && isSettled[numbers[other]] {
                    borders[numbers[place]][classes[numbers[other]], default: 0] += 1
                }
            }
            let now = (0..<count).filter { !borders[$0].isEmpty }
            if now.isEmpty { break }
            for component in now {
                let longest = borders[component].values.max()
                classes[component] = borders[component].filter { $0.value == longest }.keys.min() ?? 0
                isSettled[component] = true
            }
        }
        var result = self
        for place in ids.indices where numbers[place] >= 0 { result.ids[place] = classes[numbers[place]] }
        return result
    }

    func sieved(smallest: Int, settlesAt: Int = 4096) -> Labels {
        Labels(
            width: width, height: height,
            ids: Mapping.sieved(ids, width: width, height: height, smallest: smallest, settlesAt: settlesAt))
    }

    /// Its polygons.
    var polygons: [PolygonTracer.Polygon] {
        var found: [PolygonTracer.Polygon] = []
        var tracer = PolygonTracer()
        for row in 0..<height { tracer.add(row: row, runs: [ClassRun](row: self.row(row))) { found.append($0) } }
        tracer.finish { found.append($0) }
        return found
    }

    /// Rasterises polygons.
    ///
    /// A pixel is inside of a polygon if the number of vertical sides to its left is odd.
    ///
    /// - Parameter most: Receives the largest number of polygons that cover the same pixel.
    init(_ polygons: [(id: UInt8, rings: [[PixelCorner]])], width: Int, height: Int, most: inout Int) {
        self.init(width: width, height: height, ids: [UInt8](repeating: Legend.nodataID, count: width * height))
        var covers = [Int](repeating: 0, count: width * height)
        for polygon in polygons {
            var crossings = [[Int]](repeating: [], count: height)
            for ring in polygon.rings {
                for (a, b) in zip(ring, ring.dropFirst()) where a.column == b.column {
                    for row in min(a.row, b.row)..<max(a.row, b.row) { crossings[Int(row)].append(Int(a.column)) }
                }
            }
            for (row, columns) in crossings.enumerated() {
                let columns = columns.sorted()
                for pair in stride(from: 0, to: columns.count - 1, by: 2) {
                    for column in columns[pair]..<columns[pair + 1] {
                        ids[row * width + column] = polygon.id
                        covers[row * width + column] += 1
                    }
                }
            }
        }
        most = covers.max() ?? 0
    }
}
