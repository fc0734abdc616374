// Loading libctorch.so, its table, its reports.
import CTorchAPI
import Glibc
import Telemetry
import Testing
import Torch

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
}
