// The table of words: which option each setting is, and which command each action is.
import Telemetry

extension Wording {
    /// The words of this command line.
    static let commandLine = Wording(setting: { Wording.option($0) }, action: { Wording.command($0) })

    // Neither switch has a default: what is new does not compile until it has words here.

    private static func option(_ setting: Setting) -> String {
        switch setting {
        case .overwrite: "--overwrite"
        case .resume: "--resume"
        case .output: "-o"
        case .polygons: "--polygons"
        case .areaOfInterest: "--aoi"
        case .split: "--split"
        case .allTouched: "--all-touched"
        case .bands: "--bands"
        case .stretch: "--stretch"
        case .statistics: "--statistics"
        case .measuredStatistics: "--measure-statistics"
        case .firstClass: "--first-class"
        case .heads: "--heads"
        case .architecture: "--arch"
        case .bandMean: "--band-mean"
        case .bandDeviation: "--band-std"
        case .window: "--window"
        case .overlap: "--overlap"
        case .batch: "--batch"
        case .threads: "--threads"
        case .layers: "--layers"
        case .basis: "--basis"
        case .from: "--from"
        case .gramTeacher: "--gram-teacher"
        case .corpus: "--corpus"
        case .steps: "--steps"
        case .stopAfter: "--stop-after"
        case .gdalConfiguration: "--config"
        }
    }

    private static func command(_ action: UserAction) -> String {
        switch action {
        case .value(let value, let setting): "\(value) after \(option(setting))"
        case .resumeSameCommand: "run the same command with \(option(.resume))"
        case .cutCorpus(let output): "geodino tile SCENE... -o \(shellQuoted(output))"
        case .sameCutting: "the same geodino tile command"
        case .resumeCutting: "geodino tile --resume"
        case .verifyCorpus(let path): "geodino corpus verify \(path.map(shellQuoted) ?? "CORPUS")"
        case .reindexCorpus(let path): "geodino corpus reindex \(shellQuoted(path))"
        case .reindexDamagedCorpus(let path):
            "\(command(.reindexCorpus(path)))    (\(command(.verifyCorpus(path))) lists the damage)"
        case .packCorpus(let output): "geodino corpus pack CORPUS -o \(shellQuoted(output))"
        case .synthesize: "geodino synth"
        case .fit(let task, let weights):
            "geodino fit \(task)" + (weights.map { " RECIPE --weights \(shellQuoted($0))" } ?? "")
        case .embed: "geodino embed"
        case .embedComponents(let count): "geodino embed --pca" + (count.map { " \($0)" } ?? "")
        case .applyWeights: "geodino fit, geodino embed, geodino canopy and geodino landcover"
        case .inspectWeights: "geodino weights info"
        case .dumpStep(let step): "geodino pretrain RECIPE ... --dump-step \(step) FILE"
        case .resumeAndDumpStep(let step): "--resume --dump-step \(step) FILE"
        }
    }
}
