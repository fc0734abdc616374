// Sets of labelled images: folders of classes, lists, and how both are split.
import Benchmarks
import Foundation
import Geo
import Telemetry
import TestSupport
import Testing

/// Makes empty files; nothing of a set is opened when it is read.
private func touch(_ folder: TemporaryFolder, _ names: String...) throws {
    for name in names {
        let url = URL(filePath: folder.file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data().write(to: url)
    }
}

/// The error that a piece of work ends with.
private func failure(_ work: () throws -> Void) -> BenchmarksError? {
    do {
        try work()
        return nil
    } catch { return error as? BenchmarksError }
}

struct ClassFolderTests {
    @Test func `folders are classes, in the order of their names`() throws {
        let folder = TemporaryFolder()
        try touch(
            folder, "set/River/b.PNG", "set/River/a.tif", "set/Forest/x.jpeg", "set/.hidden/y.tif",
            "set/River/notes.txt", "set/River/.z.tif")
        let set = try readClassFolders(folder.file("set") + "/")
        #expect(set.name == "set" && set.classes == ["Forest", "River"] && !set.isMultiLabel)
        #expect(set.samples.map(\.name) == ["Forest/x.jpeg", "River/a.tif", "River/b.PNG"])
        #expect(set.samples.map(\.classes) == [[0], [1], [1]])
        #expect(set.samples.allSatisfy { $0.split == nil && FileManager.default.fileExists(atPath: $0.path) })
        #expect(set.notes == ["ignored 1 file without an image extension"])
        #expect(set.classCounts() == [1, 2])
    }

    @Test func `folders of splits hold folders of classes`() throws {
        let folder = TemporaryFolder()
        try touch(folder, "set/Test/a/1.tif", "set/train/a/2.tif", "set/train/b/3.tif", "set/valid/b/4.tif")
        let set = try readClassFolders(folder.file("set"), name: "mine")
        #expect(set.name == "mine" && set.classes == ["a", "b"])
        #expect(set.samples.map(\.name) == ["train/a/2.tif", "train/b/3.tif", "valid/b/4.tif", "Test/a/1.tif"])
        #expect(set.samples.map(\.split) == [.train, .train, .validation, .test])
        #expect(set.indices(of: .train) == [0, 1] && set.classCounts(.test) == [1, 0])
    }

    @Test func `a class may have the name of a split`() throws {
        let folder = TemporaryFolder()
        try touch(folder, "set/test/1.tif", "set/road/2.tif")
        let set = try readClassFolders(folder.file("set"))
        #expect(set.classes == ["road", "test"] && set.samples.allSatisfy { $0.split == nil })
    }

    @Test func `another folder next to those of splits is named`() throws {
        let folder = TemporaryFolder()
        try touch(folder, "set/train/a/1.tif", "set/test/a/2.tif", "set/__MACOSX/x.tif")
        let error = failure { _ = try readClassFolders(folder.file("set")) }
        #expect(error?.remedy == "move '__MACOSX' out of the folder")
    }

    @Test func `the same samples have the same hash, wherever they are`() throws {
        let folder = TemporaryFolder()
        try touch(
            folder, "x/set/a/1.tif", "x/set/b/2.tif", "y/set/a/1.tif", "y/set/b/2.tif", "z/set/a/1.tif", "z/set/b/3.tif"
        )
        let hashes = try ["x", "y", "z"].map { try readClassFolders(folder.file("\($0)/set")).hash }
        #expect(hashes[0] == hashes[1] && hashes[0] != hashes[2])
    }

    @Test func `what is no set is refused`() throws {
        let folder = TemporaryFolder()
        try touch(
            folder, "flat/1.tif", "one/a/1.tif", "twice/val/a/1.tif", "twice/valid/a/1.tif", "empty/a/notes.txt",
            "empty/b/notes.txt")
        #expect(failure { _ = try readClassFolders(folder.file("nowhere")) }?.code == .notFound)
        #expect(failure { _ = try readClassFolders(folder.file("flat/1.tif")) }?.code == .badForm)
        #expect(failure { _ = try readClassFolders(folder.file("flat")) }?.code == .badForm)
        #expect(failure { _ = try readClassFolders(folder.file("one")) }?.what == "all samples are of one class, 'a'")
        #expect(
            failure { _ = try readClassFolders(folder.file("twice")) }?.what.hasPrefix(
                "two folders are of the split validation") == true)
        let empty = failure { _ = try readClassFolders(folder.file("empty")) }
        #expect(empty?.code == .tooFew && empty?.causes.first?.hasPrefix("ignored 2 files") == true)
    }
}

struct SampleTableTests {
    private func table(_ text: String) throws -> SampleSet {
        let folder = TemporaryFolder()
        try Data(text.utf8).write(to: URL(filePath: folder.file("list.csv")))
        return try readSampleTable(folder.file("list.csv"))
    }

    @Test func `lists name files, labels, splits and groups`() throws {
        let set = try table(
            "\u{FEFF}label,Path,split,group\n# comment\nriver,\"a, b.tif\",train,north\n\nforest,/c.tif,VAL,\nriver,d.tif,test,south\n"
        )
        #expect(set.name == "list" && set.classes == ["forest", "river"])
        #expect(set.samples.map(\.name) == ["a, b.tif", "/c.tif", "d.tif"])
        #expect(set.samples[0].path.hasSuffix("/a, b.tif") && set.samples[1].path == "/c.tif")
        #expect(set.samples.map(\.split) == [.train, .validation, .test])
        #expect(set.samples.map(\.group) == ["north", nil, "south"])
    }

    @Test func `numbers are classes in the order of their values`() throws {
        #expect(try table("path,label\na,10\nb,9\nc,-1\n").classes == ["-1", "9", "10"])
    }

    @Test func `several labels or none make a set multi-label`() throws {
        let set = try table("path,label\na,x; y\nb,\nc,y\n")
        #expect(set.isMultiLabel && set.classes == ["x", "y"] && set.samples.map(\.classes) == [[0, 1], [], [1]])
        #expect(set.classCounts() == [1, 2])
    }

    @Test(arguments: [
        ("", "the list is empty"),
        ("image,label\na,b\n", "line 1: the header must name the columns path and label; found image,label"),
        ("path,label\n,b\n", "line 2: path or label is missing; found ',b'"),
        ("path,label\n\na,\"b\n", "line 3: a quote is not closed"),
        ("path,label,split\na,b,dev\n", "line 2: the split must be train, val or test; found 'dev'"),
        ("path,label,split\na,b,train\na,c,test\n", "the sample 'a' is in two splits, train and test"),
        ("path,label\na,b\na,c\n", "two samples have the same name, 'a'"),
        ("path,label\na,b\n", "all samples are of one class, 'b'"),
        ("path,label\n", "there are no samples"),
    ])
    func `faults are named`(_ text: String, _ what: String) throws {
        #expect(failure { _ = try table(text) }?.what == what)
    }
}

struct SplitRuleTests {
    /// 100 samples of two classes, a quarter of the second; ten groups of ten where asked for.
    private func samples(grouped: Bool = false) -> [BenchmarkSample] {
        (0..<100).map { index in
            BenchmarkSample(
                name: "\(index).tif", path: "/\(index).tif", classes: [index % 4 == 0 ? 1 : 0],
                group: grouped ? "g\(index / 10)" : nil)
        }
    }

    private func set(_ samples: [BenchmarkSample]) throws -> SampleSet {
        try SampleSet(name: "drawn", classes: ["a", "b"], samples: samples, in: "here")
    }

    @Test func `each split has its share of each class`() throws {
        let divided = try set(samples()).divided(by: SplitRule(test: 0.2, validation: 0.12, seed: 3), in: "here")
        #expect(divided.classCounts(.test) == [15, 5] && divided.classCounts(.validation) == [9, 3])
        #expect(divided.classCounts(.train) == [51, 17])
    }

    @Test func `the order of files does not matter, the seed does`() throws {
        func test(_ samples: [BenchmarkSample], seed: UInt64) throws -> Set<String> {
            let divided = try set(samples).divided(by: SplitRule(seed: seed), in: "here")
            return Set(divided.indices(of: .test).map { divided.samples[$0].name })
        }
        let first = try test(samples(), seed: 1)
        #expect(first.count == 20)
        #expect(try test(samples().reversed(), seed: 1) == first)
        #expect(try test(samples(), seed: 2) != first)
        // Of the second class, in the order of SHA-256 of "1/sample/NAME" (Python's hashlib).
        #expect(try test(samples(), seed: 1).isSuperset(of: ["8.tif", "80.tif", "12.tif", "32.tif", "20.tif"]))
    }

    @Test func `combinations of labels are not divided one by one`() throws {
        let many = (0..<60).map { index in
            BenchmarkSample(name: "\(index)", path: "", classes: (0..<6).filter { index >> $0 & 1 == 1 })
        }
        let set = try SampleSet(
            name: "many", classes: (0..<6).map { "\($0)" }, isMultiLabel: true, samples: many, in: "here")
        let divided = try set.divided(by: SplitRule(test: 0.2, validation: 0.1), in: "here")
        #expect(divided.indices(of: .test).count == 12 && divided.indices(of: .validation).count == 6)
    }

    @Test func `a part of few samples has one at least`() {
        let few = Array(samples().prefix(4))
        #expect(SplitRule(test: 0.1, validation: 0).part(of: few, isMultiLabel: false).count == 1)
        #expect(SplitRule(test: 0.1, validation: 0).part(of: Array(few.prefix(1)), isMultiLabel: false) == [])
        #expect(SplitRule(test: 0.1, validation: 0).part(of: samples(), isMultiLabel: false).count == 9)
    }

    @Test func `groups are in one split each`() throws {
        let divided = try set(samples(grouped: true)).divided(by: SplitRule(test: 0.3, validation: 0.1), in: "here")
        let splits = Dictionary(grouping: divided.samples, by: { $0.group ?? "" }).mapValues {
            Set($0.map(\.split)).count
        }
        #expect(splits.count == 10 && splits.values.allSatisfy { $0 == 1 })
        #expect(divided.indices(of: .test).count == 30 && divided.indices(of: .validation).count == 10)
    }

    @Test func `groups come from names`() throws {
        let named = [
            BenchmarkSample(name: "Dead/HARV_002_2019_1.png", path: "", classes: [0]),
            BenchmarkSample(name: "Alive/HARV_002_2018_7.png", path: "", classes: [1]),
        ]
        #expect(
            try set(named).grouped(by: "/([A-Z]+_[0-9]+)_", in: "here").samples.map(\.group) == [
                "HARV_002", "HARV_002",
            ])
        #expect(try set(named).grouped(by: "[a-zA-Z]+/", in: "here").samples.map(\.group) == ["Dead/", "Alive/"])
        #expect(failure { _ = try set(named).grouped(by: "(", in: "here") }?.code == .badForm)
        #expect(
            failure { _ = try set(named).grouped(by: "2019", in: "here") }?.what.contains("Alive/HARV_002_2018_7.png")
                == true)
    }

    @Test func `leaks and empty splits are refused`() throws {
        var some = samples()
        some[7].split = .train
        #expect(
            failure { _ = try set(some).divided(by: SplitRule(), in: "here") }?.what
                == "99 samples of 100 have no split")
        var leak = samples(grouped: true)
        for index in leak.indices { leak[index].split = index % 10 == 9 ? .test : .train }
        #expect(
            failure { _ = try set(leak).divided(by: SplitRule(), in: "here") }?.what
                == "the group 'g0' is in two splits, train and test")
        for rule in [
            SplitRule(test: 0), SplitRule(test: 0.5, validation: 0.5), SplitRule(test: .nan), SplitRule(validation: -1),
        ] {
            #expect(failure { _ = try set(samples()).divided(by: rule, in: "here") }?.code == .badForm)
        }
        let few = Array(samples().prefix(3))
        #expect(failure { _ = try set(few).divided(by: SplitRule(), in: "here") }?.code == .tooFew)
    }
}

struct KnownSetTests {
    @Test func `classes keep their numbers, whichever are there`() throws {
        let folder = TemporaryFolder()
        try touch(folder, "d/EuroSAT_RGB/SeaLake/SeaLake_1.jpg", "d/EuroSAT_RGB/AnnualCrop/AnnualCrop_7.jpg")
        let set = try KnownSet.eurosat.read(folder.file("d"))
        #expect(set.name == "eurosat" && set.classes.count == 10)
        #expect(set.samples.map(\.classes) == [[0], [9]] && set.samples.allSatisfy { $0.split == nil })
        #expect(set.notes == ["only 2 of eurosat's 10 classes are present"])
        #expect(try KnownSet.eurosat.read(folder.file("d/EuroSAT_RGB")).samples.map(\.name) == set.samples.map(\.name))
    }

    @Test func `lists are the splits, whatever the names end with`() throws {
        let folder = TemporaryFolder()
        try touch(
            folder, "d/UCMerced_LandUse/Images/beach/beach00.tif", "d/UCMerced_LandUse/Images/river/river05.tif",
            "d/UCMerced_LandUse/Images/river/river06.tif")
        _ = try folder.write("beach00.tif\n", to: "d/uc_merced-train.txt")
        _ = try folder.write("river05.png\n\n", to: "d/uc_merced-val.txt")
        #expect(
            failure { _ = try KnownSet.ucMerced.read(folder.file("d")) }?.place.hasSuffix("uc_merced-test.txt") == true)
        _ = try folder.write("river06.tif\n", to: "d/uc_merced-test.txt")
        let set = try KnownSet.ucMerced.read(folder.file("d"))
        #expect(
            set.samples.map(\.split) == [.train, .validation, .test] && set.samples.map(\.classes) == [[3], [16], [16]])
        _ = try folder.write("river06.tif\nbeach00.tif\n", to: "d/uc_merced-test.txt")
        #expect(
            failure { _ = try KnownSet.ucMerced.read(folder.file("d")) }?.what
                == "the image 'beach00.tif' is in two splits, train and test")
        _ = try folder.write("\n", to: "d/uc_merced-test.txt")
        #expect(
            failure { _ = try KnownSet.ucMerced.read(folder.file("d")) }?.what.hasPrefix(
                "the lists of splits do not name") == true)
    }

    @Test func `other folders are refused`() throws {
        let folder = TemporaryFolder()
        try touch(
            folder, "both/EuroSAT_RGB/River/1.jpg", "both/EuroSAT_MS/River/1.tif", "other/cats/1.jpg",
            "more/River/1.jpg", "more/cats/2.jpg")
        #expect(
            failure { _ = try KnownSet.eurosat.read(folder.file("both")) }?.what
                == "the folder holds eurosat in 2 forms")
        #expect(failure { _ = try KnownSet.eurosat.read(folder.file("other")) }?.code == .badForm)
        #expect(
            failure { _ = try KnownSet.eurosat.read(folder.file("more")) }?.what == "'cats' is not a class of eurosat")
    }
}

struct SampleImageTests {
    @Test(.enabled(if: SharedData.folder != nil, "\(SharedData.absence)"))
    func `real images are read whole, in 8 bits, with their class`() throws {
        let data = try #require(SharedData.folder)
        let set = try KnownSet.eurosat.read(data + "/classification/eurosat_samples/EuroSAT_RGB")
        let layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 64, gsd: nil, stretch: .none)
        let images = try SampleImages(set, layout: layout)
        #expect(images.count == 3 && set.samples.map(\.classes) == [[0], [5], [9]])
        let item = try images.item(1)
        #expect(item.width == 64 && item.height == 64 && item.name == "Pasture/Pasture_300.jpg")
        let sample = try images.sample(1, window: PixelWindow(column: 0, row: 0, width: 64, height: 64))
        #expect(sample.image.bands == 3 && sample.image.sampleType == .uint8)
        guard case .labels(let labels) = sample.target else {
            Issue.record("a classification set labels images")
            return
        }
        #expect(labels == [5])
        #expect(try SampleImages(set, layout: layout).fingerprint == images.fingerprint)
    }

    @Test(.enabled(if: SharedData.folder != nil, "\(SharedData.absence)"))
    func `16-bit values need a stretch`() throws {
        let data = try #require(SharedData.folder)
        let set = try KnownSet.eurosat.read(data + "/classification/eurosat_samples/EuroSAT_MS")
        let whole = PixelWindow(column: 0, row: 0, width: 64, height: 64)
        var layout = PixelLayout(bands: BandInfo.rgb, sampleType: .uint8, tileSize: 64, gsd: nil, stretch: .none)
        let raw = try SampleImages(set, layout: layout, bands: [4, 3, 2])
        #expect { try raw.sample(0, window: whole) } throws: { ($0 as? BenchmarksError)?.code == .readFailed }
        layout.stretch = .fixed(low: 0, high: 3000)
        let image = try SampleImages(set, layout: layout, bands: [4, 3, 2]).sample(0, window: whole).image
        #expect(image.bands == 3 && image.sampleType == .uint8)
    }
}
