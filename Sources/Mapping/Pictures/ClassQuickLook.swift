// The quick-look of a map of classes: classes in colour, legend, scale bar; at most 1024 pixels.
package import Geo
internal import Telemetry

/// Draws the quick-look of a map of classes.
///
/// - Parameters:
///   - preview: The small version of the map.
///   - title: The title.
///   - classes: The classes that pixels may have.
///   - pixels: The number of pixels of each class, in the same order.
func classQuickLook(
    _ preview: MapPreview, title: String, classes: [LegendClass], pixels: [Int], metresPerPixel: Double
) -> Canvas {
    let colours = Dictionary(classes.map { ($0.id, $0.colour) }) { first, _ in first }
    let cells = preview.classes
    let zoom = max(1, 600 / max(preview.width, preview.height))
    let mapWidth = preview.width * zoom
    let mapHeight = preview.height * zoom
    let margin = 18
    let top = margin + 26
    let line = 22
    let lines = legendLines(classes, pixels: pixels, most: max(15, mapHeight / line))
    let legendWidth = 22 + (lines.map { BitmapFont.width(of: $0.text) * 2 }.max() ?? 0)
    let width = max(margin + mapWidth + margin + legendWidth + margin, 2 * margin + BitmapFont.width(of: title) * 2)
    var canvas = Canvas(width: width, height: top + max(mapHeight, lines.count * line) + 44)
    canvas.text(title, x: margin, y: margin - 4)
    canvas.image(x: margin, y: top, width: preview.width, height: preview.height, zoom: zoom) { place in
        colours[cells[place]] ?? Canvas.absent
    }
    canvas.frame(x: margin, y: top, width: mapWidth, height: mapHeight, Canvas.grey)
    for (number, entry) in lines.enumerated() {
        let (x, y) = (2 * margin + mapWidth, top + number * line)
        if let colour = entry.colour {
            canvas.key(x: x, y: y, colour, entry.text)
        } else {
            canvas.text(entry.text, x: x + 22, y: y)
        }
    }
    canvas.scaleBar(
        x: margin, y: canvas.height - 30, longest: max(60, mapWidth / 3),
        metresPerPixel: metresPerPixel * Double(preview.cell) / Double(zoom))
    if cells.contains(Legend.nodataID) {
        canvas.absenceKey(margin: margin, rightOf: margin + max(60, mapWidth / 3) + 130)
    }
    return canvas
}

/// The lines of a legend: the most frequent classes first, then those that are absent, then the number of those that do not fit.
///
/// - Parameter most: The number of lines that fit.
package func legendLines(
    _ classes: [LegendClass], pixels: [Int], most: Int
) -> [(colour: [UInt8]?, text: String)] {
    let order = classes.indices.sorted { (pixels[$1], $0) < (pixels[$0], $1) }
    let shown = classes.count <= most ? order[...] : order.prefix(most - 1)
    // As many letters as fit next to the widest map.
    let lines = shown.map { (colour: Optional(classes[$0].colour), text: String(classes[$0].name.prefix(24))) }
    return lines + (shown.count < order.count ? [(colour: nil, text: "and \(order.count - shown.count) more")] : [])
}
