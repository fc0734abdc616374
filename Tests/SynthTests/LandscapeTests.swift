// Rendered landscapes: determinism, ranges, classes, sun and trees.
import Foundation
import Geo
import Synth
import Testing

struct LandscapeTests {
    private static let place = Landscape(LandscapeOptions(size: 256, seed: 3), scene: 0)
    private static let whole = PixelWindow(column: 0, row: 0, width: 256, height: 256)

    @Test func `the same seed gives the same pixels`() {
        let again = Landscape(LandscapeOptions(scenes: 9, size: 256, seed: 3), scene: 0)
        let a = Self.place.render(Self.whole)
        let b = again.render(Self.whole)
        #expect(a.image == b.image)
        #expect(a.height == b.height)
        #expect(a.cover == b.cover)
    }

    @Test func `another seed and another scene give other pixels under another sun`() {
        let a = Self.place.render(Self.whole)
        for other in [
            Landscape(LandscapeOptions(size: 256, seed: 4), scene: 0),
            Landscape(LandscapeOptions(size: 256, seed: 3), scene: 1),
        ] {
            let b = other.render(Self.whole)
            #expect(a.image != b.image)
            #expect(a.height != b.height)
            #expect(Self.place.conditions.sunAzimuth != other.conditions.sunAzimuth)
        }
    }

    @Test func `blocks of a scene fit together`() {
        let size = 512
        let landscape = Landscape(LandscapeOptions(size: size, seed: 8), scene: 0)
        let whole = landscape.render(PixelWindow(column: 0, row: 0, width: size, height: size))
        var differentHeights = 0
        var differentColours = 0
        for window in blockWindows(side: size, block: 200) {
            let part = landscape.render(window)
            let height = whole.height.cropped(to: window)
            let image = whole.image.cropped(to: window)
            #expect(part.cover.floats().count == window.width * window.height)
            for (a, b) in zip(part.height.floats(), height.floats()) where abs(a - b) > 0.05 { differentHeights += 1 }
            for (a, b) in zip(part.image.floats(), image.floats()) where abs(a - b) > 3 { differentColours += 1 }
        }
        // Rounding may move the rim of a crown by a pixel, now and then.
        #expect(differentHeights < size * size / 5000, "\(differentHeights) heights differ")
        #expect(differentColours < 3 * size * size / 5000, "\(differentColours) grey values differ")
    }

    @Test func `blocks tile a scene once`() {
        var count = [Int](repeating: 0, count: 70 * 70)
        for window in blockWindows(side: 70, block: 32) {
            for row in window.row..<window.row + window.height {
                for column in window.column..<window.column + window.width { count[row * 70 + column] += 1 }
            }
        }
        #expect(count.allSatisfy { $0 == 1 })
    }

    @Test func `values stay in range`() {
        for picture in Picture.three {
            #expect(picture.cover.allSatisfy { (1...7).contains($0) })
            #expect(picture.height.allSatisfy { $0 >= 0 && $0 < 55 })
            let tall = zip(picture.height, picture.cover).contains { $0 > 0 && $1 != LandCover.forest.rawValue }
            #expect(!tall, "buildings and open ground have canopy height 0")
            for band in picture.bands {
                let mean = band.reduce(0, +) / Double(band.count)
                #expect(mean > 45 && mean < 150, "mean \(mean)")
                let clipped = band.count { $0 == 0 || $0 == 255 }
                #expect(clipped < band.count / 200, "\(clipped) grey values are clipped")
            }
        }
    }

    @Test func `all seven classes are there`() {
        for cover in LandCover.allCases {
            let shares = Picture.three.map { picture in
                Double(picture.cover.count { $0 == cover.rawValue }) / Double(picture.cover.count)
            }
            #expect(shares.allSatisfy { $0 > 0.003 }, "\(cover): \(shares)")
        }
        for picture in Picture.three {
            let forest = picture.cover.count { $0 == LandCover.forest.rawValue }
            #expect(Double(forest) / Double(picture.cover.count) > 0.25)
        }
    }

    @Test func `a small scene holds several classes too`() {
        let picture = Picture(size: 192, seed: 1)
        #expect(Set(picture.cover).count >= 4)
    }

    @Test func `stands differ strongly in height`() {
        for picture in Picture.three {
            let means = picture.boxMean(picture.height, radius: 13)
            let forest = picture.boxMean(picture.cover.map { $0 == 6 ? 1 : 0 }, radius: 13)
            let stands = means.indices.filter { forest[$0] > 0.95 }.map { means[$0] }.sorted()
            #expect(stands.count > 1000)
            #expect(
                stands[stands.count / 20] < 7, "the 5th percentile of stand height is \(stands[stands.count / 20]) m")
            let high = stands[stands.count * 19 / 20]
            #expect(high > 20, "the 95th percentile of stand height is \(high) m")
        }
    }

    @Test func `shadows lie away from the sun and are dark`() {
        for picture in Picture.three {
            let n = picture.size
            let open: Set<UInt8> = [1, 3, 5, 7]
            let grey = picture.grey
            var shadowed = 0.0
            var lit = 0.0
            var shadowedCount = 0.0
            var litCount = 0.0
            // Where the thing stands that shades a pixel of open ground, by direction.
            var tall = [Double](repeating: 0, count: 8)
            let distance = 9.0
            for row in 16..<n - 16 {
                for column in 16..<n - 16 {
                    let index = row * n + column
                    guard open.contains(picture.cover[index]) else { continue }
                    if picture.sunlight[index] > 0.99 {
                        lit += grey[index]
                        litCount += 1
                    } else if picture.sunlight[index] < 0.01 {
                        shadowed += grey[index]
                        shadowedCount += 1
                        for k in 0..<8 {
                            let angle = Double(k) * .pi / 4
                            let other =
                                (row - Int((distance * cos(angle)).rounded())) * n + column
                                + Int((distance * sin(angle)).rounded())
                            if picture.cover[other] == 6 || picture.cover[other] == 2 { tall[k] += 1 }
                        }
                    }
                }
            }
            #expect(shadowed / shadowedCount < 0.6 * lit / litCount)
            let best = tall.indices.max { tall[$0] < tall[$1] } ?? 0
            var off = abs(Double(best) * 45 - Double(picture.conditions.sunAzimuth))
            off = min(off, 360 - off)
            #expect(
                off <= 45, "shade comes from \(best * 45) degrees, the sun stands at \(picture.conditions.sunAzimuth)")
        }
    }

    @Test func `crown radius grows with height as inventories say`() {
        #expect(abs(crownRadius(height: 5) - 1.5) < 0.05)
        #expect(abs(crownRadius(height: 35) - 5.6) < 0.1)
    }

    @Test func `the crowns of single trees are as wide as their height says`() {
        // Trees that stand alone in fields: connected patches of height, of the shape of one crown.
        var pairs: [(height: Double, radius: Double)] = []
        for picture in Picture.three { pairs += Self.loneTrees(picture) }
        #expect(pairs.count > 60)
        for (height, radius) in pairs {
            // Open-grown crowns are 15 % wider; species, trees and rims add their share.
            let expected = 1.15 * Double(crownRadius(height: Float(height)))
            #expect(radius > 0.6 * expected && radius < 1.45 * expected, "height \(height) m, radius \(radius) m")
        }
        let heights = pairs.map(\.height)
        let fit = Ridge(heights.map { [$0] }, pairs.map(\.radius)).r2(heights.map { [$0] }, pairs.map(\.radius))
        #expect(fit > 0.7, "height explains \(fit) of the variance of crown radii")
    }

    private static func loneTrees(_ picture: Picture) -> [(height: Double, radius: Double)] {
        let n = picture.size
        var seen = [Bool](repeating: false, count: n * n)
        var found: [(Double, Double)] = []
        for start in picture.height.indices where picture.height[start] > 0 && !seen[start] {
            var stack = [start]
            seen[start] = true
            var area = 0
            var highest = 0.0
            var box = (left: n, right: 0, top: n, bottom: 0)
            while let index = stack.popLast() {
                area += 1
                highest = max(highest, picture.height[index])
                let (row, column) = (index / n, index % n)
                box = (min(box.left, column), max(box.right, column), min(box.top, row), max(box.bottom, row))
                for (r, c) in [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
                where r >= 0 && c >= 0 && r < n && c < n && !seen[r * n + c] && picture.height[r * n + c] > 0 {
                    seen[r * n + c] = true
                    stack.append(r * n + c)
                }
            }
            let wide = box.right - box.left + 1
            let tall = box.bottom - box.top + 1
            let inside = box.left > 0 && box.top > 0 && box.right < n - 1 && box.bottom < n - 1
            // Two crowns that touch are longer than wide or fill their box badly.
            guard inside, area > 12, highest > 4, abs(wide - tall) <= 2, Double(area) > 0.7 * Double(wide * tall) else {
                continue
            }
            found.append((highest, (Double(area) / .pi).squareRoot() * 0.6))
        }
        return found
    }

    @Test func `infrared is bright over leaves and dark over water`() {
        let picture = Picture(size: 512, seed: 21, nir: true)
        #expect(picture.bands.count == 4)
        func mean(_ band: Int, _ cover: LandCover) -> Double {
            let values = picture.bands[band].indices.filter { picture.cover[$0] == cover.rawValue }
            return values.reduce(0) { $0 + picture.bands[band][$1] } / Double(values.count)
        }
        #expect(mean(3, .forest) > 1.3 * mean(0, .forest))
        #expect(mean(3, .water) < mean(2, .water))
        let plain = Landscape(LandscapeOptions(size: 512, seed: 21), scene: 0)
            .render(PixelWindow(column: 0, row: 0, width: 512, height: 512))
        #expect(plain.image.floats().map(Double.init) == picture.bands[0] + picture.bands[1] + picture.bands[2])
    }
}
