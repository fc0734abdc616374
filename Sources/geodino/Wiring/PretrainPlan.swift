// The plan of a run as a table for people.
import Pretraining

extension RunPlan {
    /// What the run would take.
    var text: String {
        var blocks: [String] = []
        for phase in phases {
            let cost = phase.cost
            let parts = phase.parts
            var lines = [
                "phase \(phase.name): \(grouped(phase.steps)) steps of \(grouped(phase.batch)) tiles"
                    + (parts > 1 ? " in \(parts) parts" : "") + ", crops \(phase.crops)"
            ]
            let parameters = cost.parameters.reduce(0) { $0 + $1.amount }
            lines.append(
                "  parameters  \(scaled(parameters))  ("
                    + cost.parameters.map { "\($0.name) \(scaled($0.amount))" }.joined(separator: ", ") + ")")
            let all = cost.operations.reduce(0) { $0 + $1.amount }
            lines.append(
                "  a step      \(scaled(all))FLOP  ("
                    + cost.operations.map { "\($0.name) \(shown(100 * $0.amount / all, digits: 0)) %" }.joined(
                        separator: ", ") + ")")
            lines.append("  the phase   \(scaled(phase.meanOperations * Double(phase.steps)))FLOP")
            lines.append("  memory of one device that holds everything, with all tiles at once:")
            for part in cost.state + cost.perStep { lines.append("    \(gigabytes(part.amount))  \(part.name)") }
            lines.append("    \(gigabytes(cost.bytes))  together")
            if cost.hostBytes > 0 {
                lines.append("    \(gigabytes(cost.hostBytes))  additional host memory for the crops of all parts")
            }
            lines.append("  devices of  16 GB, 24 GB, 40 GB, 80 GB, 141 GB")
            lines.append(
                "    tiles at once on one:      "
                    + phase.fits.map { $0.tilesOnOne == 0 ? "-" : "\($0.tilesOnOne)" }
                    .joined(separator: ", "))
            lines.append(
                "    devices for a whole step:  "
                    + phase.fits.map { $0.devices.map { "\($0)" } ?? "-" }
                    .joined(separator: ", "))
            blocks.append(lines.joined(separator: "\n"))
        }
        blocks.append(
            """
            Estimated, not measured. 'Devices for a whole step' share the tiles, and each holds its part of the \
            state; this version computes on one device. With fewer tiles at once, data.accumulate makes up the batch.
            """)
        return blocks.joined(separator: "\n\n")
    }
}

private func gigabytes(_ bytes: Double) -> String {
    let text = shown(bytes / 1e9, digits: 2)
    return String(repeating: " ", count: max(0, 9 - text.count)) + text + " GB"
}

/// 6.72 G, 21.6 M.
private func scaled(_ value: Double) -> String {
    let units = [("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)]
    guard let (unit, size) = units.first(where: { value >= $0.1 }) else { return shown(value, digits: 0) + " " }
    return "\(shown(value / size, digits: value / size < 10 ? 2 : 1)) \(unit)"
}

/// 1,000,000.
private func grouped(_ value: Int) -> String {
    var digits = Array(String(value))
    var place = digits.count - 3
    while place > 0 {
        digits.insert(",", at: place)
        place -= 3
    }
    return String(digits)
}
