// A canopy model put together from a backbone and a published head, without a model folder.
public import Backbone
internal import Files
internal import Geo
internal import Telemetry
public import Torch

/// The statistics that the published canopy model was used with, which are not quite those of its backbone.
///
/// Source: the preprocessing of CHMv2 and `transformers.CHMv2ImageProcessor`.
private let publishedMean = [0.420, 0.411, 0.296]
private let publishedStd = [0.213, 0.156, 0.143]

extension HeadModel<CanopyModelDescription> {
    /// Puts a backbone and a published head together.
    ///
    /// - Parameters:
    ///   - weights: The backbone, of any known format.
    ///   - options: What the backbone's file leaves open; statistics given here replace the published model's.
    ///   - head: The head: the official `.pth`, or a file or folder of Hugging Face.
    ///   - window: Side of a window in pixels; a multiple of twice the patch size.
    ///   - device: Where it computes.
    ///   - followsReference: Whether odd grids are stretched as in the published code.
    /// - Throws: `DownstreamError` (`badModel`) where the two do not fit; errors of the weights as they come.
    public static func published(
        weights: String, options: WeightsOptions = WeightsOptions(), head: String, window: Int = 448,
        device: Device = .cpu, followsReference: Bool = false
    ) throws -> CanopyModel {
        let contents = try WeightsContents.open(weights, options: options)
        let architecture = try contents.record.transformer(path: contents.path)
        // Its maps have 16 pixels per token, and it saw the tokens of DINOv3 alone; other tokens of that length would pass for them.
        guard architecture.patchSize == 16, architecture.positions == nil else {
            throw DownstreamError(
                .badModel, "the published head needs a DINOv3 backbone with patches of 16 pixels",
                in: contents.path,
                why: [
                    "this one has patches of \(architecture.patchSize)\(architecture.positions == nil ? "" : " and DINOv2's learnt positions")"
                ], try: "fit your own head on these weights: \(UserAction.fit(task: "canopy", weights: weights))")
        }
        let published = try PublishedCanopyHead.load(from: head, device: device, followsReference: followsReference)
        guard published.head.tokenWidth == architecture.width, published.taps.allSatisfy({ $0 < architecture.depth })
        else {
            throw DownstreamError(
                .badModel, "the head does not fit the backbone", in: published.path,
                why: [
                    "the head takes tokens of length \(published.head.tokenWidth) after the blocks \(published.taps)",
                    "the backbone has \(architecture.depth) blocks of width \(architecture.width)",
                ], try: "use the backbone that the head was trained on")
        }
        // Those of the published model are of red, green and blue.
        let given: (mean: [Double], std: [Double])? =
            if contents.record.bands.count != 3 || options.bands != nil {
                (contents.record.mean, contents.record.std)
            } else { options.statistics.map { ($0.mean, $0.std) } }
        let description = CanopyModelDescription(
            backbone: .init(
                file: contents.path, sha256: try contents.sha256(), architecture: architecture),
            head: .init(
                file: published.path, sha256: try SHA256.hex(ofFile: published.path),
                sizes: .depth(published.head.configuration)),
            bins: published.bins, taps: published.taps, window: window,
            layout: PixelLayout(
                bands: contents.record.bands, sampleType: .uint8, tileSize: window, gsd: contents.record.gsd ?? 0.6,
                stretch: contents.record.stretch),
            mean: given?.mean ?? publishedMean, std: given?.std ?? publishedStd,
            provenance: ["backbone": contents.path, "head": published.path])
        try description.validate(path: published.path)
        let network = try VisionTransformer.load(
            contents, device: device, residency: contents.residency(for: .float32, on: device)
        ).network
        return CanopyModel(
            description: description, path: published.path, sha256: description.head.sha256, backbone: network,
            head: published.head)
    }
}
