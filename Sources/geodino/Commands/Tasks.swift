// The tasks that the command line offers: one line each.
#if EARTH
    import ArgumentParser

    /// A task's two commands.
    struct TaskCommands {
        /// `geodino fit TASK`.
        let fit: any ParsableCommand.Type
        /// The command that makes its map.
        let map: any ParsableCommand.Type
    }

    /// All tasks.
    enum Tasks {
        static var all: [TaskCommands] {
            [
                TaskCommands(fit: FitTaskCommand<CanopyEntry>.self, map: CanopyCommand.self),
                TaskCommands(fit: FitTaskCommand<LandCoverEntry>.self, map: LandCoverCommand.self),
            ]
        }
    }
#endif
