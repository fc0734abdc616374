// The legend that a map of classes brings along: names in its attribute table, else the values that it holds.
#if EARTH
    import Geo
    import Raster
    import Telemetry

    /// A legend of a map of classes.
    ///
    /// Where the map has names, its classes are those that have one; else they are the values that it holds, for which all of it is read.
    /// Labels stand for a class by its number or its name. An unnamed 0, 254 and 255 stand for no label.
    ///
    /// - Throws: `CommandError` for a map of other values than a class's number can be.
    func automaticLegend(ofMap path: String, progress: @escaping ProgressHandler) throws -> (
        legend: Legend, notes: [String]
    ) {
        let raster = try ClassRaster(path: path)
        let ids = 0...Int(Legend.largestID)
        let named = raster.names.filter { ids.contains($0.key) && !$0.value.isEmpty }
        var counts = named.keys.map { (value: LabelValue.number($0), count: 0) }
        if named.isEmpty {
            let found = try raster.histogram(most: 4096, progress: progress).filter {
                $0.value != Int(Legend.unsureID) && $0.value != Int(Legend.nodataID)
            }
            let odd = found.filter { !ids.contains($0.value) }
            guard odd.isEmpty else {
                throw CommandError(
                    .badArgument, "the map holds values that cannot be classes", in: path,
                    why: odd.prefix(8).map { "\($0.value): \(counted($0.count, "pixels"))" },
                    try: "classes of maps have the numbers 0 to \(Legend.largestID): give a map of such values")
            }
            guard !found.isEmpty else {
                throw CommandError(
                    .badArgument, "the map holds no classes", in: path, why: ["all its pixels are nodata or unsure"],
                    try: "give a map with classes where the truth has labels")
            }
            counts = found.map { (value: LabelValue.number($0.value), count: $0.count) }
        }
        let content = LabelContent(
            path: path, unit: "pixels", counts: counts, names: named, colours: raster.colours)
        let found = try automaticLegend([content], allowsNamesakes: true)
        let classes = found.legend.classes.map { entry in
            // Of classes of one name, none can be told by it.
            let isOnly = found.legend.classes.count { $0.name == entry.name } == 1
            return LegendClass(
                id: entry.id, name: entry.name, colour: entry.colour,
                sources: entry.sources + (isOnly ? [.text(entry.name)] : []))
        }
        let numbers = Set(classes.map { Int($0.id) })
        let ignored = [0, Int(Legend.unsureID), Int(Legend.nodataID)].filter { !numbers.contains($0) }
        return (Legend(classes, ignored: ignored.map { .number($0) }, name: "auto"), found.notes)
    }
#endif
