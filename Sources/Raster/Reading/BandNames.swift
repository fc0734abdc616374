// What a band's description says that it shows.

/// Descriptions of bands, as programs and providers write them.
enum BandNames {
    /// The common name that a band's description, metadata or colour stands for; `nil` where none says anything.
    ///
    /// A description is a person's or provider's word and goes before the colour, which a writer may have left at its default.
    static func commonName(description: String, metadata: [String: String], colour: String) -> String? {
        if let name = commonName(of: description) { return name }
        for key in ["common_name", "COMMON_NAME", "eo:common_name", "COLOR_NAME"] {
            if let value = metadata[key], let name = commonName(of: value) { return name }
        }
        return ["red", "green", "blue"].contains(colour) ? colour : nil
    }

    /// Whether a band's name tells it from others; a number alone, or `Band 2`, does not.
    static func isName(_ name: String, number: Int) -> Bool {
        var rest = name.lowercased()[...]
        for prefix in ["band", "layer", "channel"] where rest.hasPrefix(prefix) { rest = rest.dropFirst(prefix.count) }
        rest = rest.drop { " _-#".contains($0) }
        if rest.isEmpty || rest.allSatisfy(\.isNumber) { return false }
        // GDAL's word for a band of which it knows no more, and what it calls the first of several unnamed ones.
        return !["gray", "grey", "undefined", "palette", "alpha"].contains(rest)
    }

    /// `red` for `Red`, `B04`, `Red (665 nm)`; `nil` for what names no colour, or several.
    static func commonName(of text: String) -> String? {
        let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
        if words.count == 1, let name = sentinel2[words[0]] ?? known[words[0]] { return name }
        let joined = words.joined(separator: " ")
        for (phrase, name) in phrases where joined.contains(phrase) {
            let others = joined.replacing(phrase, with: " ").split(separator: " ").map(String.init)
            return others.allSatisfy(isCompanion) ? name : nil
        }
        let rest = words.filter { !isCompanion($0) }
        return rest.count == 1 ? known[rest[0]] ?? sentinel2[rest[0]] : nil
    }

    /// Words that may stand next to the name of a colour and change nothing in it; `mask` or `anomaly` would.
    private static func isCompanion(_ word: String) -> Bool {
        var letters = word[...]
        if letters.first == "b" { letters = letters.dropFirst() }
        if letters.allSatisfy(\.isNumber) || word.hasSuffix("nm") && word.dropLast(2).allSatisfy(\.isNumber) {
            return true
        }
        return companions.contains(word)
    }

    private static let companions: Set = [
        "band", "channel", "layer", "nm", "um", "surface", "reflectance", "radiance", "sr", "toa", "boa", "median",
        "mean",
        "visible", "vis",
    ]

    /// Sentinel-2's names, with their zero; Harmonized Landsat and Sentinel agrees in these.
    ///
    /// `B2`, without it, is blue on Landsat 8 and green on Landsat 7, so it names no colour.
    private static let sentinel2 = ["b02": "blue", "b03": "green", "b04": "red", "b08": "nir", "b8a": "nir08"]

    private static let phrases = [
        ("red edge", "rededge"), ("near infrared", "nir"), ("near infra red", "nir"), ("short wave infrared", "swir"),
        ("shortwave infrared", "swir"),
    ]

    private static let known = [
        "red": "red", "green": "green", "blue": "blue", "nir": "nir", "nir08": "nir08", "nir09": "nir09",
        "rededge": "rededge", "rededge071": "rededge071", "rededge075": "rededge075", "rededge078": "rededge078",
        "coastal": "coastal", "yellow": "yellow", "pan": "pan", "panchromatic": "pan", "swir": "swir",
        "swir16": "swir16",
        "swir22": "swir22", "cirrus": "cirrus", "infrared": "nir",
    ]
}
