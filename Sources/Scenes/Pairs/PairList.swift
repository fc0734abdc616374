// pairs.csv: which image belongs to which target.
internal import Files
internal import FoundationEssentials
internal import Telemetry

/// What a pair is for.
public enum PairSplit: String, Sendable, Codable, CaseIterable {
    /// It is trained on.
    case train
    /// It is held out as a whole, and scored.
    case val
}

/// One line of a list of training pairs.
public struct PairEntry: Sendable, Codable, Hashable {
    /// The image.
    public var image: String
    /// The raster of values to learn, such as canopy heights.
    public var target: String
    /// Land cover on the same ground, if the list has it.
    public var cover: String?
    /// What the pair is for, if the list says so.
    public var split: PairSplit?

    /// Makes an entry.
    public init(image: String, target: String, cover: String? = nil, split: PairSplit? = nil) {
        self.image = image
        self.target = target
        self.cover = cover
        self.split = split
    }
}

extension [PairEntry] {
    /// Whether each pair is held out as a whole; `nil` where no pair says what it is for, so that a part of the ground of all is held out.
    ///
    /// A pair that says nothing among others that do is trained on.
    public var heldOut: [Bool]? { contains { $0.split != nil } ? map { $0.split == .val } : nil }
}

/// Reads a list of pairs: a header line `image,target`, with `cover` and `split` if wanted (in any order), then a pair per line.
///
/// Paths are relative to the list's folder unless they begin with `/` or name a scheme. Values may stand in double quotes; empty lines and lines that
/// begin with `#` are skipped; further columns are ignored. A split is `train` or `val`.
///
/// - Throws: `SceneError` (`badPairs`) with the line at fault.
public func readPairs(_ path: String) throws -> [PairEntry] {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder else {
        throw SceneError(
            .badPairs, isFolder ? "a folder is not a list of pairs" : "the list of pairs does not exist", in: path,
            try: "give a CSV file with the header image,target; \(UserAction.synthesize) writes one")
    }
    guard let data = FileManager.default.contents(atPath: path), data.count <= 64 << 20,
        let text = String(validating: data, as: UTF8.self)
    else {
        throw SceneError(
            .badPairs, "the list of pairs cannot be read as text", in: path,
            try: "give a CSV file in UTF-8 with the header image,target, at most 64 MB")
    }
    var columns: (image: Int, target: Int, cover: Int?, split: Int?)?
    var entries: [PairEntry] = []
    let base = parentFolder(path)
    func resolved(_ name: String) -> String {
        name.hasPrefix("/") || name.contains("://") || base == "." ? name : base + "/" + name
    }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated() {
        let line = number == 0 && line.hasPrefix("\u{FEFF}") ? line.dropFirst() : line
        if line.allSatisfy(\.isWhitespace) || line.hasPrefix("#") { continue }
        guard let cells = CSVLine.cells(of: line) else {
            throw SceneError(.badPairs, "line \(number + 1): a quote is not closed", in: path)
        }
        guard let known = columns else {
            let names = cells.map { $0.lowercased() }
            guard let image = names.firstIndex(of: "image"), let target = names.firstIndex(of: "target") else {
                throw SceneError(
                    .badPairs,
                    "line \(number + 1): the header must name the columns image and target; found \(names.joined(separator: ","))",
                    in: path, try: "begin the file with: image,target")
            }
            columns = (image, target, names.firstIndex(of: "cover"), names.firstIndex(of: "split"))
            continue
        }
        guard max(known.image, known.target) < cells.count, !cells[known.image].isEmpty, !cells[known.target].isEmpty
        else {
            throw SceneError(
                .badPairs, "line \(number + 1): image or target is missing; found '\(line)'", in: path,
                try: "give a path for the image and one for the target in every line")
        }
        let cover = known.cover.flatMap { $0 < cells.count && !cells[$0].isEmpty ? resolved(cells[$0]) : nil }
        let split = try known.split.map { column throws(SceneError) in
            try pairSplit(column < cells.count ? cells[column] : "", line: number + 1, in: path)
        }
        entries.append(
            PairEntry(
                image: resolved(cells[known.image]), target: resolved(cells[known.target]), cover: cover, split: split))
    }
    guard !entries.isEmpty else {
        throw SceneError(
            .badPairs, columns == nil ? "the list of pairs is empty" : "the list has a header but no pairs", in: path,
            try: "add a line with an image and its target for every pair")
    }
    return entries
}

/// What a cell of the column `split` says.
private func pairSplit(_ cell: String, line: Int, in path: String) throws(SceneError) -> PairSplit {
    guard let split = PairSplit(rawValue: cell.lowercased()) else {
        throw SceneError(
            .badPairs, "line \(line): the split must be train or val; found '\(cell)'", in: path,
            try: "write train for what is trained on and val for what is held out, or leave out the column split")
    }
    return split
}
