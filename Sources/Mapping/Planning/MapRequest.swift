// What a caller asks for, and what the model is called.
internal import Raster
public import Scenes
internal import Telemetry

/// Which model makes a map: written into the map's tags and its STAC item.
public struct MapModel: Sendable, Codable, Hashable {
    /// A name of the model.
    public var id: String
    /// Where its files lie; `nil` where it has none.
    public var path: String?
    /// SHA-256 of the model's description, which holds those of its weights; lower-case hexadecimal, empty where unknown.
    public var sha256: String
    /// What it is, for people: architecture, what it was trained on.
    public var summary: String
    /// What it is in the terms of STAC, for the items of its maps of classes; `nil` says no more than the above.
    public var card: ModelCard?

    /// Names a model.
    public init(id: String, path: String? = nil, sha256: String = "", summary: String = "") {
        self.id = id
        self.path = path
        self.sha256 = sha256
        self.summary = summary
    }
}

/// A map to make: scenes, area, output, and how.
public struct MapRequest: Sendable, Codable {
    /// Scene files, anything GDAL opens.
    ///
    /// The first decides the grid; where scenes overlap, the earlier wins.
    ///
    /// List them in the same order, and all of them, whatever the area: then overlapping areas give equal pixels.
    public var scenes: [String]
    /// The area of interest, any OGR file; `nil` maps the whole scenes.
    public var aoi: String?
    /// The GeoTIFF to write; files of the same name with other endings are written next to it.
    public var output: String
    /// Replaces an existing output, and discards the rows that are kept for it, unless `resume` is set and they are of this map.
    public var overwrite = false
    /// Keeps finished rows on disk while the map is made, and continues after those that an earlier run kept.
    ///
    /// They are in a folder `.NAME.resume` next to the output, which takes about as much room as the map before compression and is
    /// removed with the map's end. The map is the same, byte for byte.
    public var resume = false
    /// What decides the numbers besides what the request says, by name, such as the device; rows are kept for equal values only.
    public var computation: [String: String] = [:]
    /// Counts every pixel that the area touches, not only those whose centre is inside.
    public var allTouched = false
    /// Fills the area's bounding rectangle instead of masking outside the area.
    public var noClip = false
    /// One file per UTM zone (or side of 180 degrees) where the area does not fit one grid.
    public var split = false
    /// Whether the caller lets its user set `split`; if not, no remedy advises it.
    public var offersSplit = true
    /// Threads that read scenes.
    ///
    /// The pixels do not depend on it.
    public var threads = 1
    /// Windows per call of the predictor.
    ///
    /// It is the same in every call; the last calls are padded.
    public var batchSize = 8
    /// Pixels by which neighbouring windows overlap; `nil` is a quarter of the window.
    public var overlap: Int?
    /// Bands to read, counted from 1, in the model's order; empty finds them by colour and name.
    public var bands = BandRequest()
    /// The value at the top of the legend and of the colour ramp; `nil` takes it from the map.
    public var maximum: Double?
    /// The model.
    public var model = MapModel(id: "unnamed")
    /// Program and version, for the tags.
    public var software = "geodino"
    /// The command line, for the STAC item; empty leaves it out.
    ///
    /// Not in the TIFF, whose bytes are the same whatever the number of threads.
    public var commandLine = ""
    /// Threads inside the predictor's operations, on which bits may depend; written into the tags.
    public var intraOpThreads: Int?
    /// Files and folders that are read besides scenes, area and model: nothing is written over them.
    public var otherInputs: [String] = []
    /// Takes a scene of one band as red, green and blue alike where the model wants these.
    public var grayAsColour = false
    /// More tags for the TIFF.
    public var tags: [String: String] = [:]
    /// What is written with a map of classes; only for models of classes.
    public var classOutputs = ClassOutputs()

    /// Asks for a map of some scenes.
    public init(scenes: [String], aoi: String? = nil, output: String) {
        self.scenes = scenes
        self.aoi = aoi
        self.output = output
    }

    /// Throws where the request makes no sense by itself or with windows of `windowSize` pixels.
    func validate(windowSize: Int, cellSize: Int = 1) throws {
        if scenes.isEmpty {
            throw MappingError(
                .badRequest, "no scene was given", try: "give one or more rasters, or a workspace with scenes")
        }
        if output.isEmpty {
            throw MappingError(.badRequest, "no output file was given", try: "\(Setting.output) map.tif")
        }
        guard threads >= 1, threads <= 1024 else {
            throw MappingError(.badRequest, "\(threads) reading threads; expected 1 to 1024", in: "\(Setting.threads)")
        }
        guard batchSize >= 1, batchSize <= 4096 else {
            throw MappingError(
                .badRequest, "a batch of \(batchSize) windows; expected 1 to 4096", in: "\(Setting.batch)")
        }
        if let overlap, overlap < 0 || overlap >= windowSize {
            throw MappingError(
                .badRequest,
                "windows of \(windowSize) pixels cannot overlap by \(overlap); expected 0 to \(windowSize - 1)",
                in: "\(Setting.overlap)")
        }
        if let overlap, overlap % cellSize != 0 {
            throw MappingError(
                .badRequest, "an overlap of \(overlap) pixels does not divide into whole patches",
                in: "\(Setting.overlap)", try: "use a multiple of \(cellSize)")
        }
        if let maximum, !(maximum > 0 && maximum.isFinite) {
            throw MappingError(.badRequest, "the legend cannot end at \(maximum); expected a value above 0")
        }
        try classOutputs.validate()
    }

    /// Throws where the output has another name than a GeoTIFF's: the files next to it would be called after it.
    func validateOutput() throws {
        guard stem(output) == output, !output.isEmpty else { return }
        throw MappingError(
            .badRequest, "a map is a GeoTIFF; its name must end in .tif", in: output,
            try:
                "\(Setting.output) \(shellQuoted(Self.asTIFF(output)))   (a picture of it, .png, is written next to it)"
        )
    }

    /// The same name with the ending of a GeoTIFF.
    private static func asTIFF(_ output: String) -> String {
        let name = output.split(separator: "/").last ?? output[...]
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return output + ".tif" }
        return String(output[..<dot]) + ".tif"
    }

    /// Pixels by which windows overlap.
    func overlap(windowSize: Int, cellSize: Int = 1) -> Int { overlap ?? windowSize / 4 / cellSize * cellSize }
}
