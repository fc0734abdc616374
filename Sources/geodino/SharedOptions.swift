// Options that mean the same in every command.
import ArgumentParser
import Foundation
import Telemetry

/// How a result is printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// Threads, seed of the machine's work, progress.
struct RunOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Threads for readers, codecs and tensor operations.", valueName: "n"))
    var threads: Int?

    @Flag(name: [.short, .long], help: "Show no progress.")
    var quiet = false

    /// The number of threads asked for, else the number of cores.
    var threadCount: Int { threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount) }

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads must be 1 to 1024, got \(threads)")
        }
    }

    /// A meter that stops the work on Ctrl-C.
    func meter(_ label: String) -> ProgressMeter {
        Interrupt.catchSignals()
        return ProgressMeter(label, style: quiet ? .silent : nil, cancelled: { Interrupt.requested })
    }
}

/// Where tensors live.
struct DeviceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("cpu, or cuda:N.", valueName: "device"))
    var device: String?
}

/// Prints a value as JSON on stdout.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Rounds for display: four significant digits without an exponent where that is short.
func shown(_ value: Double?, digits: Int = 3) -> String {
    guard let value else { return "-" }
    return String(format: "%.\(digits)f", value)
}
