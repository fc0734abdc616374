// Where the images of a fit are: the area that counts, and the pixel size of images without a place.
#if EARTH
    import Geo
    import Raster
    import Scenes
    import Telemetry

    /// Which ground images show, as far as they do not say it themselves.
    struct GroundRequest {
        /// Polygons outside of which nothing counts; a file.
        var aoi: String?
        /// Metres per pixel of images without a place, as a person gave it.
        var gsd: Double?
        /// The same where no option gives it: that of a folder whose form says it.
        var knownGSD: Double?
        /// Whether errors can name `--gsd`.
        var offersGSD = false

        /// Metres per pixel of images without a place; `nil` refuses them.
        var unplacedGSD: Double? { gsd ?? knownGSD }

        /// Metres on the ground per pixel of an image.
        func gsd(of image: String) throws -> Double {
            try namingPixelSize(of: image) {
                let reader = try RasterReader(path: image)
                if reader.grid.crs == nil, let unplacedGSD { return unplacedGSD }
                return try reader.groundSampleDistance().metres
            }
        }

        /// Adds `--gsd` to what an error advises for an image without a place.
        func namingPixelSize<Result>(of image: String, _ body: () throws -> Result) throws -> Result {
            do { return try body() } catch let error as any ExplainedError
                where offersGSD && unplacedGSD == nil && error.place == image && lacksPlace(image)
            {
                let option = "give the pixel size in metres with --gsd METRES"
                throw CommandError(
                    .badArgument, error.what, in: image, why: error.causes,
                    try: error.remedy.map { "\($0); or \(option)" } ?? option)
            }
        }

        /// What is to be said of a pixel size that no image takes.
        func notes(_ pairs: [RasterPair]) -> [String] {
            guard gsd != nil, pairs.allSatisfy(\.isPlaced) else { return [] }
            return ["--gsd is for images without a place; these have one, so that it changes nothing"]
        }
    }

    private func lacksPlace(_ image: String) -> Bool {
        guard let reader = try? RasterReader(path: image) else { return false }
        return reader.grid.crs == nil
    }
#endif
