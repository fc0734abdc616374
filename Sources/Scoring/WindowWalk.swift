// The windows of a part of a grid, one after the other.
import Geo
import Telemetry

/// Windows of about a million pixels that cover a part of a grid, row by row; they count from the grid's corner.
struct WindowWalk {
    /// What is covered.
    let area: PixelWindow

    /// Pixels along a side of a window.
    static let side = 1024

    /// Calls with each window, cut to the part.
    ///
    /// - Parameter path: The file that an error names.
    func forEach(
        of path: String, _ progress: ProgressHandler, _ body: (PixelWindow) throws(ScoringError) -> Void
    ) throws(ScoringError) {
        guard !area.isEmpty else { return }
        let side = Self.side
        let columns = area.column / side...(area.column + area.width - 1) / side
        let rows = area.row / side...(area.row + area.height - 1) / side
        let (total, overflow) = columns.count.multipliedReportingOverflow(by: rows.count)
        var done = 0
        for row in rows {
            for column in columns {
                guard progress(Progress(unit: "windows", done: done, total: overflow ? nil : total)) else {
                    throw ScoringError(.cancelled, "stopped before all windows were read", in: path)
                }
                try body(
                    PixelWindow(column: column * side, row: row * side, width: side, height: side).intersection(area))
                done += 1
            }
        }
        _ = progress(Progress(unit: "windows", done: done, total: overflow ? nil : total))
    }
}
