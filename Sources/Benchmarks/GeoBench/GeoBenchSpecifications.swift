// What a task's own task_specs.pkl says, which overrides the built-in description except for the pixel size.
internal import Files

/// The parts of `task_specs.pkl` that could be read; no code in the pickle is run.
struct GeoBenchSpecifications {
    let kind: GeoBenchTask.Kind?
    let classCount: Int?
    let classNames: [String]?
    /// Full names with the other names of each.
    let bands: [(name: String, others: [String])]?
    let gsdMetres: Double?
    let patchSize: Int?

    /// More classes than any real task has.
    private static let classLimit = 1 << 16

    /// Reads the parts of an instance of `geobench.task.TaskSpecifications`, whatever module it is named in.
    ///
    /// - Throws: That it is something else.
    init(_ value: PlainValue) throws(FileComplaint) {
        guard case .opaque(let object) = value, object.name.hasSuffix(".TaskSpecifications"), object.state != nil else {
            throw FileComplaint("it holds \(described(value)), not the specifications of a task")
        }
        let label = value["label_type"]
        kind = label.flatMap(Self.kind)
        classCount = label?["n_classes"]?.integer.flatMap { (1...Self.classLimit).contains($0) ? $0 : nil }
        // Multi-label tasks use another name for the attribute.
        classNames = texts(label?["_class_names"]) ?? texts(label?["class_name"])
        bands = Self.bands(value["bands_info"])
        gsdMetres = value["spatial_resolution"]?.number.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
        patchSize = value["patch_size"]?.items?.compactMap(\.integer).max().flatMap { $0 > 0 ? $0 : nil }
    }

    private static func kind(_ label: PlainValue) -> GeoBenchTask.Kind? {
        guard case .opaque(let object) = label else { return nil }
        switch object.name.split(separator: ".").last {
        case "Classification": return .oneClass
        case "MultiLabelClassification": return .manyLabels
        case "SegmentationClasses", "SemanticSegmentation": return .mask
        default: return nil
        }
    }

    private static func bands(_ value: PlainValue?) -> [(name: String, others: [String])]? {
        guard let items = value?.items, !items.isEmpty else { return nil }
        let bands = items.compactMap { item in
            item["name"]?.string.map { (name: $0, others: texts(item["alt_names"]) ?? []) }
        }
        return bands.count == items.count ? bands : nil
    }
}

/// All texts of a list; `nil` for anything else.
private func texts(_ value: PlainValue?) -> [String]? {
    guard let items = value?.items else { return nil }
    let texts = items.compactMap(\.string)
    return texts.count == items.count ? texts : nil
}

/// What a value of a pickle is, for errors.
func described(_ value: PlainValue) -> String {
    switch value {
    case .null: "nothing"
    case .bool, .int, .float: "a number"
    case .text: "a text"
    case .bytes: "bytes"
    case .list: "a list"
    case .map: "a dictionary"
    case .array(let array): "an array of the shape \(array.shape)"
    case .opaque(let object): quoted(object.name)
    }
}

extension GeoBenchTask {
    /// The description of a task: what its files say, else the built-in one; the pixel size is the built-in one if there is one.
    ///
    /// - Returns: `nil` for a task that is not built in and whose files do not say enough; and what the user should know.
    static func described(
        _ name: String, by specifications: GeoBenchSpecifications?
    ) -> (task: GeoBenchTask?, notes: [String]) {
        let table = named(name)
        guard let stated = specifications else { return (table, []) }
        var notes: [String] = []
        guard let kind = stated.kind ?? table?.kind, let count = stated.classCount ?? table?.classes.count else {
            return (nil, [])
        }
        if let table, table.kind != kind || table.classes.count != count {
            notes.append(
                "task_specs.pkl states \(count) classes (\(kind.rawValue)), not \(name)'s \(table.classes.count) (\(table.kind.rawValue))"
            )
        }
        let known = table?.classes.count == count ? table?.classes : nil
        let theirs = stated.classNames.flatMap { $0.count == count ? $0 : nil }
        if let table, let gsd = stated.gsdMetres, abs(gsd / table.gsdMetres - 1) > 0.01 {
            notes.append("task_specs.pkl states pixels of \(gsd) m; the built-in \(table.gsdMetres) m are used")
        }
        let (bands, areTheirs) = bands(stated, table)
        guard let bands, let gsd = table?.gsdMetres ?? stated.gsdMetres else { return (nil, notes) }
        let isMask = kind == .mask
        let task = GeoBenchTask(
            name, kind, classes: theirs ?? known ?? numbers(count), bands: bands, gsdMetres: gsd,
            patchSize: stated.patchSize ?? table?.patchSize ?? 0,
            classesAbsentFromTest: isMask ? (table?.classesAbsentFromTest ?? []).filter { $0 < count } : [],
            noDataClass: isMask ? table?.noDataClass.flatMap { $0 < count ? $0 : nil } : nil,
            caveats: areTheirs ? table?.caveats ?? [] : [])
        return (task, notes)
    }

    /// The bands, and whether they are those of the built-in description: only then its corrections of names are right.
    private static func bands(
        _ stated: GeoBenchSpecifications, _ table: GeoBenchTask?
    ) -> (bands: [GeoBenchBand]?, areTheirs: Bool) {
        guard let bands = stated.bands, bands.map(\.name) != table?.bands.map(\.name) else {
            return (table?.bands, true)
        }
        let named = bands.map { band in
            // Numbers, with a letter before or after, are not common names.
            let other = band.others.first { $0.allSatisfy { $0.isLetter && $0.isASCII } && $0.count > 2 }
            return GeoBenchBand(band.name, shortName(of: band.name) ?? (other ?? band.name).lowercased())
        }
        return (named, false)
    }
}
