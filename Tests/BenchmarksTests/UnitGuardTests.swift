// Images of another unit than what weights or statistics expect are refused: digital numbers, reflectances, 8-bit values.
import Benchmarks
import Geo
import Measures
import Telemetry
import Testing

/// Scenes whose reflectances are drawn, and what files make of them.
private enum DrawnScene: String, CaseIterable {
    /// Fields in summer.
    case fields
    /// Water: less than a tenth of the light comes back.
    case water
    /// Snow, which reflects more than all of the light where a slope faces the sun.
    case snow
    /// Three quarters have no data, as zeros of which no file says so.
    case swathEdge

    static let bands = ["blue", "green", "red", "nir"]

    private var means: [Double] {
        switch self {
        case .fields, .swathEdge: [0.04, 0.07, 0.09, 0.28]
        case .water: [0.06, 0.05, 0.035, 0.02]
        case .snow: [0.9, 0.85, 0.8, 0.6]
        }
    }

    /// Values of 1,200 pixels of each band, as files of a unit store them.
    func values(_ unit: PixelUnit, seed: UInt64) -> [[Double]] {
        var stream = SeededStream(seed: seed)
        func share() -> Double { Double(stream.below(1 << 20)) / Double(1 << 20) }
        return means.map { mean in
            (0..<1200).map { _ in
                let reflectance = mean * (1 + 0.5 * (share() - share()))
                if self == .swathEdge, share() < 0.75 { return 0 }
                switch unit {
                case .digitalNumbers: return (reflectance * 10_000).rounded()
                case .reflectance: return Double(Float(reflectance))
                // As pictures are made: what is brighter than 0.3 is white.
                case .bytes: return min((reflectance / 0.3 * 255).rounded(), 255)
                }
            }
        }
    }

    /// How files of a unit store its values.
    static func type(_ unit: PixelUnit) -> StoredNumber {
        switch unit {
        case .digitalNumbers: .whole
        case .reflectance: .real
        case .bytes: .bytes
        }
    }

    func sample(_ unit: PixelUnit, seed: UInt64) -> ValueSample {
        ValueSample(bands: Self.bands, values: values(unit, seed: seed), type: Self.type(unit))
    }
}

private let place = "sets/mine"

private func refusal(_ found: ValueSample, for rule: StretchRule) -> BenchmarksError? {
    MadeTask.failure { try UnitGuard.check(found, for: rule, in: place) }
}

struct UnitGuardTests {
    /// Stretches of weights, by the unit that they expect.
    private static let stretches: [PixelUnit: [StretchRule]] = [
        .digitalNumbers: [.fixed(low: 0, high: 3000), .fixed(low: 0, high: 10_000)],
        .reflectance: [.fixed(low: 0, high: 0.3), .fixed(low: 0, high: 1)],
        .bytes: [.none, .fixed(low: 0, high: 255)],
    ]

    @Test(arguments: DrawnScene.allCases.map(\.rawValue), [1, 2, 3] as [UInt64])
    func `of three units given and three expected, three pass and six are refused`(_ name: String, _ seed: UInt64)
        throws
    {
        let scene = try #require(DrawnScene(rawValue: name))
        for choice in 0..<2 {
            var passed: [PixelUnit] = []
            var refused = 0
            for given in PixelUnit.allCases {
                let found = scene.sample(given, seed: seed)
                for expected in PixelUnit.allCases {
                    let rule = try #require(Self.stretches[expected]?[choice])
                    guard let error = refusal(found, for: rule) else {
                        #expect(given == expected, "\(given) given, \(rule.text)")
                        passed.append(given)
                        continue
                    }
                    #expect(given != expected, "\(given) given, \(rule.text)")
                    refused += 1
                    try check(error, found, given: given, expected: expected, rule)
                }
            }
            #expect(passed == PixelUnit.allCases && refused == 6)
        }
    }

    /// Both ranges and the remedy are in the text, and the remedy is one.
    private func check(
        _ error: BenchmarksError, _ found: ValueSample, given: PixelUnit, expected: PixelUnit, _ rule: StretchRule
    ) throws {
        #expect(error.code == .badForm && error.place == place)
        #expect(error.what == "the images hold \(given.rawValue); the weights take \(expected.rawValue)")
        #expect(error.causes.count == 5 && error.causes.last == "the weights' stretch is \(rule.text)")
        for (band, cause) in zip(DrawnScene.bands, error.causes) {
            #expect(
                cause.hasPrefix("\(band): 1 % below ") && cause.contains("half below ") && cause.contains("1 % above "))
        }
        let report = error.report
        for text in [error.what, place] + error.causes { #expect(report.contains(text)) }
        let remedy = try #require(error.remedy)
        #expect(report.contains(remedy) && remedy.hasPrefix("\(Setting.stretch) "))
        // What is advised is taken by the reader of stretches, and then by the guard.
        let advised = try #require(StretchRule(text: String(remedy.split(separator: " ").last ?? "")))
        #expect(PixelUnit(expectedBy: advised) == given && refusal(found, for: advised) == nil)
    }

    @Test func `a refusal says what is in the images, what the weights take, and what to do`() {
        let red = (0...100).map { Double($0) * 100 }
        let digits = ValueSample(bands: ["red", "nir"], values: [red, red.map { $0 / 4 }], type: .whole)
        #expect(digits.quantiles == [[100, 5000, 9900], [25, 1250, 2475]] && digits.isWhole && digits.high == 9900)
        let error = refusal(digits, for: .fixed(low: 0, high: 1))
        #expect(
            error?.what
                == "the images hold digital numbers (reflectances times 10,000); the weights take reflectances from 0 to 1"
        )
        #expect(
            error?.causes == [
                "red: 1 % below 100, half below 5000, 1 % above 9900",
                "nir: 1 % below 25, half below 1250, 1 % above 2475", "the weights' stretch is fixed:0.0,1.0",
            ])
        #expect(error?.remedy == "\(Setting.stretch) fixed:0.0,10000.0")
        let colours = refusal(digits, for: .none)
        #expect(colours?.what.hasSuffix("; the weights take 8-bit values") == true)
        #expect(colours?.remedy == "\(Setting.stretch) fixed:0.0,3000.0")
        let reflectances = ValueSample(bands: ["red"], values: [red.map { $0 / 10_000 }], type: .real)
        #expect(refusal(reflectances, for: .fixed(low: 0, high: 3000))?.remedy == "\(Setting.stretch) fixed:0.0,0.3")
        #expect(
            refusal(reflectances, for: .none)?.causes.first == "red: 1 % below 0.01, half below 0.5, 1 % above 0.99")
        let bytes = ValueSample(bands: ["red"], values: [(0...100).map(Double.init)], type: .bytes)
        #expect(refusal(bytes, for: .fixed(low: 0, high: 3000))?.remedy == "\(Setting.stretch) none")
    }

    @Test func `percentiles take any unit`() {
        for scene in DrawnScene.allCases {
            for unit in PixelUnit.allCases {
                #expect(refusal(scene.sample(unit, seed: 5), for: .percentile(low: 2, high: 98)) == nil)
            }
        }
    }

    @Test func `a few odd values, and values that are none, decide nothing`() {
        for scene in DrawnScene.allCases {
            for unit in PixelUnit.allCases {
                var values = scene.values(unit, seed: 9)
                for band in values.indices {
                    values[band][0] = 65_535
                    values[band][1] = -9999
                    values[band] += [.nan, .infinity]
                }
                let found = ValueSample(bands: DrawnScene.bands, values: values, type: DrawnScene.type(unit))
                #expect(found.unit == unit, "\(scene) in \(unit)")
                for (expected, rules) in Self.stretches {
                    for rule in rules { #expect((refusal(found, for: rule) == nil) == (unit == expected)) }
                }
            }
        }
    }

    @Test func `small whole numbers are what their type says, broken ones are reflectances`() {
        func sample(_ type: StoredNumber, _ value: (Int) -> Double) -> ValueSample {
            ValueSample(bands: ["red"], values: [(0..<300).map(value)], type: type)
        }
        // Eight bits, or pixels that a program made floats of.
        for type in [StoredNumber.bytes, .real] {
            let colours = sample(type) { Double($0 % 4) }
            #expect(colours.unit == .bytes && refusal(colours, for: .none) == nil)
            #expect(refusal(colours, for: .fixed(low: 0, high: 1))?.remedy == "\(Setting.stretch) none")
        }
        // Sixteen bits are a dark scene.
        let dark = sample(.whole) { Double(20 + $0 % 200) }
        #expect(dark.unit == .digitalNumbers && refusal(dark, for: .fixed(low: 0, high: 3000)) == nil)
        #expect(refusal(dark, for: .none)?.remedy == "\(Setting.stretch) fixed:0.0,3000.0")
        let bright = sample(.real) { Double($0 % 4) / 2 }
        #expect(bright.unit == .reflectance && refusal(bright, for: .none) != nil)
    }

    @Test func `values of which nothing is known are let pass`() {
        let made: [[Double]] = [
            [], [.nan, .nan], [Double](repeating: 0, count: 99), (0..<99).map { Double($0) / 10 - 30 },
        ]
        for values in made {
            let found = ValueSample(bands: ["red"], values: [values], type: .real)
            #expect(found.unit == nil, "\(values.prefix(3))")
            for rule in Self.stretches.values.joined() { #expect(refusal(found, for: rule) == nil) }
        }
    }

    @Test func `what is advised is not refused in its turn, and has no stray digits`() {
        let colours = ValueSample(bands: ["red"], values: [(0..<255).map { Double($0) / 255 }], type: .real)
        // Bright, so that a stretch of reflectances would make most of it white.
        #expect(refusal(colours, for: .none)?.remedy == "\(Setting.stretch) fixed:0.0,1.0")
        #expect(refusal(colours, for: .fixed(low: 0, high: 65_535))?.remedy == "\(Setting.stretch) fixed:0.0,1.0")
        let digits = ValueSample(bands: ["red"], values: [(0..<999).map { Double($0 * 10) }], type: .whole)
        #expect(refusal(digits, for: .fixed(low: 0, high: 0.02))?.remedy == "\(Setting.stretch) fixed:0.0,3000.0")
        #expect(refusal(digits, for: .fixed(low: 0, high: 0.28))?.remedy == "\(Setting.stretch) fixed:0.0,2800.0")
    }

    @Test(arguments: GeoBenchTask.all.map(\.name))
    func `a task's values agree with its own statistics, and do not where they are of another unit`(_ name: String)
        throws
    {
        let set = try GeoBenchSet(GeoBenchFixture.root, task: name)
        // The hyperspectral band has many layers.
        let bands = set.task.bands.filter { $0.name != "Neon" }
        let pixels = GeoBenchPixels(
            set, bands: bands, names: bands.map { BandInfo(name: $0.shortName) }, values: .stretched(.none), gsd: 1)
        var values = bands.map { _ in [Double]() }
        for image in set.indices(of: .train) {
            for (band, found) in try pixels.values(image).enumerated() { values[band] += found }
        }
        let statistics = try set.statistics(of: bands.map(\.name))
        func refusal(_ factor: Double) -> BenchmarksError? {
            let found = ValueSample(
                bands: bands.map(\.name), values: values.map { $0.map { $0 * factor } }, type: .real)
            return MadeTask.failure { try UnitGuard.check(found, against: statistics, in: place) }
        }
        #expect(refusal(1) == nil && refusal(4) == nil && refusal(0.25) == nil)
        for factor in [10_000, 1 / 10_000, 255, 1 / 255, 10_000 / 255, 255 / 10_000] as [Double] {
            let error = refusal(factor)
            #expect(error?.code == .badForm && error?.place == place, "\(factor)")
            #expect(error?.what == "the images of the set and its statistics are in different units", "\(factor)")
            let cause = error?.causes.first ?? ""
            #expect(
                cause.contains(": 1 % of the images' values are above ")
                    && cause.contains(", of the statistics' above "))
            #expect(error?.remedy?.hasSuffix("\(Setting.measuredStatistics)") == true)
        }
    }
}
