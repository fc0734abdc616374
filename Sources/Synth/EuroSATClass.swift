// The ten classes of EuroSAT.

/// A class of EuroSAT; its number is part of what its images are drawn from, and never changes.
enum EuroSATClass: Int, CaseIterable, Sendable {
    case annualCrop, forest, herbaceousVegetation, highway, industrial, pasture, permanentCrop, residential, river,
        seaLake

    /// Its name in EuroSAT's folders.
    var name: String {
        switch self {
        case .annualCrop: "AnnualCrop"
        case .forest: "Forest"
        case .herbaceousVegetation: "HerbaceousVegetation"
        case .highway: "Highway"
        case .industrial: "Industrial"
        case .pasture: "Pasture"
        case .permanentCrop: "PermanentCrop"
        case .residential: "Residential"
        case .river: "River"
        case .seaLake: "SeaLake"
        }
    }
}
