// The published checkpoints by their content: what a file is called says nothing, a browser renames it or a user does.
internal import Files
internal import Glibc
internal import Synchronization
internal import Telemetry
internal import Torch

extension InputStatistics {
    /// The statistics of the published checkpoints by the first eight digits of their SHA-256, which are also the end of their names, as
    /// in `dinov3_vitl16_pretrain_sat493m-eadcf0ff.pth`.
    package static let ofPublished: [String: InputStatistics] = {
        let sat = ["eadcf0ff", "a6675841"]
        let web = [
            "08c60483", "4057cbaa", "73cec8be", "8aa4cbdd", "46503df0", "7c1da9a5", "a955f4ea", "21b726bb", "296db49d",
            "801f2ba9", "61fa432d",
        ]
        return Dictionary(uniqueKeysWithValues: sat.map { ($0, .sat) } + web.map { ($0, .web) })
    }()
}

/// What is known of a file that may be a published checkpoint.
struct PublishedFile {
    /// The statistics of the published file that it is; `nil` for any other.
    var statistics: InputStatistics?
    /// SHA-256 of the file, where it was computed.
    var sha256: String?

    /// Looks at a file.
    ///
    /// The content decides, so that the file is read and hashed, which takes some seconds for a large network.
    ///
    /// - Parameter notes: Gets a sentence where name and content do not fit.
    init(
        _ source: any TensorSource, _ architecture: BackboneArchitecture, _ options: WeightsOptions,
        notes: inout [String]
    ) throws {
        // Nothing but what torch.save wrote was published under such names, and DINOv2's files carry no hash.
        guard source is PyTorchFile, source.metadata.isEmpty, !architecture.hasLearnedPositions else { return }
        // Whose statistics are given needs no hash of gigabytes.
        guard options.statistics == nil else { return }
        let claimed = Self.claim(source.path, among: options.published)
        guard options.readsWholeFile else {
            guard let claimed else { return }
            statistics = options.published[claimed]
            notes.append(
                "the statistics follow from the file's name; its content was not checked")
            return
        }
        let hash = try Self.hash(of: source.path, options)
        sha256 = hash
        statistics = options.published[String(hash.prefix(8))]
        if statistics == nil, let claimed {
            notes.append(
                "the file's name ends in \(claimed), the hash of a published file, but this file's hash begins with \(hash.prefix(8)): it is a different or a modified file"
            )
        }
    }

    /// What tells whether a file is still the one that was hashed.
    private struct Version: Hashable {
        let path: String
        let device: UInt64
        let number: UInt64
        let bytes: Int
        let seconds: Int
        let nanoseconds: Int
    }

    /// Hashes known already: a command opens its weights more than once.
    private static let hashes = Mutex<[Version: String]>([:])

    private static func hash(of path: String, _ options: WeightsOptions) throws -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return try SHA256.hex(ofFile: path) }
        let version = Version(
            path: path, device: UInt64(status.st_dev), number: UInt64(status.st_ino), bytes: Int(status.st_size),
            seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec))
        if let known = hashes.withLock({ $0[version] }) { return known }
        options.willReadWholeFile?(path, version.bytes)
        let hash = try SHA256.hex(ofFile: path)
        hashes.withLock { $0[version] = hash }
        return hash
    }

    /// The hash that a file's name carries, wherever it is.
    private static func claim(_ path: String, among published: [String: InputStatistics]) -> String? {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.split { !$0.isLetter && !$0.isNumber }.map(String.init).first { published[$0] != nil }
    }
}
