// Every remedy that an error offers is taken out of the printed text and applied: what GDAL's command lines mend.
import Foundation
import Geo
import Raster
import TestSupport
import Testing

@Suite struct RemedyTests {
    @Test(.enabled(if: Tools.areThere, Tools.absence), arguments: places + bands + areas)
    func `what GDAL's tools are said to mend, they mend`(_ trouble: Trouble) throws {
        try Bench().learn(trouble)
    }

    /// The corpus has tiles of 38 m, and lies where the scene was put.
    @Sendable private static func hasTiles(_ bench: Bench, _ outcome: Outcome) throws {
        let info = try bench.make("corpus", "info", "corpus", "--format", "json").output
        #expect(info.contains("32633") || info.contains("33N"), "\(info)")
    }

    private static let corners = ["WEST": "500000", "NORTH": "5000000", "EAST": "500076.8", "SOUTH": "4999923.2"]
    private static let code = ["EPSG:CODE": "EPSG:32633"]

    // MARK: - Places

    private static let places: [Trouble] = [
        Trouble(
            name: "a GeoTIFF without a CRS", says: "no CRS (coordinate reference system)",
            remedy: .command("gdal_edit.py"), fill: code,
            prepare: { bench in try bench.tile(bench.scene(crs: nil)) }, check: hasTiles),
        Trouble(
            name: "a GeoTIFF whose name holds quotes and blanks", says: "no CRS (coordinate reference system)",
            remedy: .command("gdal_edit.py"), fill: code,
            prepare: { bench in try bench.tile(bench.scene("it's a 'scene'.tif", crs: nil)) }, check: hasTiles),
        Trouble(
            name: "a cloud-optimised GeoTIFF without a CRS", says: "no CRS (coordinate reference system)",
            remedy: .command("gdal_translate"), fill: code,
            prepare: { bench in
                try bench.shell("gdal_translate -q -of COG \(bench.scene(crs: nil)) cog.tif")
                return try bench.tile("cog.tif")
            },
            check: hasTiles),
        Trouble(
            name: "a PNG with a world file", says: "no CRS (coordinate reference system)",
            remedy: .command("gdal_translate"), fill: code,
            prepare: { bench in
                try bench.shell(
                    "gdal_translate -q -of PNG -co WORLDFILE=YES \(bench.scene(crs: nil)) picture.png && rm -f *.aux.xml"
                )
                return try bench.tile("picture.png")
            },
            check: hasTiles),
        Trouble(
            name: "a scene without a CRS in an archive", says: "no CRS (coordinate reference system)",
            remedy: .command("gdal_translate"), fill: code,
            prepare: { bench in
                try bench.scene(crs: nil)
                try bench.shell(archive("scene.zip", "scene.tif"))
                return try bench.tile("scene.zip")
            },
            check: hasTiles),
        Trouble(
            name: "a virtual raster with neither CRS nor geotransform", says: "neither a CRS nor a geotransform",
            remedy: .command("gdal_edit.py"), fill: code.merging(corners) { first, _ in first },
            prepare: { bench in
                try bench.tile(
                    bench.virtual(
                        "bare.vrt", over: bench.scene(), crs: "", transform: "",
                        bands: (1...3).map { VirtualRaster.Band($0) }))
            },
            check: hasTiles),
        Trouble(
            name: "a GeoTIFF with neither CRS nor geotransform", says: "neither a CRS nor a geotransform",
            remedy: .command("gdal_edit.py"), fill: code.merging(corners) { first, _ in first },
            prepare: { bench in
                try bench.shell(
                    "gdal_translate -q -co PROFILE=BASELINE \(bench.scene(crs: nil)) bare.tif && rm -f *.aux.xml *.tfw")
                return try bench.tile("bare.tif")
            },
            check: hasTiles),
        Trouble(
            name: "a raster in a local CRS", says: "is a local one without a place on Earth",
            remedy: .command("gdal_edit.py"), fill: code.merging(corners) { first, _ in first },
            prepare: { bench in
                try bench.tile(
                    bench.virtual(
                        "site.vrt", over: bench.scene(), crs: "LOCAL_CS[&quot;site&quot;,UNIT[&quot;metre&quot;,1]]",
                        bands: (1...3).map { VirtualRaster.Band($0) }))
            },
            check: hasTiles),
        Trouble(
            name: "a raster with a CRS, but no geotransform", says: "but no geotransform",
            remedy: .command("gdal_edit.py"), fill: corners,
            prepare: { bench in
                try bench.tile(
                    bench.virtual(
                        "loose.vrt", over: bench.scene(), transform: "", bands: (1...3).map { VirtualRaster.Band($0) }))
            },
            check: hasTiles),
        Trouble(
            name: "a geotransform of nothing", says: "cannot be inverted", remedy: .command("gdal_edit.py"),
            fill: corners,
            prepare: { bench in
                try bench.tile(
                    bench.virtual(
                        "flat.vrt", over: bench.scene(), transform: "500000, 0, 0, 5000000, 0, 0",
                        bands: (1...3).map { VirtualRaster.Band($0) }))
            },
            check: hasTiles),
        Trouble(
            name: "a raw product with rational polynomials", says: "rational polynomial coefficients",
            remedy: .command("gdalwarp"), fill: code,
            prepare: { bench in
                try bench.tile(
                    bench.virtual(
                        "raw.vrt", over: bench.scene(), crs: "", transform: "", elements: rationalPolynomials,
                        bands: (1...3).map { VirtualRaster.Band($0) }))
            },
            check: hasTiles),
        Trouble(
            name: "a swath", says: "it is a swath", remedy: .command("gdalwarp"), fill: code,
            prepare: { bench in
                try bench.tile(
                    bench.virtual(
                        "swath.vrt", over: bench.scene(), crs: "", transform: "", elements: try swath(bench),
                        bands: (1...3).map { VirtualRaster.Band($0) }))
            },
            check: hasTiles),
    ]

    private static func archive(_ name: String, _ files: String...) -> String {
        // Python comes with gdal_edit.py; not every machine has zip.
        "/usr/bin/python3 -m zipfile -c \"\(name)\" \(files.joined(separator: " "))"
    }

    /// A camera straight above 15 E, 45.15 N: longitude and latitude are linear in columns and rows.
    static let rationalPolynomials: String = {
        func terms(_ numbers: String) -> String {
            let given = numbers.split(separator: " ").count
            return numbers + String(repeating: " 0", count: 20 - given)
        }
        let items = [
            ("LINE_OFF", "64"), ("SAMP_OFF", "64"), ("LAT_OFF", "45.15"), ("LONG_OFF", "15"), ("HEIGHT_OFF", "0"),
            ("LINE_SCALE", "64"), ("SAMP_SCALE", "64"), ("LAT_SCALE", "0.00035"), ("LONG_SCALE", "0.0005"),
            ("HEIGHT_SCALE", "500"), ("LINE_NUM_COEFF", terms("0 0 -1")), ("LINE_DEN_COEFF", terms("1")),
            ("SAMP_NUM_COEFF", terms("0 1")), ("SAMP_DEN_COEFF", terms("1")),
        ]
        return "<Metadata domain=\"RPC\">"
            + items.map { "<MDI key=\"\($0.0)\">\($0.1)</MDI>" }.joined() + "</Metadata>"
    }()

    /// Longitudes and latitudes of all pixels, as a swath's metadata name them.
    private static func swath(_ bench: Bench) throws -> String {
        var degrees: [[Float]] = [[], []]
        for row in 0..<128 {
            for column in 0..<128 {
                degrees[0].append(15 + Float(column) * 8e-6)
                degrees[1].append(45.15 - Float(row) * 6e-6)
            }
        }
        for (name, values) in zip(["longitude.tif", "latitude.tif"], degrees) {
            try writeRaster(
                PixelBuffer(bands: 1, height: 128, width: 128, samples: .float32(values)), to: bench.file(name),
                format: RasterFormat(sampleType: .float32, bands: [BandInfo(name: "degrees")]))
        }
        return """
            <Metadata domain="GEOLOCATION"><MDI key="X_DATASET">\(bench.file("longitude.tif"))</MDI><MDI key="X_BAND">1</MDI>
            <MDI key="Y_DATASET">\(bench.file("latitude.tif"))</MDI><MDI key="Y_BAND">1</MDI><MDI key="PIXEL_OFFSET">0</MDI>
            <MDI key="LINE_OFFSET">0</MDI><MDI key="PIXEL_STEP">1</MDI><MDI key="LINE_STEP">1</MDI>
            <MDI key="SRS">EPSG:4326</MDI></Metadata>
            """
    }

    // MARK: - Bands

    private static let bands: [Trouble] = [
        Trouble(
            name: "complex values", says: "which geodino does not support", remedy: .command("gdal_calc.py"),
            prepare: { bench in
                try bench.scene()
                try bench.shell("gdal_translate -q -ot CFloat32 scene.tif complex.tif")
                _ = try bench.document(
                    "tiles/smoke.yaml", as: "profile.yaml", ("stretch: none", "stretch: fixed:0,255"))
                return try bench.tile("complex.tif")
            }, check: hasTiles),
        Trouble(
            name: "a scale that cannot be", says: "the scale and offset of band 1 are impossible",
            remedy: .command("gdal_translate"),
            prepare: { bench in
                _ = try bench.document(
                    "tiles/smoke.yaml", as: "profile.yaml", ("stretch: none", "stretch: fixed:0,2500"))
                return try bench.tile(
                    bench.virtual(
                        "scaled.vrt", over: bench.scene(type: .uint16), type: "UInt16",
                        bands: (1...3).map { VirtualRaster.Band($0, "<Scale>1e-30</Scale><Offset>1</Offset>") }))
            }, check: hasTiles),
        Trouble(
            name: "a file of several rasters", says: "holds no pixels of its own", remedy: .name,
            prepare: { bench in
                try bench.scene()
                try bench.shell(
                    "for t in a b; do gdal_translate -q -of GPKG -co APPEND_SUBDATASET=YES -co RASTER_TABLE=$t scene.tif two.gpkg; done"
                )
                return try bench.tile("two.gpkg")
            }, check: hasTiles),
        Trouble(
            name: "an archive of two rasters", says: "the archive holds 2 .tif files", remedy: .name,
            prepare: { bench in
                try bench.scene("a.tif")
                try bench.scene("b.tif")
                try bench.shell(archive("it's two.zip", "a.tif", "b.tif"))
                return try bench.tile("it's two.zip")
            }, check: hasTiles),
        Trouble(
            name: "a band that is marked as alpha and asked for", says: "--bands asks for band 4",
            remedy: .command("gdal_edit.py"), isAdvisedInCause: true,
            prepare: { bench in
                try bench.scene("four.tif", bands: 4)
                try bench.shell("gdal_translate -q -colorinterp red,green,blue,alpha four.tif alpha.tif")
                return try bench.tile("alpha.tif", more: ["--bands", "4,2,1"])
            }, check: hasTiles),
        Trouble(
            name: "the same in a PNG", says: "--bands asks for band 4", remedy: .command("gdal_translate"),
            isAdvisedInCause: true,
            prepare: { bench in
                try bench.scene("four.tif", bands: 4)
                try bench.shell("gdal_translate -q -of PNG -colorinterp red,green,blue,alpha four.tif alpha.png")
                return try bench.tile("alpha.png", more: ["--bands", "4,2,1"])
            }, check: hasTiles),
        Trouble(
            name: "signed samples whose 0 is white", says: "white-is-zero", remedy: .command("gdal_calc.py"),
            fill: ["LOW": "0", "HIGH": "2500"],
            prepare: { bench in
                try bench.scene("grey.tif", type: .int16, bands: 1)
                try bench.shell("gdal_translate -q -co PHOTOMETRIC=MINISWHITE grey.tif negative.tif")
                _ = try bench.document(
                    "tiles/smoke.yaml", as: "profile.yaml", ("stretch: none", "stretch: fixed:0,2500"))
                return try bench.tile("negative.tif")
            },
            check: { bench, _ in
                func mean(_ name: String) throws -> Float {
                    let reader = try RasterReader(path: bench.file(name))
                    let values = try reader.read(reader.grid.window).floats()
                    return values.reduce(0, +) / Float(values.count)
                }
                let (positive, negative) = (try mean("positive.tif"), try mean("grey.tif"))
                #expect(abs(positive - (2500 - negative)) < 1)
            }),
    ]

    // MARK: - Areas

    private static func area(_ options: String) -> @Sendable (Bench) throws -> [String] {
        { bench in
            try bench.text("area.geojson", #"{"type":"Polygon","coordinates":\#(Bench.rectangle)}"#)
            try bench.shell("ogr2ogr \(options) area.geojson")
            return try bench.tile(bench.scene())
        }
    }

    private static let areas: [Trouble] = [
        Trouble(
            name: "a shapefile without a .prj", says: "the area has no CRS",
            remedy: .command("ogr2ogr"), fill: code,
            prepare: { bench in
                let tile = try area("-a_srs EPSG:32633 area.shp")(bench)
                try FileManager.default.removeItem(atPath: bench.file("area.prj"))
                return tile + ["--aoi", "area.shp"]
            }, check: hasTiles),
        Trouble(
            name: "an archive with a shapefile without a .prj", says: "the area has no CRS",
            remedy: .command("ogr2ogr"), fill: code,
            prepare: { bench in
                let tile = try area("-a_srs EPSG:32633 area.shp")(bench)
                try bench.shell(archive("area.zip", "area.shp", "area.shx", "area.dbf"))
                return tile + ["--aoi", "area.zip"]
            }, check: hasTiles),
        Trouble(
            name: "an archive with a shapefile without its index", says: "not a vector file",
            remedy: .other { _, advice, arguments in
                #expect(
                    advice.hasPrefix("unzip the archive, then give the .shp file with --config SHAPE_RESTORE_SHX=YES"))
                // What was in the archive is there still.
                return arguments.map { $0 == "area.zip" ? "area.shp" : $0 } + ["--config", "SHAPE_RESTORE_SHX=YES"]
            },
            prepare: { bench in
                let tile = try area("-a_srs EPSG:32633 area.shp")(bench)
                try FileManager.default.removeItem(atPath: bench.file("area.shx"))
                try bench.shell(archive("area.zip", "area.shp", "area.dbf", "area.prj"))
                return tile + ["--aoi", "area.zip"]
            }, check: hasTiles),
        Trouble(
            name: "a GeoPackage in a CRS that stands for none", says: "stands for none", remedy: .command("ogr2ogr"),
            fill: code,
            prepare: { bench in
                let tile = try area("-a_srs EPSG:32633 area.shp")(bench)
                try bench.shell("rm area.prj && ogr2ogr area.gpkg area.shp")
                return tile + ["--aoi", "area.gpkg"]
            }, check: hasTiles),
        Trouble(
            name: "an area in a local CRS", says: "is a local one", remedy: .command("ogr2ogr"), fill: code,
            prepare: { bench in
                try area(#"-a_srs 'LOCAL_CS["site",UNIT["metre",1]]' area.gpkg"#)(bench) + ["--aoi", "area.gpkg"]
            }, check: hasTiles),
        Trouble(
            name: "layers in different CRSs", says: "its layers have different CRS",
            remedy: .command("ogr2ogr"),
            prepare: { bench in
                let tile = try area("-a_srs EPSG:32634 -nln 'other one' area.gpkg")(bench)
                try bench.shell(
                    "ogr2ogr -a_srs EPSG:32633 -nln \"the one that's meant\" -append area.gpkg area.geojson")
                return tile + ["--aoi", "area.gpkg"]
            }, check: hasTiles),
    ]
}
