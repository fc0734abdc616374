// What the numbers of a raster stand for: classes of a legend, nothing, or what no legend says.
import Geo

/// The meaning of each number of a raster.
///
/// A code of 0 or more is the index of a class in the legend.
struct ClassCodes {
    /// Nothing: such a pixel does not count.
    static let absent: Int16 = -1
    /// The class was too unsure to be told.
    static let unsure: Int16 = -2
    /// The legend does not say.
    static let unknown: Int16 = -3

    private var near = [Int16](repeating: ClassCodes.unknown, count: 256)
    private var far: [Int32: Int16] = [:]

    /// The codes of labels: the values that stand for the legend's classes.
    init(labelsOf legend: Legend) {
        for (value, meaning) in legend.meanings {
            switch meaning {
            case .index(let index): set(value, Int16(index))
            case .ignored: set(value, Self.absent)
            case .unknown: break
            }
        }
    }

    /// The codes of a map: the classes' own numbers, and those of pixels without a class.
    ///
    /// A number that the legend ignores in labels stands for nothing in a map too, unless it is a class's.
    init(mapsOf legend: Legend) {
        for value in legend.ignored { set(value, Self.absent) }
        set(.number(Int(Legend.unsureID)), Self.unsure)
        set(.number(Int(Legend.nodataID)), Self.absent)
        for (index, entry) in legend.classes.enumerated() { set(.number(Int(entry.id)), Int16(index)) }
    }

    private mutating func set(_ value: LabelValue, _ code: Int16) {
        // Text stands in vector layers only.
        guard case .number(let number) = value, let key = Int32(exactly: number) else { return }
        if near.indices.contains(number) { near[number] = code } else { far[key] = code }
    }

    /// The code of a number.
    func code(of value: Int32) -> Int16 {
        value >= 0 && value < 256 ? near[Int(value)] : far[value] ?? Self.unknown
    }
}
