// geodino embed: images, scenes, tiles and feature rasters say the same of the same pixels.
import Foundation
import Geo
import Raster
import TestSupport
import Testing
import Torch

@Suite struct EmbedTests {
    private let folder = TemporaryFolder()
    /// A network of width 32, patches of 4 pixels, ImageNet's statistics.
    private let weights = Program.root.appendingPathComponent("Tests/Golden/huggingface/mlp").path

    init() throws { try Torch.load() }

    private func embed(_ inputs: [String], _ output: String, _ more: String...) throws -> Outcome {
        try Program.run(
            ["embed"] + inputs + ["--weights", weights, "--statistics", "web", "-o", folder.file(output), "-q"] + more)
    }

    private func tensors(_ name: String) throws -> [String: Tensor] {
        let file = try SafetensorsFile(path: folder.file(name))
        return Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.tensor($0)) })
    }

    private func values(_ name: String, _ tensor: String) throws -> [Float] {
        try #require(try tensors(name)[tensor]).to(.float32).floats()
    }

    /// A value from 0 to 255 by band and place.
    private func value(_ band: Int, _ row: Int, _ column: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: (row * 37 + column * 101 + band * 59) % 251)
    }

    /// Writes an RGB raster whose pixels follow from their place, at 1 m.
    private func scene(_ name: String, width: Int, height: Int, placed: Bool = true) throws -> String {
        var samples: [UInt8] = []
        for band in 0..<3 {
            for row in 0..<height { for column in 0..<width { samples.append(value(band, row, column)) } }
        }
        let grid: Grid? =
            placed
            ? Grid(
                crs: CoordinateReferenceSystem("EPSG:32633"),
                transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 1), width: width,
                height: height)
            : nil
        try writeRaster(
            PixelBuffer(bands: 3, height: height, width: width, samples: .uint8(samples), grid: grid),
            to: folder.file(name), format: RasterFormat(sampleType: .uint8, bands: BandInfo.rgb))
        return folder.file(name)
    }

    /// The pixels of `scene`, normalised as the weights want it.
    private func pixels(_ name: String, width: Int, height: Int) throws -> String {
        let mean: [Float] = [0.485, 0.456, 0.406]
        let std: [Float] = [0.229, 0.224, 0.225]
        var values: [Float] = []
        for band in 0..<3 {
            for row in 0..<height {
                for column in 0..<width {
                    values.append((Float(value(band, row, column)) / 255 - mean[band]) / std[band])
                }
            }
        }
        try writeSafetensors(
            [("pixels", Tensor(values, shape: [1, 3, height, width]))], metadata: [:], to: folder.file(name))
        return folder.file(name)
    }

    private func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test func `an image, a scene's window and a tensor of the same pixels have the same tokens`() throws {
        // 500,000 and 5,000,000 are multiples of 32: the scene is four windows.
        let scene = try scene("scene.tif", width: 64, height: 64)
        let plain = try self.scene("plain.tif", width: 64, height: 64, placed: false)
        #expect(
            try Program.run([
                "embed", "--tensor", try pixels("pixels.safetensors", width: 64, height: 64), "--weights", weights,
                "-o", folder.file("tensor.safetensors"), "-q", "--layers", "0",
            ]).status == 0)
        #expect(try embed([plain], "image.safetensors", "--layers", "0").status == 0)
        #expect(try embed([scene], "whole.safetensors", "--whole", "--layers", "0").status == 0)
        for tensor in ["cls", "registers", "patches", "layers.0.patches"] {
            let wanted = try values("tensor.safetensors", tensor)
            #expect(largestDifference(try values("image.safetensors", tensor), wanted) < 1e-4, "\(tensor)")
            #expect(try values("whole.safetensors", tensor) == values("image.safetensors", tensor))
        }
        #expect(try embed([scene], "windows.safetensors", "--window", "32", "--layers", "1").status == 0)
        let found = try tensors("windows.safetensors")
        #expect(found["cls"]?.shape == [4, 32] && found["patches"]?.shape == [4, 8, 8, 32])
        #expect(found["registers"]?.shape == [4, 2, 32] && found["layers.1.cls"]?.shape == [4, 32])
        #expect(try #require(found["valid"]).to(.float32).floats() == [Float](repeating: 1, count: 256))
        let bounds = try #require(found["bounds"]).doubles()
        #expect(
            Array(bounds.prefix(8)) == [500_000, 4_999_968, 500_032, 5_000_000, 500_032, 4_999_968, 500_064, 5_000_000])
        // The first window is what an image of its pixels gives.
        let corner = try self.scene("corner.tif", width: 32, height: 32, placed: false)
        #expect(try embed([corner], "corner.safetensors").status == 0)
        let first = try #require(found["patches"]).narrow(dim: 0, start: 0, length: 1).floats()
        #expect(largestDifference(first, try values("corner.safetensors", "patches")) < 1e-5)
    }

    @Test func `a feature raster holds the patches of its windows at their places`() throws {
        let scene = try scene("scene.tif", width: 64, height: 64)
        #expect(try embed([scene], "windows.safetensors", "--window", "32", "--only", "patches").status == 0)
        #expect(Set(try tensors("windows.safetensors").keys) == ["patches", "bounds", "valid"])
        let outcome = try embed([scene], "features.tif", "--window", "32", "--overlap", "0")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let reader = try RasterReader(path: folder.file("features.tif"))
        #expect(reader.bands.count == 32 && reader.bands[5].name == "feature 5")
        #expect(reader.grid.transform.columnX == 4 && reader.grid.width == 16 && reader.grid.height == 16)
        let raster = try reader.read(reader.grid.window)
        let patches = try #require(try tensors("windows.safetensors")["patches"]).floats()
        var worst: Float = 0
        for window in 0..<4 {
            for place in 0..<64 {
                for band in 0..<32 {
                    let value = raster[band, window / 2 * 8 + place / 8, window % 2 * 8 + place % 8]
                    worst = max(worst, abs(value - patches[(window * 64 + place) * 32 + band]))
                }
            }
        }
        #expect(worst < 1e-5)
        #expect(FileManager.default.fileExists(atPath: folder.file("features.json")))
    }

    @Test func `a picture of components has the colours of the basis that it is given`() throws {
        let scene = try scene("scene.tif", width: 96, height: 64)
        let outcome = try embed([scene], "picture.tif", "--window", "32", "--pca", "3")
        #expect(outcome.status == 0 && outcome.output.contains("share of variance"), "\(outcome.errors)")
        #expect(
            try embed(
                [scene], "again.tif", "--window", "32", "--pca", "3", "--basis", folder.file("picture.pca.safetensors")
            ).status == 0)
        func read(_ name: String) throws -> PixelBuffer {
            let reader = try RasterReader(path: folder.file(name))
            return try reader.read(reader.grid.window)
        }
        let picture = try read("picture.tif")
        #expect(picture.sampleType == .uint8 && picture.bands == 3)
        #expect(try read("again.tif").samples == picture.samples)
        let used = try Data(contentsOf: URL(fileURLWithPath: folder.file("again.pca.safetensors")))
        #expect(used == (try Data(contentsOf: URL(fileURLWithPath: folder.file("picture.pca.safetensors")))))
        // A picture made again with its own components keeps them; a map of features takes picture and components away.
        #expect(
            try embed(
                [scene], "again.tif", "--window", "32", "--pca", "3", "--basis", folder.file("again.pca.safetensors"),
                "--overwrite"
            ).status == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("again.pca.safetensors"))) == used)
        let other = try embed(
            [scene], "other.tif", "--window", "32", "--pca", "3", "--layers", "0", "--basis",
            folder.file("picture.pca.safetensors"))
        #expect(other.status == 1 && other.errors.contains("from other tokens"), "\(other.errors)")
        let normalised = try Program.run([
            "embed", scene, "--weights", weights, "--statistics", "sat", "--window", "32", "--pca", "3", "--gsd",
            "native",
            "--basis", folder.file("picture.pca.safetensors"), "-o", folder.file("other.tif"),
        ])
        #expect(normalised.status == 1 && normalised.errors.contains("their mean is"), "\(normalised.errors)")
        let tags = try RasterReader(path: folder.file("picture.tif")).metadata(domain: "")
        #expect(tags["GEODINO_DTYPE"] == "float32" && tags["GEODINO_MEAN"] == "0.485,0.456,0.406")
        #expect(try embed([scene], "again.tif", "--window", "32", "--overwrite").status == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("again") }
        #expect(Set(left) == ["again.tif", "again.json"])
        // Two components are numbers, and the first varies most.
        #expect(try embed([scene], "two.tif", "--window", "32", "--pca", "2").status == 0)
        let two = try read("two.tif")
        #expect(two.sampleType == .float32 && two.bands == 2)
        let half = two.width * two.height
        func spread(_ values: some Collection<Float>) -> Float {
            let mean = values.reduce(0, +) / Float(values.count)
            return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        }
        #expect(spread(two.floats().prefix(half)) > spread(two.floats().suffix(half)))
    }

    @Test func `components are found where nearly all of a scene is empty`() throws {
        let (width, height) = (32 * 40, 32 * 4)
        var samples = [UInt8](repeating: 0, count: 3 * width * height)
        // One valid window of 160, which is not among the first 32 that are looked at.
        for band in 0..<3 {
            for row in 0..<32 {
                for column in 0..<32 {
                    samples[(band * height + 32 + row) * width + 32 * 7 + column] = max(1, value(band, row, column))
                }
            }
        }
        try writeRaster(
            PixelBuffer(
                bands: 3, height: height, width: width, samples: .uint8(samples),
                grid: Grid(
                    crs: CoordinateReferenceSystem("EPSG:32633"),
                    transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 1), width: width,
                    height: height)),
            to: folder.file("sparse.tif"), format: RasterFormat(sampleType: .uint8, nodata: 0, bands: BandInfo.rgb))
        let outcome = try embed(
            [folder.file("sparse.tif")], "out.tif", "--window", "32", "--overlap", "0", "--pca", "3")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let reader = try RasterReader(path: folder.file("out.tif"))
        let picture = try reader.read(reader.grid.window)
        #expect(
            (0..<picture.width * picture.height).count {
                picture.isValid(row: $0 / picture.width, column: $0 % picture.width)
            } == 64)
    }

    @Test func `tiles of a corpus and of its pack have the same tokens`() throws {
        let synth = try Program.run([
            "synth", folder.file("land"), "--scenes", "1", "--size", "128", "--seed", "3", "-q",
        ])
        #expect(synth.status == 0, "\(synth.errors)")
        let profile = folder.file("profile.yaml")
        let text = try String(
            contentsOf: Program.root.appendingPathComponent("tiles/smoke.yaml"), encoding: .utf8)
        try text.write(toFile: profile, atomically: true, encoding: .utf8)
        let tile = try Program.run([
            "tile", folder.file("land/scene-000/rgb.tif"), "-o", folder.file("corpus"), "--profile", profile, "-q",
        ])
        #expect(tile.status == 0, "\(tile.errors)")
        #expect(
            try Program.run(["corpus", "pack", folder.file("corpus"), "-o", folder.file("pack"), "-q"]).status == 0)
        #expect(try embed([folder.file("corpus")], "corpus.safetensors", "--only", "cls").status == 0)
        #expect(try embed([folder.file("pack")], "pack.safetensors", "--only", "cls").status == 0)
        let found = try values("corpus.safetensors", "cls")
        #expect(found.count >= 32 && found.count % 32 == 0)
        #expect(try values("pack.safetensors", "cls") == found)
        let raster = try embed([folder.file("pack")], "pack.tif")
        #expect(raster.status == 1 && raster.errors.contains("a .tif cannot be made from"), "\(raster.errors)")
        let mixed = try embed([folder.file("land/scene-000/rgb.tif"), folder.file("corpus")], "mixed.tif")
        #expect(mixed.status == 1 && mixed.errors.contains("other inputs"), "\(mixed.errors)")
        let window = try embed([folder.file("corpus")], "window.safetensors", "--window", "32")
        #expect(window.status == 1 && window.errors.contains("--window does not apply to tiles"), "\(window.errors)")
        let metadata = try SafetensorsFile(path: folder.file("corpus.safetensors")).metadata
        #expect(metadata["weights_sha256"]?.count == 64 && metadata["mean"] == "0.485,0.456,0.406")
    }

    @Test func `images are resampled where a side is given`() throws {
        let paths = [
            try scene("a.tif", width: 40, height: 56), try scene("b.tif", width: 64, height: 64, placed: false),
        ]
        let mixed = try embed(paths, "out.safetensors")
        #expect(mixed.status == 1 && mixed.errors.contains("--whole"), "\(mixed.errors)")
        let sizes = try embed(paths, "out.safetensors", "--whole")
        #expect(sizes.status == 1 && sizes.errors.contains("40 x 56") && sizes.errors.contains("--size"))
        #expect(try embed(paths, "out.safetensors", "--size", "32").status == 0)
        #expect(try #require(try tensors("out.safetensors")["patches"]).shape == [2, 8, 8, 32])
        // An image of the side that is asked for is not touched.
        #expect(try embed([paths[1]], "plain.safetensors").status == 0)
        #expect(try embed([paths[1]], "same.safetensors", "--size", "64").status == 0)
        #expect(try values("plain.safetensors", "cls") == values("same.safetensors", "cls"))
    }

    @Test func `what is read is never written over`() throws {
        let files = FileManager.default
        let own = folder.file("w.safetensors")
        #expect(
            try Program.run(["weights", "convert", weights, "-o", own, "--to", "geodino"]).status == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: own))
        let pixels = try pixels("pixels.safetensors", width: 32, height: 32)
        let scene = try scene("scene.tif", width: 64, height: 64)
        let image = try self.scene("image.safetensors", width: 32, height: 32, placed: false)
        try files.createSymbolicLink(atPath: folder.file("link.safetensors"), withDestinationPath: own)
        for (inputs, output) in [
            (["--tensor", pixels], own), (["--tensor", pixels], pixels),
            (["--tensor", pixels], folder.file("link.safetensors")), ([image], image), ([scene], scene),
            ([scene], own),
        ] {
            let outcome = try Program.run(
                ["embed"] + inputs + ["--weights", own, "--statistics", "web", "-o", output, "--overwrite", "-q"])
            #expect(outcome.status == 1 && outcome.errors.contains("overwrite an input"), "\(outcome.errors)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: own)) == before)
        // The source of a virtual raster, what lies beside weights, a folder behind a link.
        let text = """
            <VRTDataset rasterXSize="64" rasterYSize="64"><SRS>EPSG:32633</SRS>
            <GeoTransform>500000, 1, 0, 5000000, 0, -1</GeoTransform>
            \((1...3).map { band in
                """
                <VRTRasterBand dataType="Byte" band="\(band)"><SimpleSource>
                <SourceFilename relativeToVRT="1">scene.tif</SourceFilename><SourceBand>\(band)</SourceBand>
                </SimpleSource></VRTRasterBand>
                """
            }.joined())
            </VRTDataset>
            """
        try text.write(toFile: folder.file("scene.vrt"), atomically: true, encoding: .utf8)
        let copy = folder.file("copy")
        try files.copyItem(atPath: weights, toPath: copy)
        try files.createSymbolicLink(atPath: folder.file("linked"), withDestinationPath: "copy")
        for (input, from, output) in [
            (folder.file("scene.vrt"), weights, scene), (scene, copy + "/model.safetensors", copy + "/config.tif"),
            (scene, folder.file("linked"), copy + "/model.safetensors"),
        ] {
            let outcome = try Program.run([
                "embed", input, "--weights", from, "--statistics", "web", "-o", output, "--overwrite", "-q",
                "--window", "32", "--bands", "1,2,3",
            ])
            #expect(
                outcome.status == 1 && outcome.errors.contains("overwrite an input"), "\(output): \(outcome.errors)")
        }
        #expect(try RasterReader(path: scene).grid.width == 64 && files.fileExists(atPath: copy + "/config.json"))
        // An older output among the weights is none of them.
        for _ in 0..<2 {
            let outcome = try Program.run([
                "embed", scene, "--weights", copy, "--statistics", "web", "-o", copy + "/tokens.safetensors",
                "--overwrite", "-q", "--window", "32",
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        // What is called like an unfinished output is no unfinished output.
        let partial = folder.file("out.safetensors.partial")
        try files.copyItem(atPath: pixels, toPath: partial)
        #expect(
            try Program.run([
                "embed", "--tensor", partial, "--weights", weights, "-o", folder.file("out.safetensors"), "-q",
            ]).status == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: partial)) == Data(contentsOf: URL(fileURLWithPath: pixels)))
    }

    @Test func `half precision is near, also with weights that mask a bias`() throws {
        let masked = Program.root.appendingPathComponent("Tests/Golden/huggingface/official-eadcf0ff.pth").path
        let pixels = try pixels("pixels.safetensors", width: 32, height: 32)
        for (type, output) in [("float32", "full.safetensors"), ("bfloat16", "half.safetensors")] {
            let outcome = try Program.run([
                "embed", "--tensor", pixels, "--weights", masked, "--dtype", type, "-o", folder.file(output), "-q",
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        for name in ["cls", "patches"] {
            let full = try values("full.safetensors", name)
            let difference = largestDifference(try values("half.safetensors", name), full)
            let scale = full.map { abs($0) }.max() ?? 0
            #expect(difference > 0 && difference < 0.03 * scale, "\(name): \(difference) of \(scale)")
        }
    }

    @Test func `pixels that are no numbers are refused, with the image that holds them`() throws {
        var values = [Float](repeating: 0.5, count: 2 * 3 * 16 * 16)
        values[3 * 16 * 16 + 7] = .nan
        try writeSafetensors(
            [("pixels", Tensor(values, shape: [2, 3, 16, 16]))], to: folder.file("nan.safetensors"))
        let outcome = try Program.run([
            "embed", "--tensor", folder.file("nan.safetensors"), "--weights", weights, "-o",
            folder.file("out.safetensors"), "-q",
        ])
        #expect(outcome.status == 1 && outcome.errors.contains("image 1"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("out.safetensors")))
    }

    @Test func `a gray scene is like a gray image`() throws {
        let samples = (0..<32 * 32).map { UInt8($0 * 7 % 251) }
        for (name, placed) in [("placed.tif", true), ("plain.tif", false)] {
            let grid = Grid(
                crs: CoordinateReferenceSystem("EPSG:32633"),
                transform: GeoTransform(originX: 500_000, originY: 5_000_000, pixelSize: 1), width: 32, height: 32)
            try writeRaster(
                PixelBuffer(bands: 1, height: 32, width: 32, samples: .uint8(samples), grid: placed ? grid : nil),
                to: folder.file(name), format: RasterFormat(sampleType: .uint8, bands: [BandInfo(name: "gray")]))
        }
        #expect(try embed([folder.file("placed.tif")], "a.safetensors", "--window", "32").status == 0)
        #expect(try embed([folder.file("plain.tif")], "b.safetensors").status == 0)
        #expect(largestDifference(try values("a.safetensors", "cls"), try values("b.safetensors", "cls")) < 1e-5)
    }

    @Test func `layers of a ConvNeXt say on their own grid what counts`() throws {
        let convnext = Program.root.appendingPathComponent("Tests/Golden/huggingface/convnext").path
        let scene = try scene("scene.tif", width: 84, height: 64)
        let outcome = try Program.run([
            "embed", scene, "--weights", convnext, "--statistics", "web", "--window", "64", "--layers", "0", "-o",
            folder.file("out.safetensors"), "-q",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let found = try tensors("out.safetensors")
        let count = try #require(found["patches"]?.shape.first)
        let cells = try #require(found["layers.0.patches"]?.shape)
        #expect(found["valid"]?.shape == [count, 2, 2] && cells[1] == 4)
        #expect(found["layers.valid"]?.shape == [count, cells[1], cells[2]])
        // The second window has pixels in columns 64 to 84: 20 of 32, which counts, and 4 of the second 16, which does not.
        let valid = try #require(found["valid"]).to(.float32).floats()
        let fine = try #require(found["layers.valid"]).to(.float32).floats()
        #expect(valid.reduce(0, +) == 6 && fine.reduce(0, +) == 20)
    }

    @Test func `options that mean nothing are not passed over`() throws {
        let plain = try scene("plain.tif", width: 32, height: 32, placed: false)
        let pixels = try pixels("pixels.safetensors", width: 32, height: 32)
        for (option, value) in [("--window", "32"), ("--aoi", "a.geojson"), ("--gsd", "native"), ("--overlap", "4")] {
            let image = try embed([plain], "out.safetensors", option, value)
            #expect(image.status == 1 && image.errors.contains("\(option) does not apply"), "\(image.errors)")
            let tensor = try Program.run([
                "embed", "--tensor", pixels, "--weights", weights, "-o", folder.file("out.safetensors"), option, value,
            ])
            #expect(tensor.status == 64 && tensor.errors.contains(option))
        }
        #expect(try embed([plain], "out.safetensors", "--raw-layers").status == 64)
        #expect(try embed([plain], "out.npy").status == 64)
        #expect(try embed([plain], "out.safetensors", "--gsd", "1e-300").status == 64)
        let missing = try embed([plain], "nowhere/out.safetensors")
        #expect(missing.status == 1 && missing.errors.contains("mkdir -p"), "\(missing.errors)")
        let placed = try scene("placed.tif", width: 64, height: 64)
        let many = try embed([placed], "out.tif", "--window", "32", "--pca", "33")
        #expect(many.status == 1 && many.errors.contains("a token has 32"), "\(many.errors)")
    }

    @Test func `wrong inputs are named and leave nothing`() throws {
        let odd = try scene("odd.tif", width: 42, height: 40, placed: false)
        let patches = try embed([odd], "out.safetensors")
        #expect(patches.status == 1 && patches.errors.contains("42 x 40") && patches.errors.contains("--size 44"))
        let placed = try scene("placed.tif", width: 64, height: 64)
        let window = try embed([placed], "out.safetensors", "--window", "30")
        #expect(window.status == 1 && window.errors.contains("--window"))
        let layer = try embed([placed], "out.tif", "--window", "32", "--layers", "2")
        #expect(layer.status == 1 && layer.errors.contains("no layer 2"))
        #expect(try embed([placed], "out.tif", "--layers", "0,1").status == 64)
        #expect(try embed([placed], "out.safetensors", "--pca", "3").status == 64)
        #expect(try embed([], "out.safetensors").status == 64)
        let nowhere = try embed([folder.file("nowhere.png")], "out.safetensors")
        #expect(nowhere.status == 1 && nowhere.errors.contains("nowhere.png"))
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("out") }
        #expect(left.isEmpty, "\(left)")
    }
}
