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

/// What a `PickleValue.node` names.
package enum PickleNode<Vocabulary: PickleVocabulary> {
    case list([PickleValue<Vocabulary.Name>])
    case tuple([PickleValue<Vocabulary.Name>])
    case dictionary([(key: PickleValue<Vocabulary.Name>, value: PickleValue<Vocabulary.Name>)])
    case object(Vocabulary.Object)
}

/// The list of what a kind of pickle may name, and what becomes of it; nothing else is looked up, and none of it is Python.
package protocol PickleVocabulary {
    /// A global that may be named.
    associatedtype Name: Hashable
    /// What is rebuilt besides plain data.
    associatedtype Object
    typealias Value = PickleValue<Name>

    /// What such a pickle is for, in words, such as `rebuilding tensors`.
    static var purpose: String { get }
    /// The most bytes that an honest pickle of this kind has.
    static var limit: Int { get }
    /// The global of a module and a name; `nil` for all that are not on the list.
    static func name(module: String, _ name: String) -> Name?
    /// What a function of the list makes of its arguments.
    static func call(
        _ function: Name, _ arguments: [Value], in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> PickleAnswer<Self>
    /// Resolves a persistent ID, which refers to data outside the pickle.
    static func object(named name: Value, in machine: PickleMachine<Self>) throws(FileComplaint) -> PickleAnswer<Self>
    /// An object with the state that is laid onto it; `nil` where that is not allowed.
    static func built(
        _ object: Object, from state: Value, in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> Object?
}

extension PickleVocabulary {
    /// Objects are whole when they are made.
    package static func built(
        _ object: Object, from state: Value, in machine: PickleMachine<Self>
    ) throws(FileComplaint) -> Object? { nil }
}

/// What a vocabulary answers.
package enum PickleAnswer<Vocabulary: PickleVocabulary> {
    /// A plain value.
    case value(PickleValue<Vocabulary.Name>)
    /// A container or an object.
    case node(PickleNode<Vocabulary>)
    /// The arguments do not fit what was to be rebuilt: `a tensor`.
    case misfit(String)
    /// It is not allowed; what it does, as a part of a sentence.
    case refused(String)
}
