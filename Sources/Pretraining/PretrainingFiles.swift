// Files of this module, with its errors.
package import Files

/// Operations on files.
package typealias Disk = Files.Disk<PretrainingFailure>
/// A file as memory.
package typealias MappedFile = Files.MappedFile<PretrainingFailure>
