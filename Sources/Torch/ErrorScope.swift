// Operations do not throw; scopes do.
internal import CTorchAPI
internal import Telemetry

/// Runs a body and throws the first tensor operation of this thread that failed in it.
///
/// Outside of any scope a failing operation ends the program, since nearly all such failures are mistakes in
/// it. Inside, the failing operation and all later ones return the undefined tensor and do nothing, until the
/// body ends. For failures that can be the data's or the machine's: at the boundaries of runs, around loading
/// of weights, and where a batch may be too large for the memory (`TorchError.Code.outOfMemory`).
///
/// - Throws: `TorchError`, or what the body throws where no operation failed.
public func catchingTorchErrors<Value>(
    file: StaticString = #fileID, line: UInt = #line, _ body: () throws -> Value
) throws -> Value {
    ct.pointee.scope_enter()
    let outcome: Result<Value, any Error> = Result { try body() }
    var text = ""
    if let explained = ct.pointee.error_text() { text = String(cString: explained) }
    let status = ct.pointee.scope_leave()
    guard status == CT_OK else {
        let parts = text.split(separator: "\u{1F}", maxSplits: 1).map(String.init)
        throw TorchError(
            status == CT_OUT_OF_MEMORY ? .outOfMemory : .operation,
            parts.first ?? "a tensor operation failed",
            in: "\(file):\(line)",
            why: parts.dropFirst().flatMap { $0.split(separator: "\n").map(String.init) },
            try: status == CT_OUT_OF_MEMORY ? "use smaller batches, crops or windows" : nil)
    }
    return try outcome.get()
}

/// Performs an operation that gives one tensor.
///
/// Never inlined: its arguments keep the input tensors alive while libtorch works on their handles.
@inline(never)
func make(
    _ name: StaticString, _ inputs: @autoclosure () -> [Tensor?],
    _ body: (UnsafeMutablePointer<ct_tensor?>) -> Int32
) -> Tensor {
    var out: ct_tensor?
    let status = body(&out)
    if status != CT_OK { failed(name, inputs(), status) }
    return Tensor(owning: out)
}

/// Performs an operation that gives two tensors.
@inline(never)
func makeTwo(
    _ name: StaticString, _ inputs: @autoclosure () -> [Tensor?],
    _ body: (UnsafeMutablePointer<ct_tensor?>, UnsafeMutablePointer<ct_tensor?>) -> Int32
) -> (Tensor, Tensor) {
    var first: ct_tensor?
    var second: ct_tensor?
    let status = body(&first, &second)
    if status != CT_OK { failed(name, inputs(), status) }
    return (Tensor(owning: first), Tensor(owning: second))
}

/// Performs an operation that gives several tensors.
@inline(never)
func makeMany(
    _ name: StaticString, _ count: Int, _ inputs: @autoclosure () -> [Tensor?],
    _ body: (UnsafeMutablePointer<ct_tensor?>?) -> Int32
) -> [Tensor] {
    var outs = [ct_tensor?](repeating: nil, count: count)
    let status = outs.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    if status != CT_OK { failed(name, inputs(), status) }
    return outs.map { Tensor(owning: $0) }
}

/// Performs an operation that gives no tensor.
@inline(never)
func perform(_ name: StaticString, _ inputs: @autoclosure () -> [Tensor?], _ body: () -> Int32) {
    let status = body()
    if status != CT_OK { failed(name, inputs(), status) }
}

/// Hands the handles of several tensors to a body.
func withHandles<Value>(_ tensors: [Tensor], _ body: (UnsafePointer<ct_tensor?>?) -> Value) -> Value {
    let handles = tensors.map(\.handle)
    return withExtendedLifetime(tensors) { handles.withUnsafeBufferPointer { body($0.baseAddress) } }
}

/// Keeps a failure for the scope, or ends the program.
private func failed(_ name: StaticString, _ inputs: [Tensor?], _ status: Int32) {
    guard status != CT_SKIPPED else { return }
    let reason = ct.pointee.error_text().map { String(cString: $0) } ?? ""
    let shapes = inputs.compactMap { $0?.summary }.joined(separator: ", ")
    let what = "\(name) failed" + (shapes.isEmpty ? "" : " on \(shapes)")
    guard ct.pointee.scope_active() != 0 else { fatalError("\(what): \(reason)") }
    ct.pointee.scope_explain("\(what)\u{1F}\(reason)")
}
