// What the restricted unpickler knows: plain values, containers, and the objects of a vocabulary.

/// A value of a pickle.
///
/// Containers live in the machine's arena and are named by their index, so that no nesting is
/// too deep and no cycle keeps memory.
package enum PickleValue<Name: Hashable> {
    case none
    case bool(Bool)
    case int(Int)
    /// A whole number of more than 64 bits.
    case large
    case float(Double)
    case text(String)
    /// A text of bytes, by its place in the pickle.
    case bytes(Range<Int>)
    /// A global of the allowed list.
    case global(Name)
    /// A container or an object.
    case node(Int)
}
