// The error of this module.
public import Files
public import Telemetry

/// A recipe, a pack, a run or a step of training that could not be used or done.
public typealias PretrainingError = ModuleError<PretrainingFailure>

/// Kinds of failure.
public enum PretrainingFailure: String, FileFailure {
    /// A recipe that contradicts itself or asks for what is not there.
    case badRecipe
    /// Tiles that do not fit the recipe, or a source without usable tiles.
    case badSource
    /// A pack that is not one, is damaged, or claims sizes it does not have.
    case badPack
    /// A run folder that cannot be used as asked.
    case badRun
    /// A checkpoint that is damaged or does not fit.
    case badCheckpoint
    /// A checkpoint whose run would continue with rules other than those it was started with.
    case rulesChanged
    /// A file of one step that cannot be used as asked.
    case badStepFile
    /// A file of one step that could not be written.
    case stepFileFailed
    /// A file that could not be read.
    case readFailed
    /// A file that could not be written.
    case writeFailed
    /// Not enough free space.
    case diskFull
    /// Something is in the way that may not be overwritten.
    case exists
    /// The machine does not give the memory that crops need.
    case noMemory
}
