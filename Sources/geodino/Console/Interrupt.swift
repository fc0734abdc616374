// Ctrl-C: the first one asks for a clean stop, the second one ends the program at once.
import Foundation
import Synchronization

#if EARTH
    import Raster
#endif

/// Whether the user asked to stop.
enum Interrupt {
    private static let asked = Atomic<Bool>(false)

    /// True after the first Ctrl-C or `kill`.
    static var requested: Bool { asked.load(ordering: .relaxed) }

    /// Ends the program at the first SIGINT or SIGTERM, for as long as nothing has been written that would have to be tidied up:
    /// while inputs are looked at, and servers may not answer.
    static func endAtSignals() { handle { _ in _exit(130) } }

    /// Catches SIGINT and SIGTERM from here on.
    static func catchSignals() {
        _ = requested  // The handler must find the flag made.
        // The default action is back for the next signal (SA_RESETHAND).
        handle { _ in Interrupt.asked.store(true, ordering: .relaxed) }
        #if EARTH
            GDAL.stopWaiting { _ in requested }
        #endif
    }

    private static func handle(_ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        // Some programs start others with these signals blocked: the threads of libdispatch and all that they start are so.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(Int32(SIG_UNBLOCK), &signals, nil)
    }
}
