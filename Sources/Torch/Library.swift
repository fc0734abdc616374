// Opens libctorch.so on first use, and keeps its table of functions.
internal import CTorchAPI
import Glibc
import Telemetry

/// The functions of libctorch.so.
///
/// The first use opens it; where that fails the program ends with the reason, so a command that needs
/// tensors calls `Torch.load()` first, which throws.
nonisolated(unsafe) let ct: UnsafePointer<ct_table> = {
    switch Library.opened {
    case .success(let table): return table
    case .failure(let error): fatalError(error.report)
    }
}()

/// How libctorch.so is found and opened.
enum Library {
    /// The table, or why there is none; tried once.
    nonisolated(unsafe) static let opened: Result<UnsafePointer<ct_table>, TorchError> = open()

    /// Where the library was found.
    static var path: String? { candidates().first { access($0, R_OK) == 0 } }

    /// Missing from Swift's view of dlfcn.h: the library looks for symbols in itself and what it needs
    /// before it looks in the program.
    ///
    /// Without it an OpenBLAS that GDAL brought along takes over libtorch's BLAS.
    static let deepBind: Int32 = 0x8

    /// The places where the library may lie, in order.
    static func candidates() -> [String] {
        if let named = getenv("GEODINO_CTORCH") { return [String(cString: named)] }
        let folder = executableFolder()
        return ["\(folder)/libctorch.so", "\(folder)/../lib/geodino/libctorch.so"]
    }

    /// The folder of the running program; under `swift test`, of the test bundle.
    static func executableFolder() -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                characters.baseAddress.map { readlink("/proc/self/exe", $0, characters.count) } ?? 0
            }
        }
        guard count > 0 else { return "." }
        let path = String(decoding: buffer[..<count], as: UTF8.self)
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }

    private static func open() -> Result<UnsafePointer<ct_table>, TorchError> {
        let remedy = """
            run `make setup`, or build it against an installed PyTorch with \
            `LIBTORCH=DIR Sources/CTorch/build -o libctorch.so` and set GEODINO_CTORCH to its path
            """
        // OpenMP's threads spin for milliseconds while they wait, and take the cores from the loader threads: on a busy machine a
        // step took four times as long. Not to spin at all costs a fifth of a small step on a quiet one, where a sleeper is slow to
        // wake. Some 100 microseconds lie between. Read once, when libgomp is loaded; what the user set stays.
        if getenv("OMP_WAIT_POLICY") == nil {
            setenv("OMP_WAIT_POLICY", "PASSIVE", 1)
            setenv("GOMP_SPINCOUNT", "10000", 0)
        }
        var tried: [String] = []
        for path in candidates() {
            guard access(path, R_OK) == 0 else {
                tried.append("\(path): \(systemMessage())")
                continue
            }
            guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL | deepBind) else {
                tried.append(dlerror().map { String(cString: $0) } ?? "\(path): cannot be opened")
                continue
            }
            guard let symbol = dlsym(library, "ct_open") else {
                tried.append("\(path): has no ct_open")
                continue
            }
            guard let table = unsafeBitCast(symbol, to: ct_open_function.self)() else {
                tried.append("\(path): ct_open returned nothing")
                continue
            }
            guard table.pointee.abi == CT_ABI_VERSION else {
                return .failure(
                    TorchError(
                        .libraryMismatch,
                        "libctorch.so has version \(table.pointee.abi) of its interface; expected \(CT_ABI_VERSION)",
                        in: path, try: remedy))
            }
            return .success(table)
        }
        return .failure(
            TorchError(
                .libraryMissing, "cannot open libctorch.so, the bridge to PyTorch", why: tried, try: remedy))
    }
}

/// The system's text of what went wrong last.
func systemMessage(_ number: Int32 = errno) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
}
