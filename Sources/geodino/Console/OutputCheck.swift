// What an output must not be: a file that is read, a file in the way, a file in no folder. Asked before the work begins.
import Foundation
import Telemetry

#if canImport(Glibc)
    import Glibc
#endif

/// Refuses outputs that could not be written, or would destroy something.
///
/// - Parameters:
///   - outputs: The files to be written.
///   - inputs: Files and folders that are read; whatever was said about overwriting, they stay.
///   - overwrite: Whether other files of these names are replaced.
/// - Throws: `CommandError`.
func checkOutputs(_ outputs: [String], inputs: [String], overwrite: Bool) throws {
    for output in outputs {
        try checkOutputName(output)
        if let input = inputFile(at: output, among: inputs) {
            throw CommandError(
                .badArgument, "the output would overwrite an input", in: output, why: ["'\(input)' is an input"],
                try: "give another name after -o")
        }
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: output, isDirectory: &isFolder)
        // A folder is not replaced by a file, whatever was said about overwriting.
        if exists, isFolder.boolValue {
            throw CommandError(
                .badArgument, "the output is a folder", in: output, try: "-o \(shellQuoted("\(output)/NAME"))")
        }
        if !overwrite, exists {
            throw CommandError(
                .badArgument, "the output exists already", in: output, try: "--overwrite to replace it, or another -o")
        }
        try checkParent(of: output)
    }
}

/// Refuses an output in a folder that is not there or cannot be written into.
///
/// - Throws: `CommandError`.
func checkParent(of output: String) throws {
    let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
    // With the slash at the end a file is none.
    guard access("\(folder)/", W_OK) == 0 else {
        throw CommandError(
            .badArgument, "cannot write into the folder '\(folder)'", in: output,
            why: [String(cString: strerror(errno))],
            try: folderRemedy(folder))
    }
}

/// Refuses names that a file system does not take; of a file, or of a folder that is made.
///
/// - Throws: `CommandError`.
func checkOutputName(_ path: String) throws {
    if let problem = outputNameProblem(path) {
        throw CommandError(.badArgument, problem.what, in: path, try: problem.remedy)
    }
}
