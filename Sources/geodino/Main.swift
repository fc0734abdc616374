// The command line: one front door, inputs first, `-o` for output; results on stdout, everything else on stderr.
import ArgumentParser
import Foundation
import Telemetry

#if EARTH
    import Raster
#endif

/// `geodino` without a subcommand: shows its help.
struct Geodino: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "geodino",
        abstract: "From satellite scenes to self-supervised backbones to georeferenced maps.",
        discussion: """
            A first map: geodino synth, tile, pretrain, fit canopy, canopy --aoi. 'make demo' runs all of them.
            Exit codes: 0 done, 1 failed, 64 wrong usage, 130 interrupted after a clean save.
            """,
        version: geodinoVersion,
        subcommands: subcommandTypes)

    static var subcommandTypes: [any ParsableCommand.Type] {
        var commands: [any ParsableCommand.Type] = [DoctorCommand.self]
        #if EARTH
            commands += [
                SynthCommand.self, TileCommand.self, CorpusCommand.self, PretrainCommand.self, FitCommand.self,
            ]
            commands += Tasks.all.map { $0.map }
            commands += [
                ScoreCommand.self, WeightsCommand.self, EmbedCommand.self, DemoCommand.self, BenchCommand.self,
            ]
        #else
            commands += [PretrainCommand.self, WeightsCommand.self, EmbedCommand.self, BenchCommand.self]
        #endif
        return commands
    }
}

@main
enum Main {
    static func main() {
        Wording.use(.commandLine)
        Redaction.learn(arguments: Array(CommandLine.arguments.dropFirst()))
        Redaction.learn(environment: ProcessInfo.processInfo.environment)
        do {
            try refuseDashedFiles(CommandLine.arguments.dropFirst())
            var command = try Geodino.parseAsRoot()
            try command.run()
            printWarnings()
        } catch let error as any ExplainedError {
            printWarnings(before: error.report)
            printToStandardError(error.report)
            // Work that was asked to stop ends with an error of its module that says so; any other failed.
            leave(error.isCancellation ? ExitCode.interrupted.rawValue : 1)
        } catch let code as ExitCode {
            printWarnings()
            leave(code.rawValue)
        } catch {
            // Usage errors and help requests; ArgumentParser words them and knows their exit codes.
            let code = Geodino.exitCode(for: error)
            let message = Geodino.fullMessage(for: error)
            if !message.isEmpty { code.isSuccess ? print(message) : printToStandardError(message) }
            leave(code.rawValue)
        }
    }

    /// Refuses names of files that read as options: what a shell makes of `*.tif` may begin with a dash.
    private static func refuseDashedFiles(_ arguments: some Sequence<String>) throws {
        for argument in arguments.prefix(while: { $0 != "--" }) {
            guard argument.count > 2, argument.hasPrefix("-"), !argument.hasPrefix("--"),
                FileManager.default.fileExists(atPath: argument)
            else { continue }
            throw CommandError(
                .badArgument, "the name of the file reads as options", in: argument,
                try: "give it with its folder: \(shellQuoted("./\(argument)"))")
        }
    }

    /// Ends the program; at once where a call of GDAL was left behind, whose thread must not meet GDAL's destructors.
    private static func leave(_ code: Int32) -> Never {
        #if EARTH
            if GDAL.hasAbandonedCalls {
                fflush(nil)
                _exit(code)
            }
        #endif
        exit(code)
    }

    /// Prints what GDAL warned of, except what an error that follows says.
    private static func printWarnings(before report: String = "") {
        #if EARTH
            GDALWarnings.flush(before: report)
        #endif
    }
}
