// The error that says what a file is instead of weights.
internal import Files
internal import Telemetry

extension FileNature {
    /// The error that says so.
    func error(in path: String) -> TorchError {
        TorchError(.badFile, sentence(insteadOf: "weights"), in: path, why: details, try: remedy)
    }
}
