// Validity in the making: which pixels of a window count.
import Geo

/// Where the part of a window that is inside the file goes in the window's array.
struct Placement {
    let window: PixelWindow
    let inside: PixelWindow

    /// Index of the first pixel inside.
    var offset: Int { (inside.row - window.row) * window.width + inside.column - window.column }

    /// Calls with the index of every pixel inside.
    @inline(__always)
    func forEach(_ body: (Int) -> Void) {
        for row in 0..<inside.height {
            let start = offset + row * window.width
            for i in start..<start + inside.width { body(i) }
        }
    }
}

/// One flag per pixel of a window; outside the file none counts.
struct Validity {
    private let place: Placement
    private(set) var flags: [Bool]
    /// Pixels with a value in at least one band; made on first use.
    private var kept: [Bool] = []
    private var keepsAll = false

    init(place: Placement, count: Int) {
        self.place = place
        var flags = [Bool](repeating: false, count: count)
        place.forEach { flags[$0] = true }
        self.flags = flags
    }

    /// Takes pixels out.
    @inline(__always)
    mutating func remove(where isAbsent: (Int) -> Bool) {
        place.forEach { if isAbsent($0) { flags[$0] = false } }
    }

    /// Notes the pixels that have a value in a band.
    @inline(__always)
    mutating func keep(where isPresent: (Int) -> Bool) {
        if keepsAll { return }
        if kept.isEmpty { kept = [Bool](repeating: false, count: flags.count) }
        place.forEach { if isPresent($0) { kept[$0] = true } }
    }

    /// Notes that a band has a value everywhere.
    mutating func keepAll() { keepsAll = true }

    /// Takes out the pixels that no band has kept.
    mutating func removeUnkept() {
        if !keepsAll { place.forEach { if !kept[$0] { flags[$0] = false } } }
    }
}
