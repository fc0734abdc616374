// Loading libctorch.so, its table, its reports.
import CTorchAPI
import Glibc
import Synchronization
import Telemetry
import Testing
import Torch

private let stage = Atomic(0)

struct LibraryTests {
    @Test func `the report names versions, BLAS and paths`() throws {
        let info = try Torch.info()
        #expect(info.version.hasPrefix("2."))
        #expect(info.abi == CT_ABI_VERSION)
        #expect(info.library.hasSuffix("libctorch.so"))
        #expect(info.libtorch.contains("libtorch_cpu"))
        #expect(!info.blas.isEmpty && info.blas != "unknown")
        #expect(info.cuda == "none" || info.cuda.contains("."))
    }

    @Test func `every function of the table is there, and nothing else is exported`() throws {
        let library = try #require(dlopen(try Torch.info().library, RTLD_NOW | RTLD_NOLOAD))
        let symbol = try #require(dlsym(library, "ct_open"))
        let table = try #require(unsafeBitCast(symbol, to: ct_open_function.self)())
        let start = MemoryLayout<ct_table>.offset(of: \.error_text) ?? 0
        let count = (MemoryLayout<ct_table>.size - start) / MemoryLayout<Int>.size
        #expect(count == Int(table.pointee.function_count))
        for index in 0..<count {
            let address = UnsafeRawPointer(table).load(fromByteOffset: start + index * 8, as: Int.self)
            #expect(address != 0, "function \(index)")
        }
        #expect(dlsym(library, "ct_matmul") == nil)
    }

    @Test func `a library that is not there is one error that lists what was tried`() async {
        await #expect(processExitsWith: .success) {
            setenv("GEODINO_CTORCH", "/nowhere/libctorch.so", 1)
            do throws(TorchError) {
                try Torch.load()
                exit(3)
            } catch {
                let isClear =
                    error.code == .libraryMissing
                    && error.causes == ["/nowhere/libctorch.so: No such file or directory"]
                    && error.remedy?.contains("make setup") == true
                exit(isClear ? 0 : 4)
            }
        }
    }

    /// A number that one thread sets is its own, whatever another one sets before the first has computed anything.
    @Test func `threads that set different numbers keep them`() async {
        await #expect(processExitsWith: .success) {
            var thread = pthread_t()
            let created = pthread_create(
                &thread, nil,
                { _ in
                    Torch.setThreads(1)
                    stage.store(1, ordering: .sequentiallyConsistent)
                    while stage.load(ordering: .sequentiallyConsistent) != 2 { usleep(100) }
                    let sum = Tensor.ones([8]).sum().floats()
                    exit(Torch.threads == 1 && sum == [8] ? 0 : 3)
                }, nil)
            guard created == 0 else { exit(2) }
            while stage.load(ordering: .sequentiallyConsistent) != 1 { usleep(100) }
            Torch.setThreads(2)
            stage.store(2, ordering: .sequentiallyConsistent)
            pthread_join(thread, nil)
        }
    }

    // What libtorch calls is decided when it is loaded, so each case needs a process of its own. OpenBLAS stands
    // for what comes with GDAL.
    @Test(.enabled(if: hasOpenBLAS, "OpenBLAS is not installed: nothing could take over libtorch's BLAS"))
    func `OpenBLAS loaded first does not take over libtorch's matrix product`() async {
        await #expect(processExitsWith: .success) {
            guard dlopen("libopenblas.so.0", RTLD_NOW | RTLD_GLOBAL) != nil else { exit(2) }
            let product = matmul(Tensor.ones([64, 64]), Tensor.ones([64, 64]))
            guard product.floats() == [Float](repeating: 64, count: 64 * 64) else { exit(3) }
            guard let info = try? Torch.info() else { exit(4) }
            exit(info.blasLibrary.contains("openblas") ? 5 : 0)
        }
    }

    // The check above must be able to fail.
    @Test(.enabled(if: hasOpenBLAS && takesOver, "OpenBLAS or an x86 libtorch is not installed"))
    func `without deep binding OpenBLAS would take it over`() async {
        await #expect(processExitsWith: .success) {
            guard let path = Torch.libraryPath, dlopen("libopenblas.so.0", RTLD_NOW | RTLD_GLOBAL) != nil,
                let library = dlopen(path, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(library, "ct_open"),
                let table = unsafeBitCast(symbol, to: ct_open_function.self)(),
                let text = table.pointee.info(Int32(CT_INFO_SGEMM))
            else { exit(2) }
            exit(String(cString: text).contains("openblas") ? 0 : 5)
        }
    }
}

/// Whether there is an OpenBLAS to load.
private let hasOpenBLAS = dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_LOCAL) != nil

/// Whether libtorch has its BLAS inside and calls it by a name that others have too, as the x86 builds do.
private let takesOver = (try? Torch.info()).map { $0.blasLibrary == $0.libtorch } ?? false
