// Files in memory that GDAL opens by a name.
internal import CGDAL
import Synchronization
internal import Telemetry

private let memoryNumber = Atomic<Int>(0)

/// A name in GDAL's memory file system that is not used elsewhere.
func memoryName(_ ending: String = ".tif") -> String {
    "/vsimem/geodino-\(memoryNumber.wrappingAdd(1, ordering: .relaxed).newValue)\(ending)"
}

/// A file in GDAL's memory file system, which GDAL opens by its name; it is removed when this object is released.
final class MemoryFile {
    let name: String
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let gdal: GDALFunctions

    init(_ content: [UInt8], ending: String, path: String) throws(RasterError) {
        gdal = try GDAL.api()
        name = memoryName(ending)
        bytes = .allocate(capacity: max(1, content.count))
        _ = bytes.initialize(from: content)
        let (file, messages) = gdal.collect {
            $0.VSIFileFromMemBuffer(name, bytes.baseAddress, vsi_l_offset(content.count), 0)
        }
        guard let file else {
            throw RasterError(.readFailed, "cannot hold the file in memory", in: path, why: messages.all)
        }
        _ = gdal.collect { discard($0.VSIFCloseL(file)) }
    }

    deinit {
        _ = gdal.collect { discard($0.VSIUnlink(name)) }
        bytes.deallocate()
    }
}
