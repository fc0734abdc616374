// A backbone as the map maker wants it: windows of pixels in, a pixel of features per patch out.
public import Backbone
public import Geo
public import Telemetry
public import Torch

/// Turns windows of 8-bit pixels into features, one pixel per patch, on one thread only.
public final class FeaturePredictor: RasterModel {
    /// What becomes of a patch's token.
    public enum Output {
        /// Its elements.
        case elements
        /// Its place along principal components.
        case components(PrincipalComponents)
        /// The same as colours, 1 to 255; of three components.
        case colours(PrincipalComponents)
    }

    /// What it wants to be fed.
    public let layout: PixelLayout
    /// Side of a window in pixels.
    public let windowSize: Int
    /// Side of a patch in pixels.
    public let cellSize: Int
    /// What becomes of a token; set before the first window.
    public var output: Output = .elements
    private let network: any ImageBackbone
    private let normalizer: PixelNormalizer
    /// The block or stage whose tokens are taken; `nil` for the output.
    public let layer: Int?
    private let normalises: Bool
    private let grid: TapGrid

    /// Makes a predictor.
    ///
    /// - Parameters:
    ///   - network: The network.
    ///   - record: What travels with its weights.
    ///   - windowSize: Side of a window in pixels, a whole number of patches.
    ///   - gsd: Metres per pixel; `nil` takes scenes as they are.
    ///   - layer: The block or stage whose tokens are taken; `nil` for the output.
    ///   - normalises: Whether the final normalisation is applied to the tokens of `layer`.
    ///   - grid: The grid of `layer`.
    /// - Throws: `DownstreamError` (`badModel`) for a window that is not a whole number of patches, or no such layer.
    public init(
        network: any ImageBackbone, record: WeightsRecord, windowSize: Int, gsd: Double?, layer: Int? = nil,
        normalises: Bool = true, grid: TapGrid = .patches
    ) throws(DownstreamError) {
        let architecture = network.architecture
        guard windowSize > 0, windowSize % architecture.stride == 0 else {
            throw DownstreamError(
                .badModel, "windows of \(windowSize) pixels do not divide into whole patches", in: "\(Setting.window)",
                why: ["the network's patches are \(architecture.stride) pixels wide"],
                try: "\(Setting.window) \(architecture.fittingSide(windowSize))")
        }
        if let layer, !architecture.tapWidths.indices.contains(layer) {
            throw DownstreamError(
                .badModel, "the network has no layer \(layer)", in: "\(Setting.layers)",
                why: ["its layers are 0 to \(architecture.tapWidths.count - 1)"])
        }
        self.network = network
        self.windowSize = windowSize
        self.layer = layer
        self.normalises = normalises
        self.grid = grid
        cellSize = layer.map { architecture.tapStride(ofLayer: $0, grid: grid) } ?? architecture.stride
        layout = PixelLayout(
            bands: record.bands, sampleType: .uint8, tileSize: windowSize, gsd: gsd, stretch: record.stretch)
        normalizer = PixelNormalizer(mean: record.mean, std: record.std)
    }

    /// Elements of a token.
    public var tokenWidth: Int {
        let widths = network.architecture.tapWidths
        return layer.map { widths[$0] } ?? network.architecture.width
    }

    /// One band per element or component; three colours.
    public var blendedBands: [BandInfo] {
        switch output {
        case .elements: (0..<tokenWidth).map { BandInfo(name: "feature \($0)") }
        case .components(let found): (0..<found.count).map { BandInfo(name: "component \($0)") }
        case .colours: BandInfo.rgb
        }
    }

    /// Colours are a picture.
    public var product: RasterProduct {
        if case .colours = output { .picture } else { .values }
    }

    /// Tokens of windows, `[B, h, w, D]`.
    ///
    /// - Throws: `DownstreamError` (`badPixels`) for windows of another type or number of bands; `TorchError`.
    public func tokens(_ windows: TileBatch) throws -> Tensor {
        try catchingTorchErrors {
            try withoutGradient {
                let images = stack(
                    try zip(windows.ids, windows.tiles).map { try normalizer($1, place: "window \($0)") })
                let said = network.forward(
                    images.to(network.dtype).to(network.device), tapping: layer.map { [$0] } ?? [],
                    normalised: normalises, grid: grid)
                let cells = windowSize / cellSize
                let tokens =
                    said.taps.first.map { $0.map.permuted([0, 2, 3, 1]) }
                    ?? said.output.patches.reshaped([windows.tiles.count, cells, cells, tokenWidth])
                return tokens.to(.float32).to(.cpu)
            }
        }
    }

    /// One `float32` buffer (band, row, column) of `windowSize / cellSize` pixels a side per window.
    public func answer(_ windows: TileBatch) throws -> [PixelBuffer] {
        let tokens = try tokens(windows)
        return try catchingTorchErrors {
            withoutGradient {
                let values =
                    switch output {
                    case .elements: tokens
                    case .components(let found): found.project(tokens)
                    case .colours(let found): found.colours(tokens)
                    }
                let planes = values.permuted([0, 3, 1, 2]).contiguous()
                let cells = windowSize / cellSize
                return windows.tiles.indices.map { place in
                    PixelBuffer(
                        bands: planes.shape[1], height: cells, width: cells,
                        samples: .float32(planes.select(dim: 0, index: place).floats()))
                }
            }
        }
    }
}
