// Options: ranges, and where scenes lie.
import Geo
import Synth
import Telemetry
import Testing

struct LandscapeOptionsTests {
    @Test func `defaults are valid`() throws {
        try LandscapeOptions().validate()
        try LandscapeOptions(scenes: 1000, size: 2048).validate()
    }

    @Test(arguments: [
        (LandscapeOptions(scenes: 0), "scenes is 0"),
        (LandscapeOptions(size: 32), "size is 32"),
        (LandscapeOptions(size: 40000), "size is 40000"),
        (LandscapeOptions(gsd: 0.1), "gsd is 0.1"),
        (LandscapeOptions(gsd: .nan), "gsd is nan"),
        (LandscapeOptions(utmZone: 61), "utm zone is 61"),
        (LandscapeOptions(easting: 100_000), "easting is 100000.0"),
        (LandscapeOptions(scenes: 32, size: 32768), "easting is 500010.0"),
        (LandscapeOptions(scenes: 65, size: 2048, northing: 2000), "northing is 2000.0"),
        (LandscapeOptions(easting: .infinity), "easting is inf"),
        (LandscapeOptions(northing: .nan), "northing is nan"),
    ])
    func `an option out of range is named with its value`(options: LandscapeOptions, message: String) throws {
        let error = try #require(throws: SynthError.self) { try options.validate() }
        #expect(error.code == .badOption)
        #expect(error.what.hasPrefix(message), "\(error.what)")
        #expect(error.remedy != nil)
    }

    @Test func `scenes lie apart, at whole multiples of the GSD, and do not move when more are made`() {
        let few = LandscapeOptions(scenes: 2, size: 300)
        let many = LandscapeOptions(scenes: 40, size: 300)
        #expect(few.grid(of: 1) == many.grid(of: 1))
        let grids = (0..<40).map { many.grid(of: $0) }
        for (index, grid) in grids.enumerated() {
            #expect(grid.crs == CoordinateReferenceSystem("EPSG:32633"))
            for origin in [grid.transform.originX, grid.transform.originY] {
                #expect(abs(origin / 0.6 - (origin / 0.6).rounded()) < 1e-6)
            }
            for other in grids[..<index] { #expect(grid.bounds.intersection(other.bounds) == nil) }
        }
    }
}
