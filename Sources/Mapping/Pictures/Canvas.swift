// A picture to draw on: rectangles, text, images.
internal import Geo
internal import Telemetry

/// An RGB picture.
struct Canvas {
    let width: Int
    let height: Int
    /// Three planes, `[band, row, column]`.
    private var planes: [UInt8]

    static let black: [UInt8] = [32, 32, 36]
    static let grey: [UInt8] = [130, 130, 134]
    static let paper: [UInt8] = [255, 255, 255]
    /// Where a map has no value.
    static let absent: [UInt8] = [228, 228, 226]

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        planes = [UInt8](repeating: 255, count: 3 * width * height)
    }

    /// The picture as a buffer `[3, height, width]`.
    var buffer: PixelBuffer { PixelBuffer(bands: 3, height: height, width: width, samples: .uint8(planes)) }

    mutating func set(_ x: Int, _ y: Int, _ colour: [UInt8]) {
        guard x >= 0, y >= 0, x < width, y < height else { return }
        for band in 0..<3 { planes[(band * height + y) * width + x] = colour[band] }
    }

    mutating func fill(x: Int, y: Int, width: Int, height: Int, _ colour: [UInt8]) {
        for row in y..<y + max(0, height) { for column in x..<x + max(0, width) { set(column, row, colour) } }
    }

    /// The outline of a rectangle, one pixel outside of it.
    mutating func frame(x: Int, y: Int, width: Int, height: Int, _ colour: [UInt8]) {
        fill(x: x - 1, y: y - 1, width: width + 2, height: 1, colour)
        fill(x: x - 1, y: y + height, width: width + 2, height: 1, colour)
        fill(x: x - 1, y: y, width: 1, height: height, colour)
        fill(x: x + width, y: y, width: 1, height: height, colour)
    }

    /// Text with its top left corner at a place.
    mutating func text(_ text: String, x: Int, y: Int, scale: Int = 2, _ colour: [UInt8] = Canvas.black) {
        var left = x
        for character in text {
            for (row, bits) in BitmapFont.rows(character).enumerated() {
                for column in 0..<BitmapFont.width where bits & (16 >> UInt8(column)) != 0 {
                    fill(
                        x: left + column * scale, y: y + (row + BitmapFont.descent(character)) * scale, width: scale,
                        height: scale, colour)
                }
            }
            left += (BitmapFont.width + 1) * scale
        }
    }

    /// An image, each pixel drawn `zoom` times; the colour of a pixel comes from its index, row by row.
    mutating func image(
        x: Int, y: Int, width: Int, height: Int, zoom: Int, _ colour: (Int) -> [UInt8]
    ) {
        for row in 0..<height {
            for column in 0..<width {
                fill(
                    x: x + column * zoom, y: y + row * zoom, width: zoom, height: zoom,
                    colour(row * width + column))
            }
        }
    }

    /// A vertical legend: bar, ticks and labels from 0 below to the maximum above, about 80 pixels wide.
    mutating func legend(x: Int, y: Int, height: Int, style: MapStyle, maximum: Double) {
        let bar = 22
        for row in 0..<height {
            let place = 1 - (Double(row) + 0.5) / Double(height)
            fill(x: x, y: y + row, width: bar, height: 1, style.ramp.colour(place))
        }
        frame(x: x, y: y, width: bar, height: height, Canvas.grey)
        for tick in legendTicks(maximum: maximum) {
            let row = y + Int((Double(height) * (1 - tick / maximum)).rounded())
            fill(x: x + bar, y: min(row, y + height - 1), width: 5, height: 1, Canvas.black)
            text(number((tick * 1e6).rounded() / 1e6), x: x + bar + 9, y: row - BitmapFont.height)
        }
    }

    /// A square of a colour, and its meaning 22 pixels to the right.
    mutating func key(x: Int, y: Int, _ colour: [UInt8], _ name: String) {
        fill(x: x, y: y, width: 14, height: 14, colour)
        frame(x: x, y: y, width: 14, height: 14, Canvas.grey)
        text(name, x: x + 22, y: y)
    }

    /// The key of the colour for nodata, in the bottom right corner; left out if it does not fit to the right of a column.
    mutating func absenceKey(margin: Int, rightOf column: Int) {
        let text = "no data"
        let left = width - margin - BitmapFont.width(of: text) * 2
        if left > column { key(x: left - 22, y: height - 30, Canvas.absent, text) }
    }

    /// A scale bar with its label to the right.
    ///
    /// - Parameter metresPerPixel: Metres on the ground per pixel of the picture.
    mutating func scaleBar(x: Int, y: Int, longest: Int, metresPerPixel: Double) {
        guard let bar = scaleBarLength(longest: longest, metresPerPixel: metresPerPixel) else { return }
        fill(x: x, y: y + 5, width: bar.pixels, height: 4, Canvas.black)
        fill(x: x, y: y, width: 2, height: 14, Canvas.black)
        fill(x: x + bar.pixels - 2, y: y, width: 2, height: 14, Canvas.black)
        text(bar.label, x: x + bar.pixels + 8, y: y)
    }
}

/// The longest round length (1, 2 or 5 times a power of ten) that fits into so many pixels; `nil` where none makes sense.
package func scaleBarLength(longest: Int, metresPerPixel: Double) -> (pixels: Int, label: String)? {
    let most = Double(longest) * metresPerPixel
    guard most.isFinite, most > 0 else { return nil }
    var best: Double?
    var scale = 1e-3
    while scale < 1e7 {
        for step in [1.0, 2, 5] where step * scale <= most { best = step * scale }
        scale *= 10
    }
    guard let best else { return nil }
    let metres = (best * 1e6).rounded() / 1e6
    let label =
        metres >= 1000
        ? "\(number(metres / 1000)) km"
        : metres >= 1 ? "\(number(metres)) m" : "\(number((metres * 1000).rounded())) mm"
    return (max(2, Int((best / metresPerPixel).rounded())), label)
}
