// Any operator of libtorch by its name.
internal import CTorchAPI

/// One argument of an operator.
package enum BoxedValue {
    /// No value, where the operator allows it.
    case none
    /// The value that the operator takes by itself.
    case byDefault
    /// A tensor.
    case tensor(Tensor)
    /// A whole number, also for numbers and types.
    case int(Int)
    /// A number.
    case double(Double)
    /// True or false.
    case bool(Bool)
    /// A text, also for devices.
    case string(String)
    /// Whole numbers.
    case ints([Int])
    /// Numbers.
    case doubles([Double])
    /// Tensors.
    case tensors([Tensor])
    /// A generator.
    case generator(Generator)
}

/// Calls an operator such as `aten::add` with overload `Tensor` through libtorch's dispatcher.
///
/// Slower than the functions of this module; the measure of them in the tests. Arguments left out at the end take
/// their defaults. Results in a row, lists laid out; numbers as tensors without dimensions.
package func callOperator(_ name: String, _ overload: String = "", _ arguments: [BoxedValue]) -> [Tensor] {
    // What C sees by pointer lives in this storage until the call returns.
    var keep = BoxedStorage()
    defer { keep.free() }
    let values = arguments.map { keep.value(of: $0) }
    let capacity = 32
    var written = 0
    let tensors = makeMany("callOperator", capacity, []) { outs in
        ct.pointee.call(name, overload, values, values.count, outs, capacity, &written)
    }
    return withExtendedLifetime(arguments) { Array(tensors.prefix(written)) }
}

/// Memory for the lists and texts of one call.
private struct BoxedStorage {
    private var blocks: [UnsafeMutableRawPointer] = []

    mutating func value(of argument: BoxedValue) -> ct_value {
        var value = ct_value()
        switch argument {
        case .none: value.kind = Int32(CT_VALUE_NONE)
        case .byDefault: value.kind = Int32(CT_VALUE_DEFAULT)
        case .tensor(let tensor):
            value.kind = Int32(CT_VALUE_TENSOR)
            value.as.tensor = tensor.handle
        case .int(let number):
            value.kind = Int32(CT_VALUE_INT)
            value.as.integer = number
        case .double(let number):
            value.kind = Int32(CT_VALUE_DOUBLE)
            value.as.number = number
        case .bool(let flag):
            value.kind = Int32(CT_VALUE_BOOL)
            value.as.integer = flag ? 1 : 0
        case .string(let text):
            value.kind = Int32(CT_VALUE_STRING)
            value.as.string = UnsafePointer(copy(text.utf8.map { CChar(bitPattern: $0) } + [0]))
        case .ints(let numbers):
            value.kind = Int32(CT_VALUE_INTS)
            value.count = numbers.count
            value.as.integers = UnsafePointer(copy(numbers))
        case .doubles(let numbers):
            value.kind = Int32(CT_VALUE_DOUBLES)
            value.count = numbers.count
            value.as.numbers = UnsafePointer(copy(numbers))
        case .tensors(let tensors):
            value.kind = Int32(CT_VALUE_TENSORS)
            value.count = tensors.count
            value.as.tensors = UnsafePointer(copy(tensors.map(\.handle)))
        case .generator(let generator):
            value.kind = Int32(CT_VALUE_GENERATOR)
            value.as.generator = generator.handle
        }
        return value
    }

    mutating func free() {
        for block in blocks { block.deallocate() }
        blocks = []
    }

    private mutating func copy<Value>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
        let block = UnsafeMutablePointer<Value>.allocate(capacity: max(values.count, 1))
        block.initialize(from: values, count: values.count)
        blocks.append(UnsafeMutableRawPointer(block))
        return block
    }
}
