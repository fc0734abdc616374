// Samples as GEO-Bench gives them: an HDF5 file each.
internal import Files
internal import Raster
internal import Telemetry

/// The HDF5 files of a task's folder; each is opened when it is asked for.
struct GeoBenchHDF5: GeoBenchStore {
    private let folder: String
    private let known: Set<String>

    /// How the names of files end.
    static let ending = ".hdf5"

    /// Takes the files of a folder.
    ///
    /// - Parameter files: Names of all files in it.
    init(folder: String, files: [String]) {
        self.folder = folder
        known = Set(files.compactMap { $0.hasSuffix(Self.ending) ? String($0.dropLast(Self.ending.count)) : nil })
    }

    func has(_ sample: String) -> Bool { known.contains(sample) }

    func open(_ sample: String) throws(BenchmarksError) -> any GeoBenchOpened { OpenedHDF5(file: try file(sample)) }

    func metadata(of sample: String) throws(BenchmarksError) -> GeoBenchMetadata {
        let file = try file(sample)
        do throws(FileComplaint) {
            // Files that were converted so that no pickle has to be read.
            if let text = file.attribute("metadata_json") {
                guard let value = GeoBenchFile.json(Array(text.utf8)) else {
                    throw FileComplaint("its attribute metadata_json is not JSON")
                }
                return try GeoBenchMetadata(value)
            }
            guard let text = file.attribute("pickle") else { throw FileComplaint("it has no attribute pickle") }
            return try GeoBenchMetadata(PlainValue(pickle: PythonBytes.bytes(of: text)))
        } catch {
            throw .unreadable("cannot read the sample's metadata", file.path, error)
        }
    }

    func place(of sample: String) -> String { joined(folder, sample + Self.ending) }

    func stamp(of sample: String) -> [String] {
        [sample + Self.ending, FileStamp(place(of: sample))?.text ?? "absent"]
    }

    private func file(_ sample: String) throws(BenchmarksError) -> ArrayFile {
        do throws(RasterError) { return try ArrayFile(path: place(of: sample)) } catch {
            throw BenchmarksError(asRead: error)
        }
    }
}

/// An HDF5 file of one sample.
private struct OpenedHDF5: GeoBenchOpened {
    let file: ArrayFile

    var place: String { file.path }

    var names: [String] { file.entries.map(\.name) }

    func array(_ name: String) throws(BenchmarksError) -> NumberArray {
        do throws(RasterError) { return try file.read(name) } catch { throw BenchmarksError(asRead: error) }
    }

    func shape(of name: String) -> (shape: [Int], type: ElementType?) { (file[name]?.shape ?? [], file[name]?.type) }
}

extension BenchmarksError {
    /// What GDAL says of a file.
    init(asRead error: RasterError) {
        self.init(
            error.code == .notFound ? .notFound : .readFailed, error.what, in: error.place, why: error.causes,
            try: error.remedy)
    }
}
