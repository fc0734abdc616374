// What height can be read from: texture, crowns and shadows, not colour.
import Geo
import Synth
import Testing

/// Samples inside forest: the mean height of 15 x 15 pixels, with features of those pixels.
private struct ForestSamples {
    var colour: [[Double]] = []
    var texture: [[Double]] = []
    var height: [Double] = []
    /// Blocks of 128 pixels in a chequerboard: one half trains, the other tests.
    var isTraining: [Bool] = []

    init(_ pictures: [Picture]) {
        for picture in pictures { add(picture) }
    }

    private mutating func add(_ picture: Picture) {
        let n = picture.size
        let radius = 7
        let means = picture.bands.map { picture.boxMean($0, radius: radius) }
        let grey = picture.grey
        let light = picture.boxMean(grey, radius: radius)
        let square = picture.boxMean(grey.map { $0 * $0 }, radius: radius)
        let deviation = zip(square, light).map { max(0, $0 - $1 * $1).squareRoot() + 1 }
        // Variance that finer means leave over, gradients at several distances, share of shadow; all relative,
        // so that brightness alone says nothing.
        var planes = [zip(deviation, light).map { $0 / $1 }]
        for fine in 1...3 {
            let smooth = picture.boxMean(grey, radius: fine)
            let rest = picture.boxMean(zip(grey, smooth).map { ($0 - $1) * ($0 - $1) }, radius: radius)
            planes.append(zip(rest, deviation).map { $0.squareRoot() / $1 })
        }
        for distance in [2, 4, 6, 8] {
            for step in [distance, distance * n] {
                let gradient = grey.indices.map { abs(grey[max(0, $0 - step)] - grey[$0]) }
                planes.append(zip(picture.boxMean(gradient, radius: radius), deviation).map { $0 / $1 })
            }
        }
        let shade = zip(grey, light).map { $0 < 0.6 * $1 ? 1.0 : 0 }
        planes.append(picture.boxMean(shade, radius: radius))

        let heights = picture.boxMean(picture.height, radius: radius)
        let forest = picture.boxMean(picture.cover.map { $0 == 6 ? 1 : 0 }, radius: radius)
        for row in stride(from: 20, to: n - 20, by: 7) {
            for column in stride(from: 20, to: n - 20, by: 7) where forest[row * n + column] > 0.95 {
                let index = row * n + column
                colour.append(means.map { $0[index] })
                texture.append(planes.map { $0[index] })
                height.append(heights[index])
                isTraining.append((row / 128 + column / 128) % 2 == 0)
            }
        }
    }

    /// R2 on the held-out blocks of a ridge regression of height on features.
    func r2(_ features: [[Double]]) -> Double {
        func pick<T>(_ values: [T], _ training: Bool) -> [T] {
            zip(values, isTraining).filter { $0.1 == training }.map(\.0)
        }
        return Ridge(pick(features, true), pick(height, true)).r2(pick(features, false), pick(height, false))
    }
}

struct HeightCueTests {
    @Test func `height is read from texture and shadow, not from colour`() {
        let samples = ForestSamples(Picture.three)
        #expect(samples.height.count > 5000)
        let colour = samples.r2(samples.colour)
        let texture = samples.r2(samples.texture)
        #expect(colour < 0.25, "mean colour explains \(colour) of the variance of height")
        #expect(texture > 0.35, "texture explains \(texture) of the variance of height")
        #expect(texture > colour + 0.15)
    }

    @Test(arguments: 0..<3)
    func `the same holds inside one scene`(scene: Int) {
        let samples = ForestSamples([Picture.three[scene]])
        let colour = samples.r2(samples.colour)
        let texture = samples.r2(samples.texture)
        #expect(texture > 0.35, "texture explains \(texture)")
        #expect(texture > colour + 0.15, "texture explains \(texture), colour \(colour)")
    }
}
