// The twelve tasks of GEO-Bench v1, for folders that do not describe themselves.

extension GeoBenchTask {
    /// The twelve tasks: six of whole images, then six of masks.
    ///
    /// Classes and bands are those that the benchmark was made with.
    public static let all: [GeoBenchTask] = [
        GeoBenchTask(
            "m-bigearthnet", .manyLabels, classes: corine, bands: sentinel2(without: ["10 - SWIR - Cirrus"]),
            gsdMetres: 10, patchSize: 120),
        GeoBenchTask(
            "m-so2sat", .oneClass,
            classes: [
                "Compact high rise", "Compact mid rise", "Compact low rise", "Open high rise", "Open mid rise",
                "Open low rise", "Lightweight low rise", "Large low rise", "Sparsely built", "Heavy industry",
                "Dense trees", "Scattered trees", "Bush, scrub", "Low plants", "Bare rock or paved",
                "Bare soil or sand", "Water",
            ],
            bands: sentinel1
                + sentinel2(without: ["01 - Coastal aerosol", "09 - Water vapour", "10 - SWIR - Cirrus"]),
            gsdMetres: 10, patchSize: 32),
        GeoBenchTask(
            "m-brick-kiln", .oneClass, classes: ["not brick kiln", "brick kiln"],
            bands: renamed([
                "coastal", "blue", "green", "red", "rededge071", "rededge078", "nir08", "nir", "swir16", "swir22",
                "true-colour-red", "true-colour-green", "true-colour-blue",
            ]), gsdMetres: 10, patchSize: 64,
            caveats: [
                "the files of m-brick-kiln mix up the names of bands: 06, 07, 08A and 09 hold B07, B8A, B11 and B12, and the last three "
                    + "an 8-bit true-colour image; 01 to 05 and 08 are right (github.com/ServiceNow/geo-bench/issues/29)"
            ]),
        GeoBenchTask(
            "m-forestnet", .oneClass,
            classes: [
                "Oil palm plantation", "Timber plantation", "Other large-scale plantations", "Grassland shrubland",
                "Small-scale agriculture", "Small-scale mixed plantation", "Small-scale oil palm plantation",
                "Mining", "Fish pond", "Logging", "Secondary forest", "Other",
            ],
            bands: [
                GeoBenchBand("04 - Red", "red"), GeoBenchBand("03 - Green", "green"),
                GeoBenchBand("02 - Blue", "blue"), GeoBenchBand("05 - NIR", "nir"),
                GeoBenchBand("06 - SWIR1", "swir16"), GeoBenchBand("07 - SWIR2", "swir22"),
            ], gsdMetres: 15, patchSize: 332),
        GeoBenchTask(
            "m-eurosat", .oneClass,
            classes: [
                "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
                "Residential", "River", "SeaLake",
            ],
            bands: renamed([
                "coastal", "blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir", "nir09", "cirrus",
                "swir16", "swir22", "nir08",
            ]), gsdMetres: 10, patchSize: 64,
            caveats: [
                "the files of m-eurosat mix up the names of bands: 08A, 09, 10, 11 and 12 hold B09, B10, B11, B12 and B8A; "
                    + "01 to 08 are right (github.com/ServiceNow/geo-bench/issues/28)"
            ]),
        GeoBenchTask(
            "m-pv4ger", .oneClass, classes: ["no solar pv", "solar pv"], bands: aerial, gsdMetres: 0.1, patchSize: 320),

        GeoBenchTask(
            "m-pv4ger-seg", .mask, classes: ["no solar pv", "solar pv"], bands: aerial, gsdMetres: 0.1, patchSize: 320),
        GeoBenchTask(
            "m-chesapeake", .mask,
            classes: [
                "water", "tree-canopy-forest", "low-vegetation-field", "barren-land", "impervious-other",
                "impervious-roads", "no-data",
            ], bands: aerial + [GeoBenchBand("NearInfrared", "nir")], gsdMetres: 1, patchSize: 256, noDataClass: 6),
        GeoBenchTask(
            "m-cashew-plant", .mask,
            classes: [
                "no data", "well-managed plantation", "poorly-managed plantation", "non-plantation", "residential",
                "background", "uncertain",
            ], bands: cloudySentinel2, gsdMetres: 10, patchSize: 256, classesAbsentFromTest: [0], noDataClass: 0),
        GeoBenchTask(
            "m-SA-crop-type", .mask,
            classes: [
                "No Data", "Lucerne/Medics", "Planted pastures (perennial)", "Fallow", "Wine grapes", "Weeds",
                "Small grain grazing", "Wheat", "Canola", "Rooibos",
            ], bands: cloudySentinel2, gsdMetres: 10, patchSize: 256, noDataClass: 0),
        GeoBenchTask(
            "m-nz-cattle", .mask, classes: ["no cattle", "cattle"], bands: aerial, gsdMetres: 0.1, patchSize: 500),
        GeoBenchTask(
            "m-NeonTree", .mask, classes: ["no tree", "tree"],
            bands: aerial + [GeoBenchBand("Canopy Height Model", "height"), GeoBenchBand("Neon", "hyperspectral")],
            gsdMetres: 0.1, patchSize: 400),
    ]

    /// CORINE's classes of the finest level without glaciers, in the order of their codes.
    private static let corine = [
        "Continuous urban fabric", "Discontinuous urban fabric", "Industrial or commercial units",
        "Road and rail networks and associated land", "Port areas", "Airports", "Mineral extraction sites",
        "Dump sites", "Construction sites", "Green urban areas", "Sport and leisure facilities",
        "Non-irrigated arable land", "Permanently irrigated land", "Rice fields", "Vineyards",
        "Fruit trees and berry plantations", "Olive groves", "Pastures",
        "Annual crops associated with permanent crops", "Complex cultivation patterns",
        "Land principally occupied by agriculture, with significant areas of natural vegetation",
        "Agro-forestry areas", "Broad-leaved forest", "Coniferous forest", "Mixed forest", "Natural grassland",
        "Moors and heathland", "Sclerophyllous vegetation", "Transitional woodland/shrub",
        "Beaches, dunes, sands", "Bare rock", "Sparsely vegetated areas", "Burnt areas", "Inland marshes",
        "Peatbogs", "Salt marshes", "Salines", "Intertidal flats", "Water courses", "Water bodies",
        "Coastal lagoons", "Estuaries", "Sea and ocean",
    ]

    /// What the pixels of a band show where its name is true to them; `nil` for other names.
    static func shortName(of name: String) -> String? { known[name] }

    private static let known = Dictionary(
        (sentinel2 + sentinel1 + aerial + all.flatMap { $0.caveats.isEmpty ? $0.bands : [] })
            .map { ($0.name, $0.shortName) }, uniquingKeysWith: { first, _ in first })

    /// The bands of Sentinel-2, named as the benchmark names them.
    private static let sentinel2 = [
        GeoBenchBand("01 - Coastal aerosol", "coastal"), GeoBenchBand("02 - Blue", "blue"),
        GeoBenchBand("03 - Green", "green"), GeoBenchBand("04 - Red", "red"),
        GeoBenchBand("05 - Vegetation Red Edge", "rededge071"), GeoBenchBand("06 - Vegetation Red Edge", "rededge075"),
        GeoBenchBand("07 - Vegetation Red Edge", "rededge078"), GeoBenchBand("08 - NIR", "nir"),
        GeoBenchBand("08A - Vegetation Red Edge", "nir08"), GeoBenchBand("09 - Water vapour", "nir09"),
        GeoBenchBand("10 - SWIR - Cirrus", "cirrus"), GeoBenchBand("11 - SWIR", "swir16"),
        GeoBenchBand("12 - SWIR", "swir22"),
    ]

    private static func sentinel2(without names: [String]) -> [GeoBenchBand] {
        sentinel2.filter { !names.contains($0.name) }
    }

    /// Bands with Sentinel-2's names that show something else.
    private static func renamed(_ shortNames: [String]) -> [GeoBenchBand] {
        zip(sentinel2, shortNames).map { GeoBenchBand($0.name, $1) }
    }

    /// Sentinel-2 without its cirrus band, and the probability that each pixel is cloud.
    private static let cloudySentinel2 =
        sentinel2(without: ["10 - SWIR - Cirrus"]) + [GeoBenchBand("Cloud Probability", "cloud")]

    /// The bands of Sentinel-1 in So2Sat: both polarisations, filtered, and their covariance.
    private static let sentinel1 = [
        GeoBenchBand("01 - VH.Real", "vh-real"), GeoBenchBand("02 - VH.Imaginary", "vh-imaginary"),
        GeoBenchBand("03 - VV.Real", "vv-real"), GeoBenchBand("04 - VV.Imaginary", "vv-imaginary"),
        GeoBenchBand("05 - VH.LEE Filtered", "vh-filtered"), GeoBenchBand("06 - VV.LEE Filtered", "vv-filtered"),
        GeoBenchBand("07 - VH.LEE Filtered.Real", "covariance-real"),
        GeoBenchBand("08 - VV.LEE Filtered.Imaginary", "covariance-imaginary"),
    ]

    private static let aerial = [
        GeoBenchBand("Red", "red"), GeoBenchBand("Green", "green"), GeoBenchBand("Blue", "blue"),
    ]
}
