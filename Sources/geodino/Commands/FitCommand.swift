// geodino fit: the tasks that a head can be trained for.
#if EARTH
    import ArgumentParser

    struct FitCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fit", abstract: "Train a head on a frozen backbone.", subcommands: Tasks.all.map { $0.fit })
    }
#endif
