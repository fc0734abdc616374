// The error that says what a file is instead of weights.
internal import Files

extension FileNature {
    /// The error that says so.
    func error(in path: String) -> TorchError {
        TorchError(.badFile, "the file is \(what), not weights", in: path, why: details, try: remedy)
    }
}
