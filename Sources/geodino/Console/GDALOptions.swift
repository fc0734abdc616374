// What commands that read rasters have in common: GDAL's options, and what it warned of.
#if EARTH
    import ArgumentParser
    import Raster
    import Synchronization
    import Telemetry

    /// Options passed to GDAL by the commands that read scenes.
    struct GDALOptions: ParsableArguments {
        @Option(
            name: .customLong("config"), help: ArgumentHelp("Set a GDAL configuration option.", valueName: "KEY=VALUE"))
        var configuration: [String] = []

        @Option(
            help: ArgumentHelp(
                "Megabytes of GDAL's block cache. (default: GDAL_CACHEMAX, or 64; up to 256 for rasters in wide strips)",
                valueName: "MB"))
        var memory: Int?

        func validate() throws {
            for pair in configuration where !pair.contains("=") || pair.hasPrefix("=") {
                // What stands in the wrong place may be a secret.
                throw ValidationError(
                    "--config takes KEY=VALUE; one of the values given has no '=' or begins with it")
            }
            if let memory, !(16...1_000_000).contains(memory) {
                throw ValidationError("--memory must be 16 to 1000000, got \(memory)")
            }
        }

        /// Hands the options to GDAL, whose warnings are kept from then on; a signal ends the program until its work begins.
        func apply() throws {
            Interrupt.endAtSignals()
            GDAL.reportWarnings(to: GDALWarnings.keep)
            var options: [String: String] = [:]
            for pair in configuration {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                options[String(parts[0])] = String(parts[1])
            }
            try GDAL.configure(options, cacheMegabytes: memory)
        }
    }

    /// GDAL's warnings, each once; they are printed when the work is over, below its progress.
    enum GDALWarnings {
        private static let kept = Mutex<[String]>([])
        /// A broken collection can warn of each of its files.
        private static let most = 20

        /// Keeps a warning.
        @Sendable static func keep(_ text: String) {
            let text = Redaction.text(text)
            kept.withLock { if $0.count <= most, !$0.contains(where: { $0.hasSuffix(text) }) { $0.append(text) } }
        }

        /// Prints what was kept, except what an error that follows says.
        static func flush(before report: String = "") {
            let warnings = kept.withLock { kept in
                defer { kept = [] }
                return kept
            }
            for warning in warnings.prefix(most) where !report.contains(warning) {
                printToStandardError("warning: GDAL: \(warning)")
            }
            if warnings.count > most { printToStandardError("warning: GDAL: more warnings are not shown") }
        }
    }
#endif
