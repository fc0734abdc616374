// What all files of weights have in common: named arrays that are read when they are asked for.
public import Files
public import Telemetry

/// Named arrays of a file, or of several files that belong together.
///
/// Opening reads names, types, shapes and places alone; elements are read when a tensor is asked for. Sources are
/// constants: threads may read from one at once. The files must not be cut while they are open.
public protocol TensorSource: AnyObject, Sendable {
    /// The file, or the index of several files.
    var path: String { get }
    /// All files that the arrays come from.
    var files: [String] { get }
    /// Texts that travel with the arrays.
    var metadata: [String: String] { get }
    /// The arrays, in the order of their data.
    var entries: [TensorEntry] { get }
    /// The array of a name; `nil` where there is none.
    func entry(_ name: String) -> TensorEntry?
    /// A tensor with an array's values.
    ///
    /// - Parameter copy: Whether the tensor has memory of its own, read past the map. Without, it is in the file's map where its layout
    ///   allows, keeps the file open and sees the file's pages; writing to it changes neither the file nor what others
    ///   see.
    func tensor(_ name: String, copy: Bool) throws(TorchError) -> Tensor
    /// Asks the system to read an array ahead.
    func willNeed(_ name: String)
}

extension TensorSource {
    /// The one file.
    public var files: [String] { [path] }

    /// The names of the arrays, in the order of their data.
    public var names: [String] { entries.map(\.name) }

    /// Bytes of all arrays together.
    public var byteCount: Int { entries.reduce(0) { $0 + ($1.byteCount ?? 0) } }
}
