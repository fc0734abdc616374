// The description of weights that do not describe themselves: published facts, the user's word, or a default said aloud.
internal import Geo

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
            throw BackboneError(error.code, error.what, in: path, why: error.causes, try: error.remedy)
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
                "the weights take \(architecture.channels) bands that nothing describes: the mean of the statistics of red, green and blue is used for each"
            )
        }
        let published = stated.flatMap { InputStatistics(mean: $0.mean, std: $0.std) } ?? known
        if let given = options.statistics, let published, given != published {
            notes.append(
                "the weights are published with the \(published.rawValue) statistics, and the \(given.rawValue) ones are used as asked for"
            )
        } else if options.statistics == nil, stated == nil, known == nil {
            notes.append(
                "nothing tells the statistics of the weights: those of ImageNet are used; say otherwise with --statistics sat"
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
                try: "leave --statistics out: the weights carry their own")
        }
        notes.append(
            "the weights carry mean \(mean) and std \(std), and the \(given.rawValue) statistics are used as asked for")
        record.mean = given.mean
        record.std = given.std
        record.gsd = given.gsd
        return record
    }
}
