// What covers the ground, place by place: the lowest layer of a block.
import Geo

/// Kinds of ground, before buildings and trees.
enum Ground: UInt8 {
    case meadow, crop, bare, shore, water, road, street, garden, forestFloor

    /// Its LoveDA class.
    var cover: LandCover {
        switch self {
        case .meadow, .garden: .background
        case .crop: .agriculture
        case .bare, .shore: .barren
        case .water: .water
        case .road, .street: .road
        case .forestFloor: .forest
        }
    }
}

/// Land cover by the class numbers of LoveDA; 0 is nodata.
public enum LandCover: UInt8, Sendable, CaseIterable {
    /// Meadows and gardens: none of the others.
    case background = 1
    /// Buildings.
    case building = 2
    /// Roads and streets.
    case road = 3
    /// Lakes.
    case water = 4
    /// Bare ground and shores.
    case barren = 5
    /// Trees and the floor of forests.
    case forest = 6
    /// Fields.
    case agriculture = 7

    /// The colour of the class in the maps: red, green, blue.
    public var colour: (red: UInt8, green: UInt8, blue: UInt8) {
        switch self {
        case .background: (230, 230, 215)
        case .building: (214, 69, 65)
        case .road: (90, 90, 96)
        case .water: (56, 116, 203)
        case .barren: (194, 160, 112)
        case .forest: (38, 115, 50)
        case .agriculture: (246, 212, 89)
        }
    }
}

/// One parcel of farmland at a place.
struct Parcel {
    /// Everything drawn for the parcel comes from this.
    let hash: UInt64
    /// Metres across the rows, from the strip's edge.
    let across: Float
    /// Metres along the rows.
    let along: Float
    /// Metres to the nearer long edge.
    let edge: Float
}

extension Landscape {
    /// Strips of farmland, cut into parcels: the one that holds a place.
    ///
    /// - Parameters:
    ///   - x: Column in pixels of the scene.
    ///   - y: Row in pixels of the scene.
    @inline(__always)
    func parcel(_ x: Float, _ y: Float) -> Parcel {
        let strip: Float = 75
        let length: Float = 170
        let u = (x * fieldAxis.x + y * fieldAxis.y) * gsd
        let v = (y * fieldAxis.x - x * fieldAxis.y) * gsd
        func boundary(_ k: Int) -> Float {
            (Float(k) + 0.6 * unit(latticeHash(seed, k, 0x57A1))) * strip
        }
        var k = Int((u / strip).rounded(.down))
        if u < boundary(k) { k -= 1 }
        let low = boundary(k)
        let high = boundary(k + 1)
        var j = Int((v / length).rounded(.down))
        if v < (Float(j) + 0.6 * unit(latticeHash(seed &+ 17, k, j))) * length { j -= 1 }
        return Parcel(
            hash: latticeHash(seed &+ 29, k, j), across: u - low, along: v, edge: min(u - low, high - u))
    }

    /// Whether a place is on a street of the settlement's lattice.
    @inline(__always)
    func isStreet(_ x: Float, _ y: Float) -> Bool {
        let u = (x * streetAxis.x + y * streetAxis.y) * gsd
        let v = (y * streetAxis.x - x * streetAxis.y) * gsd
        let du = abs(u - (u / Self.streetSpacing.x).rounded() * Self.streetSpacing.x)
        let dv = abs(v - (v / Self.streetSpacing.y).rounded() * Self.streetSpacing.y)
        return min(du, dv) < 2.6
    }

    /// Metres between streets, both ways.
    static let streetSpacing = SIMD2<Float>(70, 112)
}
