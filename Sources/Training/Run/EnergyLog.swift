// energy.json: what a run has taken, over all the times that it went on.
internal import Files
internal import FoundationEssentials
public import Telemetry

/// The energy of a run, session by session; kept apart from the metrics, which do not depend on the machine.
public struct EnergyReport: Codable, Sendable, Equatable {
    /// One time that the run went on.
    public struct Session: Codable, Sendable, Equatable {
        /// Steps done before and after it.
        public var steps: [Int]
        /// Its length.
        public var seconds: Double
        /// Where its energy was counted, or what it was estimated from.
        public var parts: [EnergyMeter.Part]
        /// Energy of the machine, kWh.
        public var kWh: Double

        enum CodingKeys: String, CodingKey {
            case steps, seconds, parts
            case kWh = "kwh"
        }
    }

    /// The sessions, in order.
    public var sessions: [Session] = []
    /// What the building takes for each unit that the machine takes.
    public var pue: Double
    /// Emissions of the grid, kg of CO2 equivalent per kWh.
    public var kgPerKWh: Double
    /// Energy of the machine, of all sessions, kWh.
    public var kWh = 0.0
    /// The same with what the building takes, kWh.
    public var kWhWithBuilding = 0.0
    /// Emissions, kg of CO2 equivalent.
    public var kgCO2 = 0.0
    /// Whether a part of it is estimated from power and time.
    public var isEstimate = false

    enum CodingKeys: String, CodingKey {
        case sessions, pue
        case kgPerKWh = "kg_per_kwh"
        case kWh = "kwh"
        case kWhWithBuilding = "kwh_with_building"
        case kgCO2 = "kg_co2"
        case isEstimate = "is_estimate"
    }

    /// Factors of a recipe; the paper's where it says nothing.
    init(_ settings: EnergySettings?) {
        pue = settings?.pue ?? 1.1
        kgPerKWh = settings?.kgPerKWh ?? 0.385
    }

    /// Reads the report of a run; `nil` where there is none, or none that can be read.
    public init?(run: String) {
        guard let text = try? Disk.read("\(run)/energy.json"),
            let report = try? JSONDecoder().decode(EnergyReport.self, from: Data(text))
        else { return nil }
        self = report
    }

    /// The end of a run in words.
    public var text: String {
        "\(fixed(kWh, 3)) kWh (\(fixed(kWhWithBuilding, 3)) with PUE \(fixed(pue, 2))), \(fixed(kgCO2, 3)) kg CO2e at \(fixed(kgPerKWh, 3)) kg/kWh"
            + (isEstimate ? "; an estimate" : "")
    }

    fileprivate mutating func sum() {
        kWh = sessions.reduce(0) { $0 + $1.kWh }
        kWhWithBuilding = kWh * pue
        kgCO2 = kWhWithBuilding * kgPerKWh
        isEstimate = sessions.contains { $0.parts.contains { $0.source == "estimate" } }
    }
}

/// Counts the energy of one session of a run and keeps it in the run's folder.
package final class EnergyLog {
    private let path: String
    private let meter: EnergyMeter
    private let first: Int
    private let start = now()
    private var report: EnergyReport

    /// Starts to count.
    package init(run: String, _ settings: EnergySettings?, card: Int?, threads: Int, first: Int, isResumed: Bool) {
        path = "\(run)/energy.json"
        self.first = first
        meter = EnergyMeter(card: card, watts: settings?.watts, threads: threads)
        var report = EnergyReport(settings)
        if isResumed, let before = EnergyReport(run: run) { report.sessions = before.sessions }
        self.report = report
    }

    /// To be called after each step: counters turn over.
    package func update() { meter.update() }

    /// Writes what was taken so far; a disk that refuses costs no step.
    ///
    /// - Returns: The report.
    @discardableResult
    package func save(step: Int) -> EnergyReport {
        let parts = meter.parts()
        let session = EnergyReport.Session(
            steps: [first, step], seconds: now() - start, parts: parts,
            kWh: parts.reduce(0) { $0 + $1.joules } / 3.6e6)
        var current = report
        current.sessions.append(session)
        current.sum()
        if let text = try? prettyJSON(current) { try? Disk.write(text, to: path) }
        return current
    }
}

/// How energy becomes emissions.
public struct EnergySettings: Codable, Sendable, Equatable {
    /// What the building takes for each unit that the machine takes (power usage effectiveness); optional, 1.1 without it.
    public var pue: Double?
    /// Emissions of the grid, kg of CO2 equivalent per kWh; optional, 0.385 without it.
    public var kgPerKWh: Double?
    /// Power of the device in watts, for where nothing measures it; optional.
    public var watts: Double?

    /// Factors other than the paper's.
    public init(pue: Double? = nil, kgPerKWh: Double? = nil, watts: Double? = nil) {
        self.pue = pue
        self.kgPerKWh = kgPerKWh
        self.watts = watts
    }

    enum CodingKeys: String, CodingKey {
        case pue, watts
        case kgPerKWh = "kg_per_kwh"
    }
}
