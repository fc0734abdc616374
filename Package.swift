// swift-tools-version: 6.3
// The house: which module may see which. `docs/overview.md` draws it; `HouseTests` holds it.
//
//   GEODINO_EARTH=0   declares the tensor half alone: no GDAL, no SQLite, no OpenBLAS (for GPU machines)
//   LIBTORCH=DIR      a libtorch (or an installed `torch` package) to build libctorch.so against;
//                     default: the link `.libtorch`, which `make setup` makes; `none` leaves libctorch.so out
//   GEODINO_STRICT=1  warnings are errors (CI)
import Foundation
import PackageDescription

let environment = Context.environment
let earth = environment["GEODINO_EARTH"] != "0"

let swift: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (earth ? [.define("EARTH")] : [])
    + (environment["GEODINO_STRICT"] == "1" ? [.treatAllWarnings(as: .error)] : [])

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: swift)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")

var packages: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
]

// Both sides, and the tensor side.
var products: [Product] = [
    .executable(name: "geodino", targets: ["geodino"]),
    .library(name: "Pretraining", targets: ["Pretraining"]),
]
var targets: [Target] = [
    module("Geo", []),
    module("Telemetry", [logging]),
    module("Measures", []),
    module("Files", ["Geo", "Telemetry", crypto]),
    .target(name: "CTorchAPI"),
    module("Torch", ["CTorchAPI", "Files", "Geo", "Telemetry"]),
    module("Backbone", ["Torch", "Files", "Geo", "Telemetry"]),
    module("Training", ["Backbone", "Torch", "Files", "Geo", "Telemetry"]),
    module("Pretraining", ["Training", "Backbone", "Torch", "Files", "Geo", "Telemetry"]),
    module("Downstream", ["Training", "Backbone", "Torch", "Measures", "Files", "Geo", "Telemetry"]),
    tests("GeoTests", ["Geo"]),
    tests("TelemetryTests", ["Telemetry"]),
    tests("MeasuresTests", ["Measures"]),
    tests("FilesTests", ["Files", "Telemetry"]),
    tests("TorchTests", ["Torch", "CTorchAPI", "Files", "Geo", "Telemetry"], resources: [.copy("Golden")]),
    tests("BackboneTests", ["Backbone", "Torch", "Files", "Geo", "Telemetry"]),
    tests("TrainingTests", ["Training", "Backbone", "Torch", "Files", "Geo", "Telemetry"]),
    tests("PretrainingTests", ["Pretraining", "Training", "Backbone", "Torch", "Files", "Geo", "Telemetry"]),
    tests("DownstreamTests", ["Downstream", "Training", "Backbone", "Torch", "Files", "Geo", "Telemetry"]),
    tests("HouseTests", []),
]
var commandDependencies: [Target.Dependency] = [
    "Files", "Measures", "Geo", "Telemetry", "Torch", "Backbone", "Training", "Pretraining", "Downstream",
    argumentParser, logging,
    yams,
]

// The Earth side.
if earth {
    packages.append(.package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"))
    let earthTests: Target.Dependency = "TestSupport"
    targets += [
        .target(name: "CGDAL"),
        .target(name: "COpenBLAS"),
        module("Raster", ["CGDAL", "Files", "Geo", "Telemetry"]),
        module("Scenes", ["Raster", "Files", "Geo", "Telemetry"]),
        module("Corpus", ["Scenes", "Raster", "Files", "Geo", "Telemetry", "COpenBLAS", grdb]),
        module("Mapping", ["Scenes", "Raster", "Files", "Geo", "Telemetry"]),
        module("Scoring", ["Raster", "Measures", "Files", "Geo", "Telemetry"]),
        module("Benchmarks", ["Scenes", "Raster", "Measures", "Files", "Geo", "Telemetry"]),
        module("Synth", ["Raster", "Files", "Geo", "Telemetry"]),
        .target(
            name: "TestSupport", dependencies: ["Raster", "Files", "Geo", "Telemetry"], path: "Tests/TestSupport",
            swiftSettings: swift),
        tests("RasterTests", ["Raster", "Files", "Geo", "Telemetry", earthTests]),
        tests("ScenesTests", ["Scenes", "Raster", "Files", "Geo", "Telemetry", earthTests]),
        tests("CorpusTests", ["Corpus", "Scenes", "Raster", "Files", "Geo", "Telemetry", grdb, earthTests]),
        tests("MappingTests", ["Mapping", "Scenes", "Raster", "Files", "Geo", "Telemetry", earthTests]),
        tests("BenchmarksTests", ["Benchmarks", "Raster", "Measures", "Files", "Geo", "Telemetry", earthTests]),
        tests("ScoringTests", ["Scoring", "Raster", "Measures", "Files", "Geo", "Telemetry", earthTests]),
        tests("SynthTests", ["Synth", "Raster", "Files", "Geo", "Telemetry", earthTests]),
        tests("CommandTests", ["Raster", "Torch", "Files", "Geo", "Telemetry", earthTests], exclude: ["Snapshots"]),
    ]
    commandDependencies += ["Raster", "Scenes", "Corpus", "Mapping", "Benchmarks", "Scoring", "Synth", "COpenBLAS"]
}
targets.append(.executableTarget(name: "geodino", dependencies: commandDependencies, swiftSettings: swift))

// libctorch.so, the only C++ of the project. Nothing links it: Torch opens it on first use.
// Without a libtorch on this machine it is left out; `Sources/CTorch/build` makes it elsewhere.
func libtorchFolder() -> String? {
    let named = environment["LIBTORCH"] ?? "\(Context.packageDirectory)/.libtorch"
    let folder = URL(fileURLWithPath: named).resolvingSymlinksInPath().path
    return FileManager.default.fileExists(atPath: "\(folder)/include/ATen/ATen.h") ? folder : nil
}

if let libtorch = libtorchFolder() {
    targets.append(
        .target(
            name: "CTorch", exclude: ["build", "exports.map"],
            cxxSettings: [
                // Not a dependency: SwiftPM would hand clang a module map that C++ cannot use here.
                .headerSearchPath("../CTorchAPI/include"),
                .unsafeFlags([
                    "-I\(libtorch)/include", "-I\(libtorch)/include/torch/csrc/api/include",
                    "-O2", "-fvisibility=hidden", "-Wno-deprecated-declarations",
                ]),
            ],
            linkerSettings: [
                .unsafeFlags([
                    "-L\(libtorch)/lib", "-Xlinker", "-rpath=\(libtorch)/lib",
                    "-Xlinker", "--no-as-needed", "-ltorch", "-ltorch_cpu", "-lc10",
                    "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/CTorch/exports.map",
                ])
            ]))
    products.append(.library(name: "ctorch", type: .dynamic, targets: ["CTorch"]))
}

let package = Package(
    name: "geodino", products: products, dependencies: packages, targets: targets,
    swiftLanguageModes: [.v6], cxxLanguageStandard: .cxx20)
