// Calls that reach libhdf5: one at a time in the whole process, and without its own messages on the terminal.
internal import CGDAL
import Foundation

/// Turns for calls of GDAL's HDF5 driver.
///
/// libhdf5 takes calls of several threads only where it was built so, which Debian's is and others' are not, and GDAL has a lock of its
/// own for the others only since 3.6.3 (https://github.com/OSGeo/gdal/pull/7357). Those that are built so work on one call after
/// another as well, so that waiting costs nothing.
enum HDF5Calls {
    private static let lock = NSLock()

    /// Waits for a turn, which ends with `end()`.
    ///
    /// Turns do not nest.
    static func begin() {
        lock.lock()
        cgdal_silence_hdf5()
    }

    /// Ends a turn.
    static func end() { lock.unlock() }
}
