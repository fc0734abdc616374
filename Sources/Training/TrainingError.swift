// The error of this module.
public import Files
public import Telemetry

/// A run that could not be started, continued or kept.
public typealias TrainingError = ModuleError<TrainingFailure>

/// Kinds of failure.
public enum TrainingFailure: String, FileFailure {
    /// A run folder that cannot be used as asked.
    case badRun
    /// What is learned from is not what the run was started with.
    case inputsChanged
    /// The recipe is not the one the run was started with.
    case recipeChanged
    /// A checkpoint that is damaged or does not fit.
    case badCheckpoint
    /// A checkpoint of a later version of the program.
    case newerFormat
    /// Samples that cannot be drawn from.
    case badSource
    /// A sample that could not be read while training.
    case sampleFailed
    /// The machine does not give the memory, or the threads, that loading needs.
    case noMemory
    /// A file that could not be read.
    case readFailed
    /// A file that could not be written.
    case writeFailed
    /// Not enough free space.
    case diskFull
    /// Something is in the way that may not be overwritten.
    case exists
    /// Another process writes the same run.
    case locked
    /// The loss is not a finite number.
    case notFinite
    /// The user asked to stop.
    case cancelled
}
