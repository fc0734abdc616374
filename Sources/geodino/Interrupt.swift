// Ctrl-C: the first one asks for a clean stop, the second one ends the program at once.
import Foundation
import Synchronization

/// Whether the user asked to stop.
enum Interrupt {
    private static let asked = Atomic<Bool>(false)

    /// True after the first Ctrl-C or `kill`.
    static var requested: Bool { asked.load(ordering: .relaxed) }

    /// Catches SIGINT and SIGTERM from here on.
    static func catchSignals() {
        _ = requested  // The handler must find the flag made.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            // The default action is back for the next signal (SA_RESETHAND).
            Interrupt.asked.store(true, ordering: .relaxed)
        }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
    }
}
