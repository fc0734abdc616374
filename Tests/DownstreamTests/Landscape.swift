// A small made landscape: pairs whose heights follow from the picture, and a tiny backbone to look at it.
import Backbone
import Downstream
import Geo
import Torch

#if canImport(Glibc)
    import Glibc
#endif

/// What the pixels of the made pairs are.
let madeLayout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 32, gsd: 1, stretch: .none)

/// Pairs in one CRS, side by side, of 1 m pixels; height falls with green and is 0 to 30 m.
func madePairs(_ count: Int = 2, side: Int = 96, crs: CoordinateReferenceSystem? = .init("EPSG:32633")) -> PairsInMemory
{
    let pairs = (0..<count).map { pair in
        var samples = [UInt8](repeating: 0, count: 3 * side * side)
        var heights = [Float](repeating: 0, count: side * side)
        for row in 0..<side {
            for column in 0..<side {
                let x = Double(column + pair * side)
                let wave = sin(x * 0.11) * cos(Double(row) * 0.07 + Double(pair))
                let index = row * side + column
                samples[index] = UInt8(120 + 60 * sin(Double(row) * 0.3))
                samples[side * side + index] = UInt8(128 - 100 * wave)
                samples[2 * side * side + index] = UInt8((index * 7) % 50)
                heights[index] = Float(15 + 15 * wave)
            }
        }
        let grid = Grid(
            crs: crs,
            transform: GeoTransform(originX: 500_000 + Double(pair * side), originY: 5_000_000, pixelSize: 1),
            width: side, height: side)
        return PairsInMemory.Pair(
            image: PixelBuffer(bands: 3, height: side, width: side, samples: .uint8(samples), grid: grid),
            height: PixelBuffer(bands: 1, height: side, width: side, samples: .float32(heights), grid: grid), grid: grid
        )
    }
    return PairsInMemory(pairs: pairs, layout: madeLayout, fingerprint: "made-\(count)-\(side)")
}

/// The architecture of the tiny backbone.
func tinyBackbone() -> BackboneConfiguration {
    var configuration = BackboneConfiguration()
    configuration.patchSize = 8
    configuration.width = 16
    configuration.depth = 4
    configuration.heads = 2
    configuration.ffnRatio = 2
    configuration.registers = 1
    configuration.layerScale = 1
    return configuration
}

/// What travels with its weights.
func tinyRecord(_ configuration: BackboneConfiguration = tinyBackbone()) -> WeightsRecord {
    WeightsRecord(
        architecture: configuration, mean: [0.45, 0.5, 0.1], std: [0.2, 0.25, 0.1], bands: BandInfo.rgb, gsd: 1,
        stretch: .none, provenance: ["recipe": "tiny"])
}

/// Writes the tiny backbone's weights; larger than at a fresh start, so that its blocks do something.
func writeTinyWeights(to path: String) throws {
    let network = VisionTransformer(tinyBackbone(), generator: Generator(seed: 4))
    withoutGradient {
        for (name, tensor) in network.parameters() where name.hasSuffix("weight") && !name.contains("norm") {
            _ = tensor.copy_(tensor * 8)
        }
    }
    try network.save(to: path, record: tinyRecord())
}

/// A recipe of seconds.
func tinyRecipe() -> CanopyRecipe {
    var recipe = CanopyRecipe()
    recipe.head.postChannels = [4, 6, 8, 8]
    recipe.head.channels = 8
    recipe.head.hidden = 8
    recipe.bins.count = 16
    recipe.bins.maxHeight = 40
    recipe.taps = [0, 1, 2, 3]
    recipe.window = 48
    recipe.crop = 32
    recipe.steps = 20
    recipe.batch = 4
    recipe.optimizer.learningRate = 3e-3
    recipe.validation.block = 16
    recipe.validation.windows = 8
    recipe.checkpointEvery = 1000
    recipe.seed = 9
    return recipe
}

/// The sampler of a canopy recipe at 1 m.
func canopySampler(_ source: PairsInMemory, _ recipe: CanopyRecipe) throws -> CropSampler {
    try CropSampler(
        source: source, settings: recipe.cropSettings, gsd: 1,
        normalizer: PixelNormalizer(mean: [0.45, 0.5, 0.1], std: [0.2, 0.25, 0.1]),
        target: CanopyTask(recipe, legend: nil).target)
}
