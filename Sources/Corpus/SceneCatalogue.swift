// From paths to scenes that can be cut: what each is, and on which lattice its tiles lie.
internal import Files
internal import Foundation
internal import Geo
internal import Raster
internal import Telemetry

#if canImport(Glibc)
    internal import Glibc
#endif

/// Opens scenes and decides how each is cut.
enum SceneCatalogue {
    /// Describes every scene, in the order given.
    ///
    /// - Throws: `CorpusError` (`badScene`), naming the scene, its numbers and the profile's.
    static func describe(
        _ paths: [String], profile: TileProfile, bands: BandRequest, progress: ProgressHandler? = nil
    ) throws(CorpusError) -> (scenes: [CorpusScene], notes: [String]) {
        var scenes: [CorpusScene] = []
        var read: [SceneBands] = []
        var notes: [String] = []
        var seen: Set<String> = []
        var contents: [String: String] = [:]
        for path in paths {
            try report(scenes.count, of: paths.count, "scenes opened", progress)
            guard seen.insert(path).inserted else {
                throw CorpusError(.badScene, "the scene is listed twice", in: path, try: "list it once")
            }
            do {
                let reader = try RasterReader(path: path)
                let numbers = try bandNumbers(reader, profile.bands, asked: bands[path])
                let chosen = reader.bands.numbered(numbers)
                let scene = try describe(reader, chosen, index: scenes.count, profile: profile)
                // With another token it is the same one.
                let identity = Redaction.identity(ofService: path)
                guard contents.updateValue(scene.fingerprint, forKey: identity) != scene.fingerprint else {
                    throw CorpusError(
                        .badScene, "the scene is listed twice, under two addresses", in: path, try: "list it once")
                }
                scenes.append(scene)
                read.append(
                    SceneBands(
                        path: path, bands: chosen, all: reader.bands,
                        asked: bands[path] != nil
                            ? bands.asked(path) : profile.bands != .colour ? .forAll : .nobody))
                if let warning = try? reader.alphaWarning() { notes.append(warning) }
                if bands[path] == nil, profile.bands == .colour,
                    let assumption = reader.bands.assumption(chosen, in: path)
                {
                    notes.append(assumption)
                }
            } catch let error as RasterError {
                throw CorpusError(
                    error.isCancellation ? .cancelled : .badScene, error.what, in: path, why: error.causes,
                    try: error.remedy)
            } catch let error as CorpusError {
                throw error
            } catch {
                throw CorpusError(.badScene, "cannot describe the scene", in: path, why: causes(of: error))
            }
        }
        do throws(RasterError) { try checkAgreement(read, stretch: profile.stretch) } catch {
            throw CorpusError(.badScene, error.what, in: error.place, why: error.causes, try: error.remedy)
        }
        // A place is called by what any scene says of it: the first one may say nothing.
        for index in scenes.indices {
            for place in scenes[index].bandNames.indices where read[index].bands[place].identity == nil {
                let said = read.first { $0.bands.indices.contains(place) && $0.bands[place].identity != nil }
                if let said { scenes[index].bandNames[place] = bandName(said.bands[place]) }
            }
        }
        return (scenes, notes)
    }

    private static func describe(
        _ reader: RasterReader, _ chosen: [RasterBand], index: Int, profile: TileProfile
    ) throws -> CorpusScene {
        let path = reader.path
        var grid = reader.grid
        grid.crs = grid.crs?.spelledPlainly
        guard let crs = grid.crs else {
            throw reader.placeMissing(role: "scene")
        }
        let bytes = fileSize(path)
        let named = try fingerprint(reader, bytes: bytes)
        try checkClaim(reader, bytes: bytes)
        let type = try sampleType(of: chosen, profile: profile, path: path)
        let gsd = try reader.groundSampleDistance().metres
        let lattice = try Lattice(reader: reader, own: grid, crs: crs, gsd: gsd, profile: profile)
        let metadata = SceneMetadata(reader)
        return CorpusScene(
            index: index, path: Redaction.address(path), fingerprint: named.fingerprint, bytes: bytes, grid: grid,
            gsd: gsd, bandNumbers: chosen.map(\.index), bandNames: chosen.map { bandName($0) }, sampleType: type,
            stretch: nil, lattice: lattice.grid, tileGSD: lattice.gsd, isExact: lattice.isExact,
            resampling: lattice.resampling,
            squareKilometres: Double(grid.width) * Double(grid.height) * gsd * gsd / 1e6,
            footprint: try reader.footprint().map { ring in ring.map { [rounded($0.x), rounded($0.y)] } },
            acquired: metadata.acquired, platform: metadata.platform, licence: metadata.licence,
            attribution: metadata.attribution, sunElevation: metadata.sunElevation,
            sunAzimuth: metadata.sunAzimuth, offNadir: metadata.offNadir, cloudCover: metadata.cloudCover,
            formerly: named.formerly)
    }

    /// Adds what the stretch rule gives for each scene; reads a fixed part of its pixels.
    ///
    /// A scene without a valid pixel gets none, and so no tile: it stops the others no more than a cloud would. One in
    /// which some of the bands are empty is a mistake in the profile or the scene.
    ///
    /// - Parameter paths: Where the scenes are read, with their secrets.
    /// - Returns: What a person should know about a fixed stretch of them.
    /// - Throws: `CorpusError` (`badScene`), also where every scene is empty; `cancelled` while it waits.
    static func stretch(
        _ scenes: inout [CorpusScene], from paths: [String], rule: StretchRule,
        progress: ProgressHandler? = nil
    ) throws(CorpusError) -> [String] {
        guard rule != .none else { return [] }
        var notes: [String] = []
        for index in scenes.indices {
            try report(index, of: scenes.count, "scenes stretched", progress)
            do throws(RasterError) {
                let reader = try RasterReader(path: paths[index])
                let bands = scenes[index].bandNumbers
                scenes[index].stretch = try parameters(reader, bands, rule, progress)
                if case .fixed(let low, let high) = rule {
                    notes += try reader.fixedStretchNotes(
                        low: low, high: high, bands: bands, progress: progress ?? { _ in true })
                }
            } catch {
                guard error.code != .cancelled else { throw stopped(scenes[index].path) }
                throw CorpusError(.badScene, error.what, in: scenes[index].path, why: error.causes, try: error.remedy)
            }
        }
        guard scenes.contains(where: { $0.stretch != nil }) else {
            throw CorpusError(
                .badScene,
                scenes.count == 1
                    ? "no valid pixel was found in the scene"
                    : "no valid pixel was found in any of \(scenes.count) scenes",
                in: scenes[0].path,
                try: "check its nodata value and mask with gdalinfo -stats \(shellQuoted(scenes[0].path))")
        }
        return notes
    }

    private static func report(
        _ done: Int, of total: Int, _ unit: String, _ progress: ProgressHandler?
    ) throws(CorpusError) {
        guard progress?(Progress(unit: unit, done: done, total: total)) ?? true else { throw stopped("") }
    }

    private static func stopped(_ path: String) -> CorpusError {
        CorpusError(.cancelled, "stopped before the first tile was cut; nothing was kept", in: path)
    }

    /// The stretch of one scene; `nil` where it has no valid pixel.
    private static func parameters(
        _ reader: RasterReader, _ bands: [Int], _ rule: StretchRule, _ progress: ProgressHandler?
    ) throws(RasterError) -> StretchParameters? {
        do throws(RasterError) {
            return try reader.stretchParameters(rule, bands: bands, progress: progress ?? { _ in true })
        } catch {
            guard error.code == .noPixels, try !reader.hasValidPixels(bands: bands) else { throw error }
            return nil
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 1e8).rounded() / 1e8 }

    private static func bandName(_ band: RasterBand) -> String {
        band.commonName.flatMap { ["red", "green", "blue", "nir"].contains($0) ? $0 : nil } ?? band.name
    }

    private static func bandNumbers(
        _ reader: RasterReader, _ choice: TileProfile.BandChoice, asked: [Int]?
    ) throws -> [Int] {
        if let asked {
            if let absent = asked.first(where: { number in !reader.bands.contains { $0.index == number } }) {
                throw CorpusError(
                    .badScene, "--bands asks for band \(absent); the scene has \(reader.bands.count)", in: reader.path,
                    why: [reader.alphaNote].compactMap(\.self),
                    try: "list its bands with: gdalinfo \(shellQuoted(reader.path))")
            }
            let wanted: Int? =
                switch choice {
                case .colour: nil
                case .numbers(let numbers): numbers.count
                case .names(let names): names.count
                }
            guard wanted == nil || wanted == asked.count else {
                throw CorpusError(
                    .badScene, "--bands names \(asked.count) bands, but the profile has \(wanted ?? 0)",
                    in: reader.path,
                    try: "give as many bands as the profile has")
            }
            return asked
        }
        switch choice {
        case .colour: return reader.bands.colours.map(\.index)
        case .numbers(let numbers):
            for number in numbers where !reader.bands.contains(where: { $0.index == number }) {
                throw CorpusError(
                    .badScene, "the profile asks for band \(number); the scene has \(reader.bands.count)",
                    in: reader.path, why: [reader.alphaNote].compactMap(\.self),
                    try: "list its bands with: gdalinfo \(shellQuoted(reader.path))")
            }
            return numbers
        case .names(let names):
            return try names.map { name in
                guard let band = reader.bands.named(name) else {
                    throw CorpusError(
                        .badScene,
                        "the profile asks for a band '\(name)'; the scene has \(reader.bands.map(\.name).joined(separator: ", "))",
                        in: reader.path, why: [reader.alphaNote].compactMap(\.self),
                        try: "name bands by number in the profile, such as bands: [1, 2, 3]")
                }
                return band.index
            }
        }
    }

    private static func sampleType(of bands: [RasterBand], profile: TileProfile, path: String) throws -> SampleType {
        let types = Set(bands.map(\.sampleType))
        guard types.count == 1, let type = types.first else {
            throw CorpusError(
                .badScene, "the bands have different types: \(bands.map(\.storedType).joined(separator: ", "))",
                in: path, try: "choose bands of one type in the profile")
        }
        if profile.pixels == .raw, type != .uint8, type != .uint16 {
            throw CorpusError(
                .badScene, "the scene holds \(type.rawValue) values; raw tiles must be uint8 or uint16", in: path,
                try: "use a profile with pixels: stretched and a stretch rule")
        }
        if profile.pixels == .stretched, profile.stretch == .none, type != .uint8 {
            throw CorpusError(
                .badScene,
                "the scene holds \(type.rawValue) values, but the profile's stretch is none, which takes only 8-bit values",
                in: path, try: "set stretch: percentile:2,98 or stretch: fixed:LOW,HIGH in the profile")
        }
        return type
    }

    private static func fileSize(_ path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Refuses a header that claims a million times more than its file could hold: no codec does that, and going
    /// through such a scene would not end.
    private static func checkClaim(_ reader: RasterReader, bytes: Int?) throws {
        guard let bytes, let type = reader.bands.first?.sampleType, reader.dataIsInFile else { return }
        let claimed =
            Double(reader.grid.width) * Double(reader.grid.height) * Double(reader.bands.count) * Double(type.byteCount)
        guard claimed > 1e6 * (Double(bytes) + 4096) else { return }
        throw CorpusError(
            .badScene,
            "the header claims \(reader.grid.width) x \(reader.grid.height) pixels, but the file has \(bytes) bytes",
            in: reader.path, try: "get the file again; it is damaged or malicious")
    }

    /// Names a scene's content: its grid and bands, and 64 kB pieces from its whole length.
    ///
    /// Whole scenes would take as long to hash as to cut. What GDAL reads through a driver of its own is named by its path
    /// instead of its bytes, and what is on another machine by `remoteIdentity`.
    ///
    /// - Returns: The name; for a scene with addresses also how it was made when their secrets were a part of it.
    private static func fingerprint(
        _ reader: RasterReader, bytes: Int?
    ) throws -> (fingerprint: String, formerly: FormerFingerprint?) {
        var start = "\(reader.grid.width) \(reader.grid.height) \(reader.grid.transform.coefficients);"
        for band in reader.bands {
            start += "\(band.index) \(band.colour) \(band.storedType) \(band.nodata ?? .nan);"
        }
        var hash = SHA256()
        hash.update(Array(start.utf8))
        if let bytes {
            let former = try content(of: reader.path, bytes: bytes)
            // A virtual raster may name addresses.
            if let identity = Redaction.identity(ofDocumentAt: reader.path) {
                var formerHash = hash
                hash.update(Array("\(identity.count)".utf8))
                hash.update(identity)
                formerHash.update(former)
                return (hash.finalize(), .ofDocument(fingerprint: formerHash.finalize()))
            }
            hash.update(former)
        } else if let identity = try remoteIdentity(of: reader.path) {
            hash.update(Array(identity.utf8))
            return (hash.finalize(), .ofAddress(start: start))
        } else {
            hash.update(Array(reader.path.utf8))
        }
        return (hash.finalize(), nil)
    }

    /// A file's size, and all of its bytes or 32 pieces of 64 kB.
    private static func content(of path: String, bytes: Int) throws -> [UInt8] {
        let file = try InputFile(path)
        let piece = 1 << 16
        var content = Array("\(bytes)".utf8)
        if bytes <= 32 * piece {
            content += try file.read(at: 0, count: bytes)
        } else {
            for index in 0..<32 { content += try file.read(at: (bytes - piece) / 31 * index, count: piece) }
        }
        return content
    }
}

extension RasterReader {
    /// Whether the pixels lie in the file itself; a VRT is small because it names others.
    fileprivate var dataIsInFile: Bool { path.lowercased().hasSuffix(".tif") || path.lowercased().hasSuffix(".tiff") }
}

/// Where a scene's tiles lie.
///
/// A scene keeps its own CRS when that is projected, else its tiles lie in the UTM zone of its centre. At `native`
/// GSD, and where the profile's pixels are its own, the lattice is the scene's own and nothing is resampled; else the
/// lattice is north-up with its origin at whole multiples of the pixel size.
private struct Lattice {
    var grid: Grid
    var gsd: Double
    var isExact: Bool
    var resampling: Resampling

    init(
        reader: RasterReader, own: Grid, crs: CoordinateReferenceSystem, gsd: Double, profile: TileProfile
    ) throws {
        let wanted = profile.gsd.metres ?? gsd
        if gsd > 2 * wanted {
            throw CorpusError(
                .badScene,
                "the scene has \(shown(gsd)) m pixels, but the profile asks for \(shown(wanted)) m: the scene has less than half of the detail",
                in: reader.path,
                try: "use scenes of at most \(shown(2 * wanted)) m, or a profile with a larger gsd or gsd: native")
        }
        let kernel: Resampling =
            switch profile.resampling {
            case .fixed(let kernel): kernel
            case .auto: wanted >= 2 * gsd ? .average : .cubic
            }
        // Tiles are seen with columns to the east and rows to the south: a CRS whose axes run otherwise cannot be their grid's.
        let toDegrees = try CoordinateTransformer(from: crs, to: .wgs84)
        let centre = toDegrees.transform([
            own.transform.point(column: Double(own.width) / 2, row: Double(own.height) / 2)
        ])[0]
        let isProjected =
            crs.isProjected && centre.map { crs.runsEastAndNorth(longitude: $0.x, latitude: $0.y) } ?? false
        // CRS units per metre on the ground; within a percent of 1 they are metres, as in UTM.
        var scale = abs(own.transform.determinant).squareRoot() / gsd
        if !isProjected || abs(scale - 1) < 0.01 { scale = 1 }
        let pixel = wanted * scale
        let isOwn =
            own.transform.isNorthUp && abs(own.transform.columnX / pixel - 1) < 1e-6
            && abs(-own.transform.rowY / pixel - 1) < 1e-6
        if isProjected, profile.gsd == .native && own.transform.isUpright || isOwn {
            self.init(grid: own, gsd: gsd, isExact: true, resampling: .nearest)
            return
        }
        let target = isProjected ? crs : try Self.zone(of: own, crs, path: reader.path)
        let transformer = try CoordinateTransformer(from: crs, to: target)
        guard let bounds = isProjected ? own.bounds : transformer.bounds(own.bounds),
            bounds.width.isFinite, bounds.height.isFinite, max(bounds.width, bounds.height) / pixel < 1e10
        else {
            throw CorpusError(
                .badScene, "the scene does not fit the grid of \(target.name)", in: reader.path,
                try: "warp it to a projected CRS with gdalwarp, or cut it into parts")
        }
        let left = (bounds.minX / pixel - 1e-6).rounded(.up)
        let top = (bounds.maxY / pixel + 1e-6).rounded(.down)
        let right = (bounds.maxX / pixel + 1e-6).rounded(.down)
        let bottom = (bounds.minY / pixel - 1e-6).rounded(.up)
        let grid = Grid(
            crs: target, transform: GeoTransform(originX: left * pixel, originY: top * pixel, pixelSize: pixel),
            width: max(0, Int(right - left)), height: max(0, Int(top - bottom)))
        self.init(grid: grid, gsd: wanted, isExact: false, resampling: kernel)
    }

    private init(grid: Grid, gsd: Double, isExact: Bool, resampling: Resampling) {
        self.grid = grid
        self.gsd = gsd
        self.isExact = isExact
        self.resampling = resampling
    }

    private static func zone(of grid: Grid, _ crs: CoordinateReferenceSystem, path: String) throws
        -> CoordinateReferenceSystem
    {
        let middle = grid.transform.point(column: Double(grid.width) / 2, row: Double(grid.height) / 2)
        let transformer = try CoordinateTransformer(from: crs, to: .wgs84)
        guard let place = transformer.transform([middle]).first ?? nil else {
            throw CorpusError(.badScene, "the centre of the scene has no place on Earth", in: path)
        }
        return .utm(longitude: place.x, latitude: place.y)
    }
}

/// A number for people: four digits that count.
func shown(_ value: Double) -> String {
    guard value.isFinite, value != 0, abs(value) < 1e12 else { return "\(value)" }
    let scale = pow(10, 3 - log10(abs(value)).rounded(.down))
    let short = (value * scale).rounded() / scale
    return short == short.rounded() && abs(short) < 1e15 ? "\(Int(short))" : "\(short)"
}
