// The words for settings and actions: plain ones, unless a program has others.
import Telemetry
import Testing

/// No test puts another wording in force: it would be that of every test that runs at the same time.
struct WordingTests {
    @Test func `without a program the words are plain`() {
        #expect("choose another name, or \(Setting.overwrite)" == "choose another name, or overwrite")
        #expect("\(Setting.areaOfInterest)" == "aoi" && "\(Setting.bandMean)" == "mean")
        #expect("rebuild it: \(UserAction.reindexCorpus("a b"))" == "rebuild it: reindex the corpus 'a b'")
        #expect("give \(UserAction.value("another name", for: .output))" == "give another name for output")
        #expect("\(UserAction.verifyCorpus(nil))" == "verify the corpus")
        #expect("to continue, \(UserAction.resumeSameCommand)" == "to continue, make the same call with resume set")
        #expect("\(UserAction.embedComponents(count: nil))" == "embedding with principal components")
    }

    @Test(arguments: Setting.allCases)
    func `every setting has a word that is not an option`(_ setting: Setting) {
        let word = Wording.plain.setting(setting)
        #expect(!word.isEmpty && !word.hasPrefix("-") && word == "\(setting)")
    }

    @Test(
        arguments: [
            .cutCorpus(output: "out/a b"), .verifyCorpus("out/a b"), .reindexCorpus("out/a b"),
            .reindexDamagedCorpus("out/a b"), .packCorpus(output: "out/a b"), .fit(task: "canopy", weights: "out/a b"),
        ] as [UserAction])
    func `the words for an action name its path, and no command`(_ action: UserAction) {
        let words = Wording.plain.action(action)
        #expect(words.contains("'out/a b'") && !words.contains("geodino") && !words.contains("-o"))
    }

    @Test func `a wording has the words that it was made with`() {
        let loud = Wording(setting: { $0.rawValue.uppercased() }, action: { _ in "ASK SOMEBODY" })
        #expect(loud.setting(.resume) == "RESUME" && loud.action(.embed) == "ASK SOMEBODY")
        // Made, but not put in force.
        #expect("\(Setting.resume)" == "resume")
    }
}
