// A mapped file of weights.
internal import Files
internal import Telemetry

/// A file of weights as memory; a tensor over it may be changed, and the file stays as it is.
typealias WeightsMap = MappedFile<TorchFailure>

extension MappedFile<TorchFailure> {
    /// Maps a plain file that is not empty.
    convenience init(weights path: String) throws(TorchError) {
        try self.init(path: path, isWritable: true)
        guard !bytes.isEmpty else {
            throw TorchError(.badFile, "the file is empty", in: path, try: "download or write it again")
        }
    }

    /// Checks that the file is not obviously something else than weights.
    ///
    /// - Throws: `TorchError` (`badFile`) that says what it is.
    func checkNature() throws(TorchError) {
        if let nature = FileNature(bytes, path: path) { throw nature.error(in: path) }
    }

    /// A tensor with memory of its own, read from a range of the file; no page of the map is touched.
    func tensor(_ range: Range<Int>, shape: [Int], dtype: DType) throws(TorchError) -> Tensor {
        let tensor = Tensor.empty(shape, dtype: dtype)
        guard tensor.isDefined else { return tensor }
        let failure = tensor.withMutableBytes { target in
            attempt { () throws(TorchError) in try read(range, into: target) }
        }
        if let failure { throw failure }
        return tensor
    }
}

/// The error of a body, for carrying it through functions that do not pass on typed errors.
func attempt(_ body: () throws(TorchError) -> Void) -> TorchError? {
    do throws(TorchError) {
        try body()
        return nil
    } catch {
        return error
    }
}
