// Draws progress on stderr: a bar on a terminal, else a line after two seconds and every ten from then on.
internal import FoundationEssentials
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// Shows progress events to a person.
///
/// Any thread may report.
public final class ProgressMeter: Sendable {
    /// How progress is shown.
    public enum Style: Sendable {
        /// One line that is drawn again and again.
        case bar
        /// A line after two seconds, and every ten from then on.
        case lines
        /// Nothing.
        case silent
    }

    private struct State {
        var started: Double
        var unit = ""
        var shown = -Double.infinity
        var drawn = false
        var lines = 0
    }

    private let label: String
    private let style: Style
    private let state: Mutex<State>
    private let cancelled: @Sendable () -> Bool
    private let clock: @Sendable () -> Double
    private let write: @Sendable (String) -> Void

    /// Makes a meter.
    ///
    /// - Parameters:
    ///   - label: What is being done: `tile`, `canopy`.
    ///   - style: How to show it; `nil` chooses by whether stderr is a terminal.
    ///   - cancelled: Whether the work should stop; asked at every event.
    public convenience init(
        _ label: String, style: Style? = nil, cancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.init(
            label, style: style ?? Self.styleOfStandardError(), cancelled: cancelled,
            clock: {
                var now = timespec()
                clock_gettime(CLOCK_MONOTONIC, &now)
                return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
            },
            write: { text in
                let bytes = [UInt8](text.utf8)
                _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            })
    }

    package init(
        _ label: String, style: Style, cancelled: @escaping @Sendable () -> Bool = { false },
        clock: @escaping @Sendable () -> Double, write: @escaping @Sendable (String) -> Void
    ) {
        self.label = label
        self.style = style
        self.cancelled = cancelled
        self.clock = clock
        self.write = write
        state = Mutex(State(started: clock()))
    }

    private static func styleOfStandardError() -> Style {
        let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        return isatty(STDERR_FILENO) == 1 && !dumb ? .bar : .lines
    }

    /// Takes an event; the answer is `false` once the work should stop.
    public func report(_ progress: Progress) -> Bool {
        guard style != .silent else { return !cancelled() }
        state.withLock { state in
            let now = clock()
            if progress.unit != state.unit {
                // Another kind of work has a rate of its own.
                if !state.unit.isEmpty { state.started = now }
                state.unit = progress.unit
            }
            let finished = progress.total.map { progress.done >= $0 } ?? false
            let interval = style == .bar ? 0.1 : state.lines == 0 ? 2 : 10
            // In lines, the first event only starts the clock: short work says nothing.
            if style == .lines, state.shown == -.infinity { state.shown = state.started }
            guard now - state.shown >= interval || (finished && style == .bar) else { return }
            state.shown = now
            let text = Self.text(label: label, progress, seconds: now - state.started)
            if style == .bar {
                write("\r\u{1B}[2K" + text)
                state.drawn = true
            } else {
                write(text + "\n")
                state.lines += 1
            }
        }
        return !cancelled()
    }

    /// The handler to hand to a module.
    public var handler: ProgressHandler { { self.report($0) } }

    /// Ends a bar, so that the next message stands on its own line.
    public func finish() {
        state.withLock { state in
            if state.drawn { write("\r\u{1B}[2K") }
            state.drawn = false
        }
    }

    /// The text of one event: `tile 120/400 tiles 30 % 41.2/s eta 0:07`.
    package static func text(label: String, _ progress: Progress, seconds: Double) -> String {
        let rate = seconds > 0 ? Double(progress.done) / seconds : 0
        var text = "\(label) \(progress.done)"
        if let total = progress.total {
            text += "/\(total) \(progress.unit)"
            if total > 0 { text += " \(progress.done * 100 / total) %" }
        } else {
            text += " \(progress.unit)"
        }
        if rate > 0 {
            text += " \((rate * 10).rounded() / 10)/s"
            if let total = progress.total, total > progress.done {
                text += " eta \(clockText(Double(total - progress.done) / rate))"
            }
        }
        return text
    }

    /// Seconds as `m:ss`, or `h:mm:ss` from an hour on.
    public static func clockText(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return whole >= 3600
            ? "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))" : "\(whole / 60):\(two(whole % 60))"
    }
}
