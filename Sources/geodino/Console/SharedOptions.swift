// Options that mean the same in every command.
import ArgumentParser
import Foundation
import Telemetry

#if EARTH
    import Raster
    import Scenes
#endif

/// How a result is printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// Whether progress is shown.
struct ProgressOptions: ParsableArguments {
    @Flag(name: [.customShort("q"), .long], help: "Show no progress.")
    var quiet = false

    /// A meter that stops the work on Ctrl-C.
    func meter(_ label: String) -> ProgressMeter {
        Interrupt.catchSignals()
        return ProgressMeter(label, style: quiet ? .silent : nil, cancelled: { Interrupt.requested })
    }
}

/// Which bands are read.
struct BandOptions: ParsableArguments {
    @Option(
        name: .customLong("bands"),
        help: ArgumentHelp(
            "Bands to read, counted from 1, such as 4,3,2. For one scene of several: SCENE=4,3,2, repeated as needed.",
            valueName: "numbers"))
    var words: [String] = []

    /// What was typed, without the secrets of addresses; `nil` where nothing was.
    var text: String? {
        guard !words.isEmpty else { return nil }
        return words.map { word in
            guard let cut = word.lastIndex(of: "=") else { return word }
            return Redaction.address(String(word[..<cut])) + word[cut...]
        }.joined(separator: " ")
    }

    func validate() throws {
        for word in words {
            let list = word.lastIndex(of: "=").map { word[word.index(after: $0)...] } ?? word[...]
            let numbers = list.split(separator: ",", omittingEmptySubsequences: false).map {
                Int($0.filter { $0 != " " })
            }
            guard numbers.allSatisfy({ ($0 ?? 0) >= 1 }) else {
                throw ValidationError(
                    "--bands takes numbers, counted from 1, such as 4,3,2, or SCENE=4,3,2; got '\(word)'")
            }
        }
    }

    #if EARTH
        /// The bands asked for, of some scenes.
        func request(_ scenes: [String]) throws -> BandRequest { try BandRequest(words, scenes: scenes) }
    #endif
}

/// Threads outside of the tensor library.
struct ThreadOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Threads that read, decode and write. Results do not depend on it.", valueName: "n"))
    var threads: Int?

    /// The number of threads asked for, else the number of cores.
    var count: Int { threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount) }

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads must be 1 to 1024, got \(threads)")
        }
    }
}

/// Where tensors live, and who computes them.
struct DeviceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("cpu, or cuda:N.", valueName: "device"))
    var device: String?

    @Option(
        help: ArgumentHelp(
            "Threads of tensor operations. Results are bit-identical only for the same value.", valueName: "n"))
    var tensorThreads: Int?

    func validate() throws {
        if let tensorThreads, !(1...1024).contains(tensorThreads) {
            throw ValidationError("--tensor-threads must be 1 to 1024, got \(tensorThreads)")
        }
    }
}

/// How much of a run is done now, whatever it trains.
struct RunOptions: ParsableArguments {
    @Option(help: "Number of steps. (default: the recipe's)")
    var steps: Int?

    @Option(help: "Save and stop once this many steps are done.")
    var stopAfter: Int?

    @Flag(help: "Resume what is unfinished, or start it if there is nothing to resume.")
    var resume = false

    func validate() throws {
        // A run that stops after no step writes the weights of its start.
        for (name, value, least) in [("--steps", steps, 1), ("--stop-after", stopAfter, 0)] {
            if let value, !(least...1_000_000_000).contains(value) {
                throw ValidationError("\(name) must be \(least) to 1000000000, got \(value)")
            }
        }
    }
}

/// How a result is printed.
struct ResultOptions: ParsableArguments {
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    /// Prints a result on stdout.
    ///
    /// - Parameter text: The result for people.
    func show(_ result: some Encodable, text: @autoclosure () -> String) throws {
        if format == .json { try printJSON(result) } else { print(text()) }
    }
}
