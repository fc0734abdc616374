// Means of the middle half against SciPy, and how seeds and tasks are summed up.
import Measures
import Testing

struct InterquartileMeanTests {
    @Test func `SciPy trims the same`() throws {
        for list in try ScoreMeasuresGolden.load().interquartile.lists {
            #expect(isSame(InterquartileMean.of(list.values), list.mean))
            #expect(isSame(InterquartileMean.of(list.values.reversed()), list.mean))
        }
    }

    @Test func `a quarter is rounded down`() {
        // Of three nothing is cut, of five one from each end.
        #expect(InterquartileMean.of([0, 3, 9]) == 4)
        #expect(InterquartileMean.of([100, 1, 2, 3, -100]) == 2)
        #expect(InterquartileMean.of([]) == nil)
        #expect(InterquartileMean.of([1, .nan, 2]) == nil && InterquartileMean.of([1, .infinity]) == nil)
    }

    @Test func `NumPy and SciPy find the same ends of tasks and of one task`() throws {
        let golden = try ScoreMeasuresGolden.load().interquartile
        let tasks = golden.tasks.enumerated().map { TaskScores(task: "task \($0)", scores: $1) }
        let all = InterquartileMean.interval(ofTasks: tasks, seed: golden.seed)
        #expect(isSame(all.estimate, golden.estimate))
        #expect(areSame([all.low, all.high], golden.ends))
        #expect(all.draws == 100 && all.undefinedDraws == 0 && all.method == .percentile && all.confidence == 0.95)
        let one = InterquartileMean.interval(ofSeeds: golden.tasks[0], seed: golden.one_seed)
        #expect(areSame([one.low, one.high], golden.one_ends))
        #expect(isSame(one.estimate, InterquartileMean.of(golden.tasks[0])))
        #expect(all == InterquartileMean.interval(ofTasks: tasks, seed: golden.seed))
        #expect(all != InterquartileMean.interval(ofTasks: tasks, seed: golden.seed + 1))
    }

    @Test func `single seeds have a mean but no interval`() {
        let single = InterquartileMean.interval(
            ofTasks: [TaskScores(task: "a", scores: [1]), TaskScores(task: "b", scores: [3])])
        #expect(single.estimate == 2 && single.low == nil && single.high == nil && single.draws == 0)
        let none = InterquartileMean.interval(ofTasks: [])
        #expect(none.estimate == nil && none.low == nil)
        let empty = InterquartileMean.interval(
            ofTasks: [TaskScores(task: "a", scores: []), TaskScores(task: "b", scores: [3, 3])])
        #expect(empty.estimate == 3 && empty.low == 3 && empty.high == 3)
        let undefined = InterquartileMean.interval(ofSeeds: [1, .nan])
        #expect(undefined.estimate == nil && undefined.low == nil && undefined.draws == 0)
    }

    @Test func `scores are put on the range of their task`() throws {
        let range = try #require(ScoreRange(minimum: 0.25, maximum: 0.75))
        #expect([0.25, 0.5, 0.75, 1, 0].map(range.normalised) == [0, 0.5, 1, 1.5, -0.5])
        let tasks = [TaskScores(task: "a", scores: [0.25, 0.5]), TaskScores(task: "b", scores: [4])]
        let wide = try #require(ScoreRange(minimum: 2, maximum: 10))
        let normalised = TaskScores.normalised(tasks, by: ["a": range, "b": wide])
        #expect(normalised == [TaskScores(task: "a", scores: [0, 0.5]), TaskScores(task: "b", scores: [0.25])])
        #expect(TaskScores.normalised(tasks, by: ["a": range]) == nil)
        #expect(TaskScores.normalised([], by: [:]) == [])
        #expect(ScoreRange(minimum: 1, maximum: 1) == nil && ScoreRange(minimum: 2, maximum: 1) == nil)
        #expect(ScoreRange(minimum: .nan, maximum: 1) == nil && ScoreRange(minimum: 0, maximum: .infinity) == nil)
    }

    @Test func `seeds have a mean and a deviation`() throws {
        let golden = try ScoreMeasuresGolden.load().interquartile
        let spread = SeedSpread(golden.tasks[3])
        #expect(spread.count == 6 && areSame([spread.mean, spread.standardDeviation], golden.spread))
        let one = SeedSpread([5])
        #expect(one.mean == 5 && one.standardDeviation == nil)
        let none = SeedSpread([])
        #expect(none.count == 0 && none.mean == nil && none.standardDeviation == nil)
    }
}
