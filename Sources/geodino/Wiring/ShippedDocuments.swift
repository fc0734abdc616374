// Recipes and profiles that come with the program: in the project's folder, or in share/geodino of an installation.
import Foundation
import Telemetry

/// The path of `recipes/demo.yaml` and the like.
func shippedDocument(_ name: String) throws -> String {
    let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let folder = URL(fileURLWithPath: program).deletingLastPathComponent()
    // The project's folder first: .build/release/geodino lies three folders below it.
    let places = [
        name, folder.appendingPathComponent("../share/geodino/\(name)").standardized.path,
        folder.appendingPathComponent("../../../\(name)").standardized.path,
    ]
    guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
        throw CommandError(
            .notFound, "cannot find a document that comes with geodino", in: name, why: places.map { "not at \($0)" })
    }
    return found
}
