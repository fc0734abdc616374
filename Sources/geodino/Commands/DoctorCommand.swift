// geodino doctor: what is installed, what works, which half of the house this program is.
import ArgumentParser
import Foundation
import Telemetry
import Torch

#if EARTH
    import COpenBLAS
    import Corpus
    import Raster
#endif

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Show what is installed and works, and which half of geodino this is.",
        discussion: "If something is missing, names it and exits with code 1.")

    @OptionGroup var result: ResultOptions

    func run() throws {
        let report = DoctorReport.examine()
        try result.show(report, text: report.text)
        if !report.missing.isEmpty {
            printToStandardError("missing: \(report.missing.joined(separator: ", "))")
            throw ExitCode(1)
        }
    }
}

/// What doctor found.
struct DoctorReport: Codable {
    struct Item: Codable {
        let name: String
        let version: String?
        let detail: String?
        let remedy: String?
    }

    let program: String
    let half: String
    let items: [Item]

    var missing: [String] { items.filter { $0.version == nil }.map(\.name) }

    var text: String {
        var lines = ["geodino \(program), \(half)"]
        let width = (items.map(\.name.count).max() ?? 0) + 2
        for item in items {
            let name = item.name.padding(toLength: width, withPad: " ", startingAt: 0)
            lines.append("  \(name)\(item.version ?? "MISSING")\(item.detail.map { "  (\($0))" } ?? "")")
            if let remedy = item.remedy { lines.append("  \(String(repeating: " ", count: width))try  \(remedy)") }
        }
        return lines.joined(separator: "\n")
    }

    static func examine() -> DoctorReport {
        var items = [Item(name: "Swift", version: swiftVersion, detail: "compiler", remedy: nil)]
        #if EARTH
            items += earthItems()
            let half = "both halves (Earth and tensor)"
        #else
            let half = "the tensor half (no GDAL, SQLite, OpenBLAS)"
        #endif
        return DoctorReport(program: geodinoVersion, half: half, items: items + torchItems())
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or newer"
        #elseif compiler(>=6.3.1)
            "6.3.1"
        #else
            "6.3"
        #endif
    }

    private static func torchItems() -> [Item] {
        do {
            let info = try Torch.info()
            return [
                Item(
                    name: "torch", version: info.version,
                    detail: "\(info.libtorch); shim \(info.library), ABI \(info.abi)", remedy: nil),
                Item(name: "CUDA", version: info.cuda.isEmpty ? "none" : info.cuda, detail: nil, remedy: nil),
                Item(name: "BLAS of torch", version: info.blas, detail: info.blasLibrary, remedy: nil),
            ]
        } catch {
            return [
                Item(
                    name: "torch", version: nil, detail: causes(of: error).joined(separator: "; "),
                    remedy: error.remedy ?? "make setup")
            ]
        }
    }

    #if EARTH
        private static func earthItems() -> [Item] {
            var items: [Item] = []
            let remedy = "apt-get install libgdal32 (or run: make setup)"
            do {
                items += try GDAL.versions().map { Item(name: $0.name, version: $0.version, detail: nil, remedy: nil) }
                let codecs = GDAL.codecs()
                items.append(
                    Item(name: "codecs", version: codecs.joined(separator: " "), detail: "of GeoTIFF", remedy: nil))
            } catch {
                items.append(
                    Item(name: "GDAL", version: nil, detail: causes(of: error).joined(separator: "; "), remedy: remedy))
            }
            items.append(Item(name: "SQLite", version: sqliteVersion(), detail: nil, remedy: nil))
            if let blas = copenblas_open() {
                items.append(
                    Item(
                        name: "OpenBLAS", version: String(cString: blas.pointee.configuration()), detail: nil,
                        remedy: nil))
            } else {
                items.append(
                    Item(
                        name: "OpenBLAS", version: nil, detail: String(cString: copenblas_failure()),
                        remedy: "apt-get install libopenblas0 (or run: make setup)"))
            }
            return items
        }
    #endif
}
