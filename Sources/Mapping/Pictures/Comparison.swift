// Three pictures side by side: what the network saw, what is true, what it said.
public import Geo
internal import Raster
internal import Scenes
internal import Telemetry

/// Writes a picture of RGB | truth | prediction with titles, one legend and a scale bar.
///
/// - Parameters:
///   - rgb: Three `uint8` bands.
///   - truth: One band, of the same size, in metres.
///   - prediction: One band, of the same size.
///   - path: The PNG; replaced if it is there.
///   - maxHeight: The value at the top of the legend; `nil` takes a round number from truth and prediction.
///   - metresPerPixel: Ground size of a pixel, for the scale bar; `nil` draws none.
///   - style: Colours, name and unit.
///   - titles: Three titles.
/// - Throws: `badRequest` for pictures of different sizes; what writing throws.
public func writeComparison(
    rgb: PixelBuffer, truth: PixelBuffer, prediction: PixelBuffer, to path: String, maxHeight: Double? = nil,
    metresPerPixel: Double? = nil, style: MapStyle = .canopyHeight,
    titles: [String] = ["RGB", "Truth", "Prediction"]
) throws {
    guard rgb.bands >= 3, truth.bands >= 1, prediction.bands >= 1, rgb.width > 0, rgb.height > 0,
        truth.width == rgb.width, truth.height == rgb.height, prediction.width == rgb.width,
        prediction.height == rgb.height, titles.count == 3
    else {
        throw MappingError(
            .badRequest,
            "cannot compare pictures of \(rgb.bands) x \(rgb.height) x \(rgb.width), \(truth.height) x \(truth.width) and \(prediction.height) x \(prediction.width)",
            in: path, try: "three pictures of one size, the first with three bands, and three titles")
    }
    let most = 480
    let step = max(1, (max(rgb.width, rgb.height) + most - 1) / most)
    let colours = (0..<3).map { shrunk(rgb, band: $0, by: step) }
    let heights = shrunk(truth, band: 0, by: step)
    let answers = shrunk(prediction, band: 0, by: step)
    let width = colours[0].width
    let height = colours[0].height
    let maximum = maxHeight ?? roundMaximum((heights.means + answers.means).compactMap { $0 })
    let zoom = max(1, most / max(width, height))
    let margin = 18
    let top = margin + 26
    let panel = width * zoom
    let panelHeight = max(height * zoom, 150)
    var canvas = Canvas(width: 3 * panel + 4 * margin + 88, height: top + panelHeight + 44)
    for (number, title) in titles.enumerated() {
        let left = margin + number * (panel + margin)
        canvas.text(
            fitting(number == 0 || style.unit.isEmpty ? title : "\(title) (\(style.unit))", panel), x: left,
            y: margin - 4)
        canvas.image(x: left, y: top, width: width, height: height, zoom: zoom) { place in
            guard number > 0 else {
                guard let red = colours[0].means[place], let green = colours[1].means[place],
                    let blue = colours[2].means[place]
                else { return Canvas.absent }
                return [red, green, blue].map { UInt8(max(0, min(255, $0.rounded()))) }
            }
            let value = number == 1 ? heights.means[place] : answers.means[place]
            return value.map { style.ramp.colour(Double($0) / maximum) } ?? Canvas.absent
        }
        canvas.frame(x: left, y: top, width: panel, height: height * zoom, Canvas.grey)
    }
    canvas.legend(
        x: margin + 3 * (panel + margin), y: top + 8, height: min(320, panelHeight - 20), style: style, maximum: maximum
    )
    if let metresPerPixel {
        canvas.scaleBar(
            x: margin, y: top + height * zoom + 14, longest: max(60, panel / 2),
            metresPerPixel: metresPerPixel * Double(step) / Double(zoom))
    }
    try writePicture(canvas, to: path)
}

/// The same from files: a scene, the truth and a map, all shown on the map's grid.
///
/// - Parameters:
///   - scene: A scene; 16-bit data are stretched between their percentiles 2 and 98.
///   - truth: A raster of heights in any CRS.
///   - map: The map.
///   - path: The PNG; replaced if it is there.
///   - maxHeight: The value at the top of the legend; `nil` takes a round number.
/// - Throws: what reading and writing throw.
public func writeComparison(
    scene: String, truth: String, map: String, to path: String, maxHeight: Double? = nil
) throws {
    let heights = RasterOpenOptions(validValues: HeightRule().range)
    let mapReader = try RasterReader(path: map, options: heights)
    let sceneReader = try RasterReader(path: scene)
    let grid = mapReader.grid
    let step = max(1, (max(grid.width, grid.height) + 479) / 480)
    var transform = grid.transform
    transform.columnX *= Double(step)
    transform.rowX *= Double(step)
    transform.columnY *= Double(step)
    transform.rowY *= Double(step)
    let small = Grid(
        crs: grid.crs, transform: transform, width: max(1, (grid.width + step - 1) / step),
        height: max(1, (grid.height + step - 1) / step))
    let bands = sceneReader.bands.colours.map(\.index)
    guard bands.count == 3 else {
        throw SceneError(
            .missingBands, "the scene has no three bands to show, only \(sceneReader.bands.count)", in: scene)
    }
    let eight = sceneReader.bands.allSatisfy { !bands.contains($0.index) || $0.sampleType == .uint8 }
    let stretch = try eight ? nil : sceneReader.stretchParameters(.percentile(low: 2, high: 98), bands: bands)
    let rgb = try sceneReader.read(onto: small, bands: bands, resampling: .average)
    try writeComparison(
        rgb: stretched(rgb, by: stretch),
        truth: RasterReader(path: truth, options: heights).read(
            onto: small, bands: [1], resampling: .average, values: .physical),
        prediction: mapReader.read(onto: small, bands: [1], resampling: .average, values: .physical), to: path,
        maxHeight: maxHeight, metresPerPixel: small.groundSampleDistance().metres)
}

/// Means of squares of pixels, over the valid ones.
private func shrunk(_ buffer: PixelBuffer, band: Int, by step: Int) -> (width: Int, height: Int, means: [Float?]) {
    let width = (buffer.width + step - 1) / step
    let height = (buffer.height + step - 1) / step
    var sums = [Double](repeating: 0, count: width * height)
    var counts = [Int](repeating: 0, count: width * height)
    for row in 0..<buffer.height {
        for column in 0..<buffer.width where buffer.isValid(row: row, column: column) {
            let value = buffer[band, row, column]
            guard value.isFinite else { continue }
            sums[row / step * width + column / step] += Double(value)
            counts[row / step * width + column / step] += 1
        }
    }
    return (width, height, zip(sums, counts).map { $1 > 0 ? Float($0 / Double($1)) : nil })
}

/// A text cut to the pixels there are.
private func fitting(_ text: String, _ pixels: Int) -> String {
    String(text.prefix(max(1, pixels / ((BitmapFont.width + 1) * 2))))
}
