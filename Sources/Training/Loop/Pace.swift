// The time of steps.

#if canImport(Glibc)
    internal import Glibc
#endif

/// Seconds of a clock that only goes forward.
package func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

/// How long a step took, and what is left.
package struct StepTime: Sendable {
    /// Steps done.
    package let step: Int
    /// Steps of the whole run.
    package let total: Int
    /// Length of the step in seconds.
    package let seconds: Double
    /// Samples per second, averaged over the last steps.
    package let samplesPerSecond: Double
    /// Estimated rest of the run in seconds.
    package let secondsLeft: Double
}

/// The time of steps, for the line that people read.
struct Pace {
    let total: Int
    private var start = now()
    /// Seconds per step, the recent ones counting more; 0 before the first.
    private var average = 0.0

    init(total: Int) { self.total = total }

    mutating func begin() { start = now() }

    mutating func tick(step: Int, samples: Int) -> StepTime {
        let seconds = now() - start
        average = average == 0 ? seconds : 0.9 * average + 0.1 * seconds
        return StepTime(
            step: step, total: total, seconds: seconds, samplesPerSecond: Double(samples) / average,
            secondsLeft: Double(total - step) * average)
    }
}
