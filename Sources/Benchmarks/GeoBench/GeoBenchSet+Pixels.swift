// The pixels and the labels in the files of a task's samples.
package import Files
internal import Telemetry

extension GeoBenchSet {
    /// Bands of a sample, as they are stored: in their own types and sizes.
    ///
    /// Where a sample has several dates of a band, the one that its own order of bands names alone is taken, else the newest.
    ///
    /// - Parameters:
    ///   - sample: The sample's index.
    ///   - names: Full names of bands, without dates.
    /// - Returns: An array of the shape `[rows, columns]` for each name.
    /// - Throws: `BenchmarksError`: `badForm` for a band that the sample does not have, or that is not a plane of numbers; `notFound`;
    ///   `readFailed`.
    package func bands(_ sample: Int, names: [String]) throws(BenchmarksError) -> [NumberArray] {
        let name = try name(sample)
        let opened = try store.open(name)
        let found = try datasets(named: names, of: name, opened)
        var planes: [NumberArray] = []
        for dataset in found { planes.append(try plane(of: dataset, opened)) }
        return planes
    }

    /// The mask of a sample: the class of each pixel.
    ///
    /// - Returns: Whole numbers from 0 to the number of classes less one, in the type in which they are stored; `[rows, columns]`.
    /// - Throws: `BenchmarksError`: `badForm` for a task or a sample without masks; `badLabels` for other numbers; `notFound`;
    ///   `readFailed`.
    package func mask(_ sample: Int) throws(BenchmarksError) -> NumberArray {
        guard task.kind == .mask else {
            throw BenchmarksError(.badForm, "the samples of \(task.name) have no masks", in: folder)
        }
        let name = try name(sample)
        let opened = try store.open(name)
        let dataset = try datasets(named: [BandDataset.label], of: name, opened)[0]
        let mask = try plane(of: dataset, opened)
        guard let values = mask.integers() else {
            throw BenchmarksError(.badLabels, "the mask does not hold whole numbers", in: opened.place)
        }
        let count = task.classes.count
        if let wrong = values.first(where: { !(0..<count).contains($0) }) {
            throw BenchmarksError(
                .badLabels, "the mask has the class \(wrong); expected 0 to \(count - 1)", in: opened.place,
                try: "get the file again, and task_specs.pkl with it")
        }
        return mask
    }

    /// The classes of a sample as its own file states them, rising; `nil` where it states none, as where the label is a mask.
    ///
    /// - Throws: `BenchmarksError`: `badForm` for a pickle that is damaged; `badLabels` for one whose label is not a class or is out of range.
    package func pickledLabel(_ sample: Int) throws(BenchmarksError) -> [Int]? {
        let name = try name(sample)
        guard task.kind != .mask else { return nil }
        return try GeoBenchLabels.own(name, task, in: store)
    }

    /// Refuses a sample whose own file states other classes than the lists next to it, or whose mask holds others.
    ///
    /// - Throws: `BenchmarksError`: `badLabels` where they differ; what `pickledLabel` and `mask` throw.
    package func crossCheck(_ sample: Int) throws(BenchmarksError) {
        let own: [Int]?
        if task.kind == .mask {
            let mask = try mask(sample)
            // Nothing to compare with where the lists do not tell.
            own = samples[sample].classes.isEmpty ? nil : Set(mask.integers() ?? []).sorted()
        } else {
            own = try pickledLabel(sample)
        }
        guard let own, own != samples[sample].classes else { return }
        func words(_ classes: [Int]) -> String {
            classes.isEmpty ? "none" : classes.map { "\($0)" }.joined(separator: ", ")
        }
        throw BenchmarksError(
            .badLabels, "the classes of the sample '\(samples[sample].name)' differ", in: folder,
            why: ["its own file has \(words(own))", "the lists next to it have \(words(samples[sample].classes))"],
            try: "get the task's files again")
    }

    /// What decides the pixels of a sample: its file's name, size and date, and where in the file it is.
    package func stamp(_ sample: Int) -> [String] {
        samples.indices.contains(sample) ? store.stamp(of: samples[sample].name) : ["no sample \(sample)"]
    }

    // MARK: Files

    private func name(_ sample: Int) throws(BenchmarksError) -> String {
        guard samples.indices.contains(sample) else {
            throw BenchmarksError(
                .notFound, "there is no sample \(sample); the partition has \(samples.count)", in: folder)
        }
        return samples[sample].name
    }

    /// Names of the arrays of bands.
    private func datasets(
        named names: [String], of sample: String, _ opened: any GeoBenchOpened
    ) throws(BenchmarksError) -> [String] {
        let stored = opened.names
        let parts = stored.map { (dataset: $0, part: BandDataset.parts(of: $0)) }
        var order: [String]??
        var found: [String] = []
        for name in names {
            if stored.contains(name) {
                found.append(name)
                continue
            }
            let dated = parts.filter { $0.part.name == name }
            guard let newest = dated.max(by: { ($0.part.date ?? "") < ($1.part.date ?? "") }) else {
                throw BenchmarksError(
                    .badForm, "the sample has no \(name == BandDataset.label ? "mask" : "band '\(name)'")",
                    in: opened.place,
                    why: [
                        stored.isEmpty
                            ? "it has no arrays at all" : "it has \(stored.map { "'\($0)'" }.joined(separator: ", "))"
                    ],
                    try: "name bands without a date, as they are called in the file")
            }
            if dated.count > 1, order == nil { order = .some(try store.metadata(of: sample).bandsOrder) }
            let ordered = (order ?? nil).map { order in dated.filter { order.contains($0.dataset) } } ?? []
            found.append(ordered.count == 1 ? ordered[0].dataset : newest.dataset)
        }
        return found
    }

    /// An array as rows and columns; a third dimension of one element is dropped.
    private func plane(of dataset: String, _ opened: any GeoBenchOpened) throws(BenchmarksError) -> NumberArray {
        let array = try opened.array(dataset)
        let isPlane = array.shape.count == 2 || array.shape.count == 3 && array.shape[2] == 1
        guard isPlane, case .number = array.element,
            let plane = NumberArray(array.element, shape: Array(array.shape.prefix(2)), bytes: array.bytes)
        else {
            throw BenchmarksError(
                .badForm, "the array '\(dataset)' has the shape \(array.shape); expected rows and columns of numbers",
                in: opened.place, try: "name other bands")
        }
        return plane
    }
}
