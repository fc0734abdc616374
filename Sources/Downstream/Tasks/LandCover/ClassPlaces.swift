// Where classes are labelled, so that crops can be drawn for each of them.
internal import Backbone
internal import Geo
internal import Telemetry
internal import Training

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
        return moved(list[random.integer(below: list.count)], &random, showsLabel: ofClass)
    }

    /// A crop of the set that is kept, which goes through the windows instead of drawing them.
    ///
    /// The crops that are not for a class take one window with labels after another, those for a class its windows in turn. So a set of
    /// `windows / (1 - classShare)` crops leaves out no window by chance, and a smaller one repeats none before it has to. A crop that has
    /// too few valid pixels is drawn again, like any other.
    ///
    /// - Parameters:
    ///   - number: The crop's number in the set, from 0.
    ///   - classShare: Share of the crops that are for a class, one class after another.
    func draw(_ random: inout CounterRandom, kept number: Int, classShare: Double, seed: UInt64) -> CropPlace? {
        let present = present
        guard !present.isEmpty else { return nil }
        func before(_ number: Int) -> Int { Int((Double(number) * classShare).rounded(.down)) }
        let ofClass = before(number + 1) > before(number)
        let turn = ofClass ? before(number) : number - before(number)
        let (list, place) =
            ofClass ? (windows[present[turn % present.count]], turn / present.count) : (all, turn)
        // Once all windows had their turn they come again, in another order.
        let order = IndexPermutation(
            count: list.count, key: seed &+ UInt64(place / list.count) &* 0x9e37_79b9_7f4a_7c15)
        return moved(list[order[place % list.count]], &random, showsLabel: ofClass)
    }

    /// A crop around a window, moved by up to a quarter of its side, not off the labelled pixel.
    private func moved(_ place: Place, _ random: inout CounterRandom, showsLabel: Bool) -> CropPlace {
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
                height: place.side), showsLabel: showsLabel)
    }
}

// MARK: - Numbers to be kept

extension ClassPlaces {
    /// All that was found, as numbers.
    var numbers: [Int] {
        func list(_ places: [Place]) -> [Int] {
            [places.count] + places.flatMap { [$0.pair, $0.column, $0.row, $0.pixel] }
        }
        return [windows.count] + histogram.pixels + histogram.pixelsOfImages + [heldOut.count]
            + heldOut.flatMap { [$0.pair, $0.window.column, $0.window.row] } + windows.flatMap(list) + list(all)
    }

    /// Takes over what `numbers` gave for the same labels; `nil` where they are not that.
    init?(_ numbers: [Int], _ sampler: CropSampler, classes: Int) {
        var rest = numbers[...]
        func take(_ count: Int) -> [Int]? {
            guard count >= 0, rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        let (side, sizes) = (sampler.settings.crop, sampler.sizes)
        func isInside(_ pair: Int, _ column: Int, _ row: Int) -> Bool {
            sizes.indices.contains(pair) && column >= 0 && row >= 0 && column + side <= sizes[pair].width
                && row + side <= sizes[pair].height
        }
        func list(of width: Int) -> [[Int]]? {
            guard let count = take(1)?[0], count >= 0, count <= rest.count / width, let flat = take(count * width)
            else { return nil }
            let items = (0..<count).map { Array(flat[$0 * width..<($0 + 1) * width]) }
            return items.allSatisfy { isInside($0[0], $0[1], $0[2]) } ? items : nil
        }
        func places() -> [Place]? {
            guard let items = list(of: 4), items.allSatisfy({ (0..<side * side).contains($0[3]) }) else { return nil }
            return items.map { Place(pair: $0[0], column: $0[1], row: $0[2], side: side, pixel: $0[3]) }
        }
        guard take(1)?[0] == classes, let pixels = take(classes), let pixelsOfImages = take(classes),
            let validated = list(of: 3)
        else { return nil }
        var windows: [[Place]] = []
        for _ in 0..<classes {
            guard let found = places() else { return nil }
            windows.append(found)
        }
        guard let all = places(), rest.isEmpty else { return nil }
        histogram = ClassHistogram(pixels: pixels, pixelsOfImages: pixelsOfImages)
        heldOut = validated.map {
            ($0[0], PixelWindow(column: $0[1], row: $0[2], width: side, height: side))
        }
        self.windows = windows
        self.all = all
        self.sizes = sizes
    }

    /// What the places follow from: labels, crops, held-out ground and legend.
    static func key(_ sampler: CropSampler, _ legend: Legend) -> String {
        let settings = sampler.settings
        // Where images are held out as a whole is not in the settings: their corners tell.
        let corners = sampler.sizes.enumerated().map { pair, size in
            [(0, 0), (size.width - 1, 0), (0, size.height - 1), (size.width - 1, size.height - 1)].map { column, row in
                sampler.heldOut(pair, PixelWindow(column: column, row: row, width: 1, height: 1)) == [true] ? "1" : "0"
            }.joined()
        }
        return [
            "places 1", sampler.source.fingerprint, "\(settings.crop)", "\(sampler.source.layout.gsd ?? 0)",
            "\(settings.heldOut.block) \(settings.heldOut.share)", "\(settings.seed)",
            "\(legend.classes.map { "\($0.id) \($0.name)" })", "\(sampler.sizes)", "\(corners)",
        ].joined(separator: "\n")
    }
}
