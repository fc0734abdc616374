// How much energy this machine uses: from the counters of processors and graphics cards if it has any, otherwise an estimate.
import FoundationEssentials
import Glibc

/// Energy from a moment on.
///
/// Processors: the RAPL counters of the kernel (`/sys/class/powercap`), of the whole packages and so of everything that runs on them, but
/// without memory modules; often readable by root alone. An NVIDIA card: the counter of its driver, through NVML. Where the device that
/// computes has no counter, its power times the time is taken, which is said to be an estimate; beside a card, a processor without a
/// readable counter is left out. Counters of processors turn over after minutes to hours: call `update` now and then.
public final class EnergyMeter {
    /// One source's share.
    public struct Part: Codable, Sendable, Equatable {
        /// `rapl`, `nvml` or `estimate`.
        public var source: String
        /// What was measured, or what was assumed.
        public var what: String
        /// Energy in joules.
        public var joules: Double
    }

    private let counters: [PackageCounter]
    private let card: CardCounter?
    private let watts: Double
    private let estimated: String?
    private let start = EnergyMeter.now()

    /// Starts counting.
    ///
    /// - Parameters:
    ///   - card: Index of the NVIDIA card that computes; `nil` for a computation on the processor.
    ///   - watts: Power to assume where no counter can be read; `nil` for the card's limit, or 10 W per thread in use.
    ///   - threads: Threads that compute.
    ///   - folder: Where the kernel shows the counters.
    public init(card index: Int?, watts: Double?, threads: Int, folder: String = "/sys/class/powercap") {
        counters = PackageCounter.all(in: folder)
        card = index.flatMap { CardCounter(index: $0) }
        let isMeasured = index == nil ? !counters.isEmpty : card?.millijoules() != nil
        let limit = card?.limitWatts()
        self.watts = watts ?? limit ?? 10 * Double(threads)
        let whose =
            watts != nil ? "as given" : limit != nil ? "the card's limit" : "10 W for each of \(threads) threads"
        let shown = self.watts < 1e9 ? "\(Int(self.watts.rounded()))" : "\(self.watts)"
        estimated = isMeasured ? nil : "\(shown) W x time (\(whose))"
    }

    /// Reads counters that turn over.
    public func update() { for counter in counters { counter.update() } }

    /// Energy since the start, by source.
    public func parts() -> [Part] {
        update()
        var parts = counters.map { Part(source: "rapl", what: $0.name, joules: $0.joules) }
        if let joules = card?.joules() {
            parts.append(Part(source: "nvml", what: card?.name ?? "card", joules: joules))
        }
        if let estimated {
            parts.append(Part(source: "estimate", what: estimated, joules: watts * (Self.now() - start)))
        }
        return parts
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
}

/// The counter of one processor package.
private final class PackageCounter {
    let name: String
    private let path: String
    private let range: UInt64
    private var last: UInt64
    private(set) var joules = 0.0

    /// The packages whose counter this process may read.
    ///
    /// Cores and graphics of a package, such as `intel-rapl:0:0`, are in it already; `psys` holds the packages.
    static func all(in folder: String) -> [PackageCounter] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().filter { $0.hasPrefix("intel-rapl:") && $0.count(where: { $0 == ":" }) == 1 }
            .compactMap { PackageCounter("\(folder)/\($0)") }.filter { $0.name.hasPrefix("package") }
    }

    private init?(_ folder: String) {
        path = "\(folder)/energy_uj"
        guard let now = Self.number(path), let range = Self.number("\(folder)/max_energy_range_uj"), range > 0 else {
            return nil
        }
        name = Self.text("\(folder)/name") ?? folder
        self.range = range
        last = now
    }

    func update() {
        guard let now = Self.number(path) else { return }
        let change = now >= last ? now - last : range - min(last, range) + now
        joules += Double(change) * 1e-6
        last = now
    }

    private static func text(_ path: String) -> String? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline && $0 != " " }
        return text.isEmpty ? nil : text
    }

    private static func number(_ path: String) -> UInt64? { text(path).flatMap { UInt64($0) } }
}

/// The counter of one NVIDIA card, through the driver's library.
private final class CardCounter {
    private let library: UnsafeMutableRawPointer
    private let device: OpaquePointer
    private var start: UInt64 = 0
    let name: String

    init?(index: Int) {
        guard let library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL) else { return nil }
        self.library = library
        typealias Start = @convention(c) () -> Int32
        typealias Handle = @convention(c) (UInt32, UnsafeMutablePointer<OpaquePointer?>) -> Int32
        var found: OpaquePointer?
        guard let place = UInt32(exactly: Self.place(of: index)), let begin = dlsym(library, "nvmlInit_v2"),
            let handle = dlsym(library, "nvmlDeviceGetHandleByIndex_v2"),
            unsafeBitCast(begin, to: Start.self)() == 0,
            unsafeBitCast(handle, to: Handle.self)(place, &found) == 0, let found
        else { return nil }
        device = found
        name = "card \(index)"
        start = millijoules() ?? 0
    }

    /// The driver's number for the card that has this index in the process, since CUDA_VISIBLE_DEVICES may hide others.
    ///
    /// CUDA may order unequal cards by speed instead, unless CUDA_DEVICE_ORDER says PCI_BUS_ID.
    private static func place(of index: Int) -> Int {
        guard let text = getenv("CUDA_VISIBLE_DEVICES") else { return index }
        // Cards may be named instead of numbered; those names are another library's.
        let shown = String(cString: text).split(separator: ",").map { UInt32($0.filter { $0 != " " }) }
        return index < shown.count ? shown[index].map(Int.init) ?? index : index
    }

    /// Energy since the driver was loaded; cards before Volta have no such counter.
    func millijoules() -> UInt64? {
        typealias Read = @convention(c) (OpaquePointer, UnsafeMutablePointer<UInt64>) -> Int32
        var value: UInt64 = 0
        guard let read = dlsym(library, "nvmlDeviceGetTotalEnergyConsumption"),
            unsafeBitCast(read, to: Read.self)(device, &value) == 0
        else { return nil }
        return value
    }

    func joules() -> Double? { millijoules().map { $0 >= start ? Double($0 - start) * 1e-3 : 0 } }

    /// The most that the card may take.
    func limitWatts() -> Double? {
        typealias Read = @convention(c) (OpaquePointer, UnsafeMutablePointer<UInt32>) -> Int32
        var value: UInt32 = 0
        guard let read = dlsym(library, "nvmlDeviceGetPowerManagementLimit"),
            unsafeBitCast(read, to: Read.self)(device, &value) == 0
        else { return nil }
        return Double(value) * 1e-3
    }
}
