// What holds for libtorch as a whole: loading, versions, threads, CUDA.
internal import CTorchAPI
public import Telemetry

/// libtorch as a whole.
public enum Torch {
    /// What is loaded, for `geodino doctor` and the records of runs.
    public struct Info: Sendable {
        /// Version of libtorch.
        public let version: String
        /// Version of CUDA, or `none`.
        public let cuda: String
        /// The BLAS that libtorch names.
        public let blas: String
        /// The library whose matrix product libtorch calls.
        public let blasLibrary: String
        /// Number of the contract between Swift and libctorch.so.
        public let abi: Int
        /// Path of libctorch.so.
        public let library: String
        /// Path of libtorch.
        public let libtorch: String
    }

    /// Opens libctorch.so, or says where it was looked for.
    ///
    /// Opened anyway on first use of a tensor; but there a missing library ends the program.
    public static func load() throws(TorchError) {
        _ = try Library.opened.get()
    }

    /// What is loaded.
    public static func info() throws(TorchError) -> Info {
        try load()
        func text(_ what: Int) -> String { ct.pointee.info(Int32(what)).map { String(cString: $0) } ?? "" }
        return Info(
            version: text(CT_INFO_TORCH), cuda: text(CT_INFO_CUDA), blas: text(CT_INFO_BLAS),
            blasLibrary: text(CT_INFO_SGEMM), abi: Int(ct.pointee.abi), library: Library.path ?? "",
            libtorch: text(CT_INFO_LIBTORCH))
    }

    /// Sets how many threads one operation of this thread, and of threads that have computed nothing yet, may use; affects
    /// the last bits of some sums.
    public static func setThreads(_ count: Int) {
        precondition(count > 0, "at least one thread is needed, got \(count)")
        perform("setThreads", []) { ct.pointee.set_threads(count) }
    }

    /// How many threads one operation may use.
    public static var threads: Int { ct.pointee.threads() }

    /// Number of CUDA devices; 0 without CUDA or without a driver.
    public static var cudaDeviceCount: Int { ct.pointee.cuda_devices() }

    /// Whether tensors can live on a GPU here.
    public static var isCUDAAvailable: Bool { cudaDeviceCount > 0 }

    /// Waits until a GPU has done everything asked of it so far; nothing to wait for on the CPU.
    public static func synchronize(_ device: Device) {
        guard case .cuda(let index) = device else { return }
        perform("synchronize", []) { ct.pointee.cuda_synchronize(Int32(index)) }
    }

    /// Where libctorch.so lies; `nil` where it is not found.
    package static var libraryPath: String? { Library.path }

    /// Number of tensor handles alive in the whole process; for tests of lifetimes.
    package static var liveHandles: Int { ct.pointee.live_handles() }
}
