// The description of weights that do not describe themselves: published facts, the user's word, or a default said aloud.
internal import Geo
internal import Telemetry

extension WeightsRecord {
    /// The record of a file without our description.
    ///
    /// - Parameters:
    ///   - known: The statistics of a published file, known by the hash in its name.
    ///   - stated: The statistics that the file's own processor states.
    ///   - notes: Gets a sentence where something is assumed or does not fit.
    static func assumed(
        _ architecture: BackboneArchitecture, _ known: InputStatistics?, stated: (mean: [Double], std: [Double])?,
        _ options: WeightsOptions, path: String, notes: inout [String]
    ) throws(BackboneError) -> WeightsRecord {
        do { try architecture.validate() } catch {
            let remedy =
                options.heads == nil
                ? nil : "\(UserAction.value("another number", for: .heads)), one that divides the width"
            throw BackboneError(error.code, error.what, in: path, why: error.causes, try: error.remedy ?? remedy)
        }
        if let heads = options.heads, case .transformer(let network) = architecture, let known = network.published,
            known.heads != heads
        {
            notes.append(
                "the published network of this size has \(known.heads) attention heads; \(heads) are used, as \(Setting.heads) says"
            )
        }
        let statistics = options.statistics ?? stated.flatMap { InputStatistics(mean: $0.mean, std: $0.std) } ?? known
        var record = WeightsRecord(
            architecture: architecture, mean: (statistics ?? .web).mean, std: (statistics ?? .web).std,
            bands: BandInfo.rgb, gsd: statistics?.gsd, stretch: .none,
            provenance: ["file": path.split(separator: "/").last.map(String.init) ?? path])
        if options.statistics == nil, let stated { (record.mean, record.std) = stated }
        if architecture.channels != 3 {
            record.bands = (1...architecture.channels).map { BandInfo(name: "band \($0)") }
        }
        if architecture.channels != 3, record.mean.count == 3 {
            let mean = record.mean.reduce(0, +) / 3
            let std = record.std.reduce(0, +) / 3
            record.mean = Array(repeating: mean, count: architecture.channels)
            record.std = Array(repeating: std, count: architecture.channels)
            notes.append(
                "the weights take \(architecture.channels) bands without a description: each uses the mean of the statistics of red, green and blue"
            )
        }
        let published = stated.flatMap { InputStatistics(mean: $0.mean, std: $0.std) } ?? known
        if let given = options.statistics, let published, given != published {
            notes.append(
                "the weights were published with the \(published.rawValue) statistics; using the \(given.rawValue) statistics, as requested"
            )
        } else if options.statistics == nil, stated == nil, known == nil {
            notes.append(
                "the statistics of the weights are unknown: using those of ImageNet; give \(Setting.statistics) sat for the satellite statistics"
            )
        }
        do { try record.validate() } catch {
            throw BackboneError(error.code, error.what, in: path, why: error.causes, try: error.remedy)
        }
        return record
    }

    /// A record that a file carries, with the user's choices over it.
    func changed(by options: WeightsOptions, notes: inout [String]) throws(BackboneError) -> WeightsRecord {
        var record = self
        guard let given = options.statistics, given.mean != mean || given.std != std else { return record }
        guard record.architecture.channels == 3 else {
            throw BackboneError(
                .badConfiguration, "the statistics of red, green and blue do not fit \(architecture.channels) bands",
                try: "leave out \(Setting.statistics): the weights have their own")
        }
        notes.append(
            "the weights have mean \(mean) and std \(std); using the \(given.rawValue) statistics, as requested")
        record.mean = given.mean
        record.std = given.std
        record.gsd = given.gsd
        return record
    }
}
