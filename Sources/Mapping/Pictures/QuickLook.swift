// The picture of a map: values in colour, legend, scale bar; at most 1024 pixels.
internal import Geo
internal import Raster

/// Writes a picture under a temporary name, then gives it its own.
func writePicture(_ canvas: Canvas, to path: String) throws {
    try writePNG(canvas.buffer, to: path)
}

func quickLook(_ preview: MapPreview, style: MapStyle, maximum: Double, metresPerPixel: Double) -> Canvas {
    if style.rendering == .picture { return picture(preview, style: style, metresPerPixel: metresPerPixel) }
    let means = preview.means()
    let zoom = max(1, 600 / max(preview.width, preview.height))
    let mapWidth = preview.width * zoom
    let mapHeight = preview.height * zoom
    let margin = 18
    let top = margin + 26
    let title = style.unit.isEmpty ? style.title : "\(style.title) (\(style.unit))"
    let legendHeight = min(320, max(140, mapHeight - 20))
    let width = max(margin + mapWidth + margin + 88, 2 * margin + BitmapFont.width(of: title) * 2)
    let height = top + max(mapHeight, legendHeight + 20) + 44
    var canvas = Canvas(width: width, height: height)
    canvas.text(title, x: margin, y: margin - 4)
    canvas.image(x: margin, y: top, width: preview.width, height: preview.height, zoom: zoom) { place in
        means[place].map { style.ramp.colour(Double($0) / maximum) } ?? Canvas.absent
    }
    canvas.frame(x: margin, y: top, width: mapWidth, height: mapHeight, Canvas.grey)
    canvas.legend(x: margin + mapWidth + margin, y: top + 8, height: legendHeight, style: style, maximum: maximum)
    let perPixel = metresPerPixel * Double(preview.cell) / Double(zoom)
    canvas.scaleBar(
        x: margin, y: top + max(mapHeight, 1) + 14, longest: max(60, mapWidth / 3), metresPerPixel: perPixel)
    if means.contains(where: { $0 == nil }) {
        canvas.absenceKey(margin: margin, rightOf: margin + max(60, mapWidth / 3) + 130)
    }
    return canvas
}

/// The picture of a map whose bands are colours: no legend, as its colours have no unit.
private func picture(_ preview: MapPreview, style: MapStyle, metresPerPixel: Double) -> Canvas {
    let planes = (0..<3).map { preview.means(band: $0) }
    let zoom = max(1, 600 / max(preview.width, preview.height))
    let mapWidth = preview.width * zoom
    let mapHeight = preview.height * zoom
    let margin = 18
    let top = margin + 26
    var canvas = Canvas(
        width: 2 * margin + max(mapWidth, BitmapFont.width(of: style.title) * 2), height: top + mapHeight + 44)
    canvas.text(style.title, x: margin, y: margin - 4)
    canvas.image(x: margin, y: top, width: preview.width, height: preview.height, zoom: zoom) { place in
        guard planes[0][place] != nil else { return Canvas.absent }
        return planes.map { UInt8(max(0, min(255, ($0[place] ?? 0).rounded()))) }
    }
    canvas.frame(x: margin, y: top, width: mapWidth, height: mapHeight, Canvas.grey)
    canvas.scaleBar(
        x: margin, y: top + mapHeight + 14, longest: max(60, mapWidth / 3),
        metresPerPixel: metresPerPixel * Double(preview.cell) / Double(zoom))
    return canvas
}
