// Counters that turn over, and what is said where there are none.
import Foundation
import Telemetry
import Testing

struct EnergyMeterTests {
    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test func `packages are counted over a turn, their parts are not`() throws {
        let folder = NSTemporaryDirectory() + "energy-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl:2", "dtpm"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            try write("900000000\n", "\(folder)/\(name)/energy_uj")
            try write("1000000000\n", "\(folder)/\(name)/max_energy_range_uj")
            // The platform's counter holds the packages'.
            try write(name.hasSuffix("2") ? "psys\n" : "package-\(name.suffix(1))\n", "\(folder)/\(name)/name")
        }
        let meter = EnergyMeter(card: nil, watts: 50, threads: 2, folder: folder)
        try write("950000000\n", "\(folder)/intel-rapl:0/energy_uj")
        meter.update()
        // 100 J past the turn: 50 to the end, 50 from the start.
        try write("50000000\n", "\(folder)/intel-rapl:0/energy_uj")
        try write("901500000\n", "\(folder)/intel-rapl:1/energy_uj")
        let parts = meter.parts()
        #expect(parts.map(\.source) == ["rapl", "rapl"] && parts.map(\.what) == ["package-0", "package-1"])
        #expect(abs(parts[0].joules - 150) < 1e-6 && abs(parts[1].joules - 1.5) < 1e-6, "\(parts)")
        // A counter that nobody may read any more counts no further.
        try FileManager.default.removeItem(atPath: "\(folder)/intel-rapl:0/energy_uj")
        #expect(abs(meter.parts()[0].joules - 150) < 1e-6)
    }

    @Test func `without a counter, power times time is said to be an estimate`() throws {
        let given = EnergyMeter(card: nil, watts: 80, threads: 2, folder: "/nowhere")
        let assumed = EnergyMeter(card: nil, watts: nil, threads: 3, folder: "/nowhere")
        Thread.sleep(forTimeInterval: 0.05)
        let parts = given.parts()
        #expect(parts.count == 1 && parts[0].source == "estimate" && parts[0].what == "80 W x time (as given)")
        #expect(parts[0].joules >= 0.05 * 80 && parts[0].joules < 80 * 60)
        #expect(assumed.parts()[0].what == "30 W x time (10 W for each of 3 threads)")
    }
}
