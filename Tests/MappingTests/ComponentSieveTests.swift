// The sieve: closed forms, and random pictures against the definition.
import Geo
import Mapping
import TestSupport
import Testing

struct ComponentSieveTests {
    @Test func `a single pixel takes the class around it`() {
        let field = Labels("11111", "11111", "11211", "11111", "11111")
        #expect(field.sieved(smallest: 2).ids.allSatisfy { $0 == 1 })
        #expect(field.sieved(smallest: 1) == field)
    }

    @Test func `a component of just enough pixels keeps its class`() {
        let field = Labels("111111", "112211", "112111", "111111")
        #expect(field.sieved(smallest: 3) == field)
        #expect(field.sieved(smallest: 4).ids.allSatisfy { $0 == 1 })
    }

    @Test func `a component at the edge or next to nodata keeps its class`() {
        let field = Labels("1211111", "1111131", "41111.1", "1111111")
        #expect(field.sieved(smallest: 9) == field)
        // A shared corner does not count.
        let corner = Labels("11111", "11211", "111.1", "11111")
        #expect(corner.sieved(smallest: 2) == Labels("11111", "11111", "111.1", "11111"))
    }

    @Test func `pixels that share only a corner are two components`() {
        let field = Labels("11111", "12111", "11211", "11111")
        #expect(field.sieved(smallest: 2).ids.allSatisfy { $0 == 1 })
    }

    @Test func `the longest border decides, and the smaller number if two are equal`() {
        // One side to 1, five to 2.
        let field = Labels("11122222", "11122222", "11133222", "22222222", "22222222")
        #expect(field.sieved(smallest: 3).ids[19] == 2 && field.sieved(smallest: 3).ids[20] == 2)
        let halved = Labels("777444", "777444", "777944", "777444")
        #expect(halved.sieved(smallest: 2).ids[15] == 4)
        let even = Labels("7744", "7744", "7944", "7744", "7744")
        // One side to 4, three to 7.
        #expect(even.sieved(smallest: 2).ids[9] == 7)
        let equal = Labels("777777", "779777", "449777", "444444", "444444")
        // The upper pixel has three sides to 7, the lower one to 7 and two to 4.
        #expect(equal.sieved(smallest: 3).ids[8] == 7 && equal.sieved(smallest: 3).ids[14] == 7)
        let tied = Labels("7777", "7977", "4944", "4444")
        #expect(tied.sieved(smallest: 3).ids[5] == 4 && tied.sieved(smallest: 3).ids[9] == 4)
    }

    @Test func `a small component inside of a small one follows it`() {
        let field = Labels("1111111", "1222221", "1233321", "1234321", "1233321", "1222221", "1111111")
        #expect(field.sieved(smallest: 20).ids.allSatisfy { $0 == 1 })
        // The components of 8 and of 1 pixels are small, the one of 16 is not.
        #expect(
            field.sieved(smallest: 9)
                == Labels("1111111", "1222221", "1222221", "1222221", "1222221", "1222221", "1111111"))
    }

    @Test func `two small neighbours do not swap their classes`() {
        let field = Labels("111111", "112311", "112311", "111111")
        #expect(field.sieved(smallest: 3).ids.allSatisfy { $0 == 1 })
    }

    @Test func `unsure pixels stay, and no pixel becomes unsure`() {
        let alone = Labels("11111", "11?11", "1?2?1", "11?11", "11111")
        #expect(alone.sieved(smallest: 2) == alone)
        let beside = Labels("11111", "11?11", "1?211", "11?11", "11111")
        #expect(beside.sieved(smallest: 2) == Labels("11111", "11?11", "1?111", "11?11", "11111"))
    }

    @Test(arguments: [1, 2, 3, 5, 8, 13, 40])
    func `random pictures agree with the definition, however many components are held`(smallest: Int) {
        var changed = 0
        for seed in 0..<300 {
            let labels = Labels(seed: seed * 41 + smallest)
            let wanted = labels.sievedPlainly(smallest: smallest)
            for settlesAt in [1, 7, 4096] {
                #expect(
                    labels.sieved(smallest: smallest, settlesAt: settlesAt) == wanted,
                    "seed \(seed), settled at \(settlesAt):\n\(labels)")
            }
            #expect(wanted.sieved(smallest: smallest) == wanted, "seed \(seed), twice:\n\(labels)")
            if wanted != labels { changed += 1 }
        }
        #expect(smallest == 1 ? changed == 0 : changed > 50)
    }

    @Test func `rows that are left out are nodata`() {
        let labels = Labels("1111", "1211", "1111", "....", "....", "3333", "3433", "3333")
        var sieve = ComponentSieve(smallest: 2)
        var changes: [ComponentSieve.Change] = []
        for row in [0, 1, 2, 5, 6, 7] {
            sieve.add(row: row, runs: [ClassRun](row: labels.row(row))) { changes.append($0) }
        }
        sieve.finish { changes.append($0) }
        #expect(Set(changes.map { [$0.row, $0.start, $0.end, Int($0.id)] }) == [[1, 1, 2, 1], [6, 1, 2, 3]])
        #expect(changes.count == 2)
    }

    @Test func `memory does not grow with the height of the map`() {
        func most(height: Int) -> Int {
            var sieve = ComponentSieve(smallest: 6, settlesAt: 64)
            var most = 0
            for row in 0..<height {
                let ids = (0..<60).map { column -> UInt8 in
                    noise(column, row) < 60 ? noise(column, row, 1) % 4 : noise(column / 9, row / 9, 2) % 4
                }
                sieve.add(row: row, runs: [ClassRun](row: ids)) { _ in }
                most = max(most, sieve.held)
            }
            return most
        }
        let few = most(height: 300)
        #expect(most(height: 3000) < 2 * few && few < 1000)
    }
}
