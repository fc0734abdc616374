// A chart of curves over steps as SVG text.
internal import Telemetry

/// A chart: a title, one or more curves over the steps of a run, phases as bands.
package struct LineChart {
    let title: String
    /// What the numbers are, or what to look for; a line under the title.
    let note: String
    let curves: [(name: String, points: MetricsCurves.Curve)]
    let phases: [(name: String, step: Int)]
    let steps: Int

    private static let (width, height) = (460.0, 220.0)
    private static let (left, right, top, bottom) = (58.0, 10.0, 10.0, 24.0)
    /// Colours that people with every kind of colour sight tell apart (Okabe and Ito, 2008).
    private static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]

    /// The chart as a figure of HTML; `nil` where there is nothing to draw.
    var html: String? {
        let drawn = curves.filter { !$0.points.isEmpty }
        let values = drawn.flatMap { $0.points.map(\.value) }.filter(\.isFinite)
        guard var low = values.min(), var high = values.max() else { return nil }
        // What never changes is shown beside 0.
        if low == high { (low, high) = low == 0 ? (0, 1) : (min(low, 0), max(high, 0)) }
        let ticks = Self.ticks(low, high)
        let (bottom, top) = (min(ticks.first ?? low, low), max(ticks.last ?? high, high))
        func x(_ step: Double) -> Double {
            Self.left + (Self.width - Self.left - Self.right) * step / Double(max(steps, 1))
        }
        func y(_ value: Double) -> Double {
            let share = (value - bottom) / max(top - bottom, .leastNormalMagnitude)
            return Self.height - Self.bottom - (Self.height - Self.top - Self.bottom) * share
        }
        var svg = "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">"
        for (index, phase) in phases.enumerated() where phases.count > 1 {
            let end = index + 1 < phases.count ? phases[index + 1].step - 1 : steps
            let (from, to) = (x(Double(phase.step - 1)), x(Double(end)))
            if index % 2 == 1 {
                svg +=
                    "<rect class=\"band\" x=\"\(fixed(from, 1))\" y=\"\(Self.top)\" width=\"\(fixed(to - from, 1))\" "
                    + "height=\"\(Self.height - Self.top - Self.bottom)\"/>"
            }
            svg +=
                "<text class=\"phase\" x=\"\(fixed(from + 3, 1))\" y=\"\(Self.top + 10)\">\(escapedForMarkup(phase.name))</text>"
        }
        for tick in ticks {
            let place = fixed(y(tick), 1)
            svg +=
                "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(place)\" y2=\"\(place)\"/>"
            svg +=
                "<text class=\"tick\" text-anchor=\"end\" x=\"\(Self.left - 5)\" y=\"\(fixed(y(tick) + 3.5, 1))\">\(Self.label(tick))</text>"
        }
        for tick in Self.ticks(0, Double(max(steps, 1))) where tick <= Double(steps) {
            svg +=
                "<text class=\"tick\" text-anchor=\"middle\" x=\"\(fixed(x(tick), 1))\" y=\"\(Self.height - 8)\">\(Self.label(tick))</text>"
        }
        for (index, curve) in drawn.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            let points = curve.points.filter { $0.value.isFinite }
            let path = points.map { "\(fixed(x(Double($0.step)), 1)),\(fixed(y($0.value), 1))" }.joined(separator: " ")
            if points.count == 1 {
                let (px, py) = (fixed(x(Double(points[0].step)), 1), fixed(y(points[0].value), 1))
                svg += "<circle cx=\"\(px)\" cy=\"\(py)\" r=\"2.5\" fill=\"\(colour)\"/>"
            } else {
                svg += "<polyline points=\"\(path)\" stroke=\"\(colour)\"/>"
            }
        }
        svg += "</svg>"
        let legend = drawn.enumerated().map { index, curve in
            let last = curve.points.last { $0.value.isFinite }.map { " \(Self.label($0.value))" } ?? ""
            return
                "<span><i style=\"background:\(Self.colours[index % Self.colours.count])\"></i>\(escapedForMarkup(curve.name))\(last)</span>"
        }.joined()
        return
            "<figure><figcaption><b>\(escapedForMarkup(title))</b> \(escapedForMarkup(note))</figcaption>\(svg)<div class=\"legend\">\(legend)</div></figure>"
    }

    /// Three to six round numbers that span an interval.
    static func ticks(_ low: Double, _ high: Double) -> [Double] {
        let span = high - low
        guard span > 0, span.isFinite else { return [low] }
        var step = 1.0
        while step > span / 3 { step /= 10 }
        while step * 10 <= span / 3 { step *= 10 }
        for factor in [5.0, 2.0] where step * factor <= span / 3 {
            step *= factor
            break
        }
        let first = (low / step).rounded(.down)
        let last = (high / step).rounded(.up)
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    /// A number in few digits.
    static func label(_ value: Double) -> String {
        let size = abs(value)
        if size == 0 { return "0" }
        if size >= 1e6 || size < 1e-3 { return scientific(value) }
        if size >= 1000, value == value.rounded() { return "\(Int(value))" }
        var text = fixed(value, size >= 100 ? 1 : size >= 1 ? 2 : 4)
        while text.contains("."), text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }
}

extension MetricsCurves {
    /// A chart of some curves: what they are called on it, and in the log.
    package func chart(_ title: String, _ note: String, _ names: [(String, String)]) -> LineChart {
        LineChart(
            title: title, note: note, curves: names.map { ($0.0, curves[$0.1] ?? []) }, phases: phases, steps: steps)
    }
}
