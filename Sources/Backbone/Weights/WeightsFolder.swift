// Which file in a folder of weights is meant.
internal import Files
internal import FoundationEssentials
internal import Telemetry
internal import Torch

/// The layout of folders with weights: runs and models of geodino, and those of Hugging Face and timm.
enum WeightsFolder {
    /// What transformers has no place for, in a folder that we wrote for it.
    static let extras = "geodino.safetensors"

    private static let candidates = [
        WeightsRecord.fileName, "model.safetensors.index.json", "model.safetensors",
    ]

    /// The file that a path means: itself, or the weights in a folder.
    ///
    /// - Throws: `BackboneError` (`notFound`) for no such path, and for a folder without weights.
    static func file(of path: String) throws(BackboneError) -> String {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw BackboneError(
                .notFound, "no such weights", in: path,
                why: path.contains("://") ? ["weights are read from files of this machine, not from addresses"] : [],
                try: path.contains("://")
                    ? "download the file first, then give its path"
                    : "give a .safetensors or .pth file, or the folder of a run or a Hugging Face model")
        }
        guard isFolder else { return path }
        let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
        for name in candidates where FileManager.default.fileExists(atPath: "\(folder)/\(name)") {
            return "\(folder)/\(name)"
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let archives = names.filter { isArchive($0) || $0 == "pytorch_model.bin" }.sorted()
        if archives.isEmpty, names.contains(where: { $0 == ".metadata" || $0.hasSuffix(".distcp") }) {
            throw BackboneError(
                .badWeights, "the folder is a distributed checkpoint of PyTorch", in: path,
                why: ["it holds .metadata and .distcp files, which only PyTorch can combine"],
                try: FileNature.distributedRemedy(folder: folder))
        }
        guard archives.count == 1 else {
            let found =
                archives.isEmpty ? "none of them" : "several .pth files: \(archives.prefix(4).joined(separator: ", "))"
            throw BackboneError(
                .notFound, "the folder holds no weights", in: path,
                why: ["looked for \(candidates.joined(separator: ", ")) and one .pth file; found \(found)"],
                try: "finish the run first, or give the file itself")
        }
        return "\(folder)/\(archives[0])"
    }

    /// Whether a file is named like one of `torch.save`; a browser puts a number after the name of a second download.
    private static func isArchive(_ name: String) -> Bool {
        if name.hasSuffix(".pth") { return true }
        guard let dot = name.firstRange(of: ".pth") else { return false }
        let rest = name[dot.upperBound...]
        return rest.isEmpty || (rest.first == "." && rest.dropFirst().allSatisfy(\.isNumber))
    }

    /// Weights in a folder other than those that a conversion writes; `nil` where there are none.
    static func otherWeights(in folder: String) -> String? {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        return names.first { name in
            let isWeights = [".safetensors", ".pth", ".bin", ".index.json"].contains { name.hasSuffix($0) }
            return isWeights && name != "model.safetensors" && name != extras
        }
    }

    /// The folder of a file.
    static func folder(of file: String) -> String {
        file.lastIndex(of: "/").map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
    }
}
