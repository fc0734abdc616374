// The command line: one front door, noun or verb first.
import ArgumentParser
#if EARTH
import Raster
#endif

@main
struct Geodino: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "geodino", abstract: "From satellite scenes to georeferenced maps.")
    func run() throws {
    #if EARTH
      print(gdalVersion())
    #endif
    }
}
