// Three pictures side by side: what the network saw, what is true, what it said.
public import Geo
internal import Raster
internal import Scenes
internal import Telemetry

/// Classes to show under the values.
public struct ComparedClasses: Sendable {
    /// The classes.
    public var legend: Legend
    /// The number of the true class of each pixel, row by row; 255 where there is none.
    public var truth: [UInt8]
    /// The number of the predicted class of each pixel, as many.
    public var prediction: [UInt8]

    /// Shows classes.
    public init(legend: Legend, truth: [UInt8], prediction: [UInt8]) {
        self.legend = legend
        self.truth = truth
        self.prediction = prediction
    }
}

/// Writes a picture of RGB | truth | prediction with titles, one legend and a scale bar, and with classes a second row: their legend |
/// truth | prediction.
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
///   - classes: Classes of the same pixels; `nil` leaves out the second row.
/// - Throws: `badRequest` for pictures of different sizes; what writing throws.
public func writeComparison(
    rgb: PixelBuffer, truth: PixelBuffer, prediction: PixelBuffer, to path: String, maxHeight: Double? = nil,
    metresPerPixel: Double? = nil, style: MapStyle = .canopyHeight,
    titles: [String] = ["RGB", "Truth", "Prediction"], classes: ComparedClasses? = nil
) throws {
    guard rgb.bands >= 3, truth.bands >= 1, prediction.bands >= 1, rgb.width > 0, rgb.height > 0,
        truth.width == rgb.width, truth.height == rgb.height, prediction.width == rgb.width,
        prediction.height == rgb.height, titles.count == 3,
        classes.map({ $0.truth.count == rgb.width * rgb.height && $0.prediction.count == $0.truth.count }) ?? true
    else {
        throw MappingError(
            .badRequest,
            "cannot compare pictures of \(rgb.bands) x \(rgb.height) x \(rgb.width), \(truth.height) x \(truth.width) and \(prediction.height) x \(prediction.width)",
            in: path, try: "three pictures of one size, the first with three bands, and three titles")
    }
    let step = max(1, (max(rgb.width, rgb.height) + mostPixels - 1) / mostPixels)
    let colours = (0..<3).map { shrunk(rgb, band: $0, by: step) }
    let heights = shrunk(truth, band: 0, by: step)
    let answers = shrunk(prediction, band: 0, by: step)
    let maximum = maxHeight ?? roundMaximum((heights.means + answers.means).compactMap { $0 })
    let panels = Panels(width: colours[0].width, height: colours[0].height)
    var canvas = panels.canvas(rows: classes == nil ? 1 : 2)
    for (number, title) in titles.enumerated() {
        let text = number == 0 || style.unit.isEmpty ? title : "\(title) (\(style.unit))"
        panels.draw(on: &canvas, row: 0, column: number, title: text) { place in
            guard number > 0 else {
                guard let red = colours[0].means[place], let green = colours[1].means[place],
                    let blue = colours[2].means[place]
                else { return Canvas.absent }
                return [red, green, blue].map { UInt8(max(0, min(255, $0.rounded()))) }
            }
            let value = number == 1 ? heights.means[place] : answers.means[place]
            return value.map { style.ramp.colour(Double($0) / maximum) } ?? Canvas.absent
        }
    }
    canvas.legend(
        x: panels.left(of: 3), y: panels.top(of: 0) + 8, height: min(320, panels.rowHeight - 20), style: style,
        maximum: maximum)
    if let metresPerPixel {
        canvas.scaleBar(
            x: panels.left(of: 0), y: panels.top(of: 0) + panels.height * panels.zoom + 14,
            longest: max(60, panels.side / 2), metresPerPixel: metresPerPixel * Double(step) / Double(panels.zoom))
    }
    if let classes {
        panels.draw(classes, on: &canvas, titles: titles, sourceWidth: rgb.width, sourceHeight: rgb.height, step: step)
    }
    try writePicture(canvas, to: path)
}

/// Land cover to show under canopy heights: a raster of classes, a map of them, and what their values stand for.
public typealias CoverFiles = (truth: String, map: String, legend: Legend)

/// The same from files: a scene, the truth and a map, all shown on the map's grid.
///
/// - Parameters:
///   - scene: A scene; 16-bit data are stretched between their percentiles 2 and 98.
///   - truth: A raster of heights in any CRS.
///   - map: The map.
///   - path: The PNG; replaced if it is there.
///   - maxHeight: The value at the top of the legend; `nil` takes a round number.
///   - cover: Land cover on the same ground; `nil` leaves out the second row.
/// - Throws: what reading and writing throw.
public func writeComparison(
    scene: String, truth: String, map: String, to path: String, maxHeight: Double? = nil, cover: CoverFiles? = nil
) throws {
    let heights = RasterOpenOptions(validValues: HeightRule().range)
    let mapReader = try RasterReader(path: map, options: heights)
    let sceneReader = try RasterReader(path: scene)
    let grid = mapReader.grid
    let step = max(1, (max(grid.width, grid.height) + mostPixels - 1) / mostPixels)
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
    let classes = try cover.map { cover in
        try ComparedClasses(
            legend: cover.legend, truth: ids(cover.truth, onto: small, meanings: cover.legend.meanings, cover.legend),
            prediction: ids(cover.map, onto: small, meanings: nil, cover.legend))
    }
    try writeComparison(
        rgb: stretched(rgb, by: stretch),
        truth: RasterReader(path: truth, options: heights).read(
            onto: small, bands: [1], resampling: .average, values: .physical),
        prediction: mapReader.read(onto: small, bands: [1], resampling: .average, values: .physical), to: path,
        maxHeight: maxHeight, metresPerPixel: small.groundSampleDistance().metres, classes: classes)
}

/// The numbers of the classes of a raster; 255 where it has none.
///
/// - Parameter meanings: What the raster's values stand for; `nil` where they are numbers of classes.
private func ids(
    _ path: String, onto grid: Grid, meanings: [LabelValue: Legend.Meaning]?, _ legend: Legend
) throws -> [UInt8] {
    let pixels = try ClassRaster(path: path).values(onto: grid)
    return zip(pixels.values, pixels.validity).map { value, isValid in
        guard isValid else { return Legend.nodataID }
        guard let meanings else { return UInt8(exactly: value) ?? Legend.nodataID }
        guard case .index(let index)? = meanings[.number(Int(value))] else { return Legend.nodataID }
        return legend.classes[index].id
    }
}

/// The longer side of a panel, in pixels.
private let mostPixels = 480

/// Where the panels of a comparison are: rows of three pictures of one size, with room for a legend to their right.
private struct Panels {
    let width: Int
    let height: Int
    let zoom: Int
    private let margin = 18

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        zoom = max(1, mostPixels / max(width, height))
    }

    /// Width of a panel on the canvas.
    var side: Int { width * zoom }
    /// Height of a row on the canvas, without its title.
    var rowHeight: Int { max(height * zoom, 150) }
    func left(of column: Int) -> Int { margin + column * (side + margin) }
    func top(of row: Int) -> Int { margin + 26 + row * (rowHeight + 66) }

    func canvas(rows: Int) -> Canvas {
        Canvas(width: 3 * side + 4 * margin + 88, height: top(of: rows - 1) + rowHeight + 44)
    }

    /// Draws a picture with its title; the colour of a pixel comes from its index, row by row.
    func draw(on canvas: inout Canvas, row: Int, column: Int, title: String, _ colour: (Int) -> [UInt8]) {
        canvas.text(fitting(title, side), x: left(of: column), y: top(of: row) - 30)
        canvas.image(x: left(of: column), y: top(of: row), width: width, height: height, zoom: zoom, colour)
        canvas.frame(x: left(of: column), y: top(of: row), width: side, height: height * zoom, Canvas.grey)
    }

    /// Draws the second row: the legend, the true and the predicted classes.
    ///
    /// - Parameter step: The side of the squares of pixels that are shown as one, by the class in their middle.
    func draw(
        _ classes: ComparedClasses, on canvas: inout Canvas, titles: [String], sourceWidth: Int, sourceHeight: Int,
        step: Int
    ) {
        let entries = classes.legend.classes
        let colours = Dictionary(entries.map { ($0.id, $0.colour) }) { first, _ in first }
        for (column, ids) in [(1, classes.truth), (2, classes.prediction)] {
            draw(on: &canvas, row: 1, column: column, title: titles[column]) { place in
                let row = min(place / width * step + step / 2, sourceHeight - 1)
                let x = min(place % width * step + step / 2, sourceWidth - 1)
                return colours[ids[row * sourceWidth + x]] ?? Canvas.absent
            }
        }
        var counts: [UInt8: Int] = [:]
        for id in classes.truth { counts[id, default: 0] += 1 }
        let line = 22
        let lines = legendLines(
            entries, pixels: entries.map { counts[$0.id] ?? 0 }, most: max(4, (rowHeight - 8) / line))
        canvas.text(fitting("Land cover", side), x: left(of: 0), y: top(of: 1) - 30)
        for (number, entry) in lines.enumerated() {
            let y = top(of: 1) + 8 + number * line
            let text = fitting(entry.text, side - 22)
            if let colour = entry.colour {
                canvas.key(x: left(of: 0), y: y, colour, text)
            } else {
                canvas.text(text, x: left(of: 0) + 22, y: y)
            }
        }
    }
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
