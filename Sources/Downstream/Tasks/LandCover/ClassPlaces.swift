// Where classes are labelled, so that crops can be drawn for each of them.
internal import Backbone
internal import Geo
internal import Telemetry

/// The windows of training ground in which each class is labelled.
struct ClassPlaces: Sendable {
    /// How often classes occur on the ground that is trained on.
    let histogram: ClassHistogram
    /// The windows with labels on held-out ground, in the order of the sampler's lattice.
    let heldOut: [(pair: Int, window: PixelWindow)]
    /// By class.
    private let windows: [[Place]]
    /// All that hold labels.
    private let all: [Place]
    private let sizes: [(width: Int, height: Int)]

    /// A window of an image, and a labelled pixel in it.
    private struct Place: Sendable {
        var pair: Int
        var column: Int
        var row: Int
        var side: Int
        /// The pixel's place in the window, row by row.
        var pixel: Int
    }

    /// Looks at all windows of a crop's size, side by side.
    ///
    /// - Throws: What the source throws; `cancelled` where the progress says so.
    init(_ sampler: CropSampler, classes: Int, progress: (Int, Int) -> Bool) throws {
        var histogram = ClassHistogram(classes: classes)
        var windows = [[Place]](repeating: [], count: classes)
        var all: [Place] = []
        var validated: [(pair: Int, window: PixelWindow)] = []
        let lattice = Array(sampler.lattice())
        for (done, (pair, window)) in lattice.enumerated() {
            guard progress(done, lattice.count) else {
                throw DownstreamError(.cancelled, "stopped while looking at labels")
            }
            let heldOut = sampler.heldOut(pair, window)
            let target = try sampler.labels(pair, window)
            var counts = [Int](repeating: 0, count: classes)
            var first = [Int](repeating: -1, count: classes)
            var isValidated = false
            for place in heldOut.indices where target.valid[place] > 0 {
                guard !heldOut[place] else {
                    isValidated = true
                    continue
                }
                let index = Int(target.values[place])
                counts[index] += 1
                if first[index] < 0 { first[index] = place }
            }
            if isValidated { validated.append((pair, window)) }
            histogram.add(counts)
            for (index, pixel) in first.enumerated() where pixel >= 0 {
                let place = Place(pair: pair, column: window.column, row: window.row, side: window.width, pixel: pixel)
                if all.last.map({ $0.pair != pair || $0.column != window.column || $0.row != window.row }) ?? true {
                    all.append(place)
                }
                windows[index].append(place)
            }
        }
        self.histogram = histogram
        heldOut = validated
        self.all = all
        self.windows = windows
        sizes = sampler.sizes
    }

    /// The classes that occur.
    var present: [Int] { windows.indices.filter { !windows[$0].isEmpty } }

    /// A crop that shows labels: one of the windows that hold some, moved by up to a quarter of its side, not off the labelled pixel.
    ///
    /// - Parameter ofClass: Whether a class is drawn first, each as often as any other, and then one of its windows.
    func draw(_ random: inout CounterRandom, ofClass: Bool) -> CropPlace? {
        let present = present
        guard !present.isEmpty else { return nil }
        let list = ofClass ? windows[present[random.integer(below: present.count)]] : all
        let place = list[random.integer(below: list.count)]
        let size = sizes[place.pair]
        func moved(_ start: Int, _ length: Int, keeping pixel: Int) -> Int {
            let reach = place.side / 4
            let least = max(-reach, pixel - place.side + 1)
            let most = min(reach, pixel)
            return min(max(start + least + random.integer(below: most - least + 1), 0), length - place.side)
        }
        return CropPlace(
            pair: place.pair,
            window: PixelWindow(
                column: moved(place.column, size.width, keeping: place.pixel % place.side),
                row: moved(place.row, size.height, keeping: place.pixel / place.side), width: place.side,
                height: place.side), showsLabel: ofClass)
    }
}
