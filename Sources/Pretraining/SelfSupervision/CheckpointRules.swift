// Rules of training that have changed since checkpoints of format 1, and which recipes they touch.
import Backbone
import Telemetry
internal import Training

extension PretrainingRecipe {
    /// A rule that a phase is trained by, and that was another before format 2.
    private enum ChangedRule {
        /// With both norms of class tokens, local crops have theirs in training; they had that of class tokens.
        case normOfLocalCrops
        /// The end of a classic learning rate is as written; it was scaled with the batch.
        case endOfClassicRate
        /// `data.group`, which was not known.
        case group

        var words: String {
            switch self {
            case .normOfLocalCrops:
                "with both backbone.untie_... flags, local crops are now normalised by local_cls_norm; before, it was cls_norm"
            case .endOfClassicRate:
                "optimizer.scaling no longer scales the end of a classic schedules.learning_rate"
            case .group: "data.group did not exist when the checkpoint was written"
            }
        }
    }

    /// The rules that one phase is touched by.
    private var changedRules: [ChangedRule] {
        var rules: [ChangedRule] = []
        if backbone.untieClassAndPatchNorms, backbone.untieGlobalAndLocalNorms { rules.append(.normOfLocalCrops) }
        let (rate, factor) = (schedules.learningRate, optimizer.scaling.factor(batch: data.batchSize))
        if rate.form == .classic, rate.end * factor != rate.end { rules.append(.endOfClassicRate) }
        if data.group != nil { rules.append(.group) }
        return rules
    }

    /// The format of the recipe's checkpoints: 1 wherever earlier versions of the program would continue alike.
    var checkpointFormat: Int { phases.allSatisfy(\.changedRules.isEmpty) ? 1 : 2 }

    /// Whether local crops have a norm that checkpoints of format 1 never trained.
    var trainsNormThatFormat1DidNot: Bool { changedRules.contains(.normOfLocalCrops) }

    /// Refuses to resume from a checkpoint where the rest of the run would follow other rules than its beginning did.
    ///
    /// - Parameter place: The checkpoint's folder.
    /// - Throws: `rulesChanged`.
    func refuseChangedRules(_ manifest: CheckpointManifest, at place: String) throws {
        guard manifest.formatVersion < 2 else { return }
        var end = 0
        for phase in phases {
            end += phase.steps
            guard manifest.step < end, !phase.changedRules.isEmpty else { continue }
            throw PretrainingError(
                .rulesChanged,
                "the run was started with rules that have changed since, and its phase \(phase.phase) is not complete",
                in: place, why: phase.changedRules.map(\.words),
                try: """
                    start a new run, from these weights with start: continued in the recipe and \(Setting.from) \(place); or resume \
                    with the version of geodino that started this one
                    """)
        }
    }
}
