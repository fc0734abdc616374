// The snapshot helper: how it formats JSON, which values placeholders replace, and how it reports a difference.
import Foundation
import Testing

@Suite struct SnapshotTests {
    @Test func `JSON keeps its order, lists and strings`() throws {
        let json = #"""
            { "b" : [ 1, 2.50, [ ] ], "a" : { "text" : "a \"b\", {c}", "none" : null },
            "e" : [ { } ], "on":true}
            """#
        let expected = #"""
            {
              "b": [1, 2.5, []],
              "a": {
                "text": "a \"b\", {c}",
                "none": null
              },
              "e": [
                {}
              ],
              "on": true
            }

            """#
        #expect(try NormalJSON.text(of: json) == expected)
        #expect(throws: (any Error).self) { try NormalJSON.text(of: #"{"a": }"#) }
    }

    @Test func `numbers are rounded to ten digits`() throws {
        #expect(
            try NormalJSON.text(of: "[0.6000000000000001, 500000.30000000005, 4999923.2, 1e-05, 30, -7]")
                == "[0.6, 500000.3, 4999923.2, 1e-05, 30, -7]\n")
    }

    @Test func `a placeholder replaces only values of its kind`() throws {
        let hash = String(repeating: "0a", count: 32)
        let json = #"{"parts": [{"n": 3, "x": 0.25, "h": "\#(hash)"}, {"n": 3.5, "x": null, "h": "short"}], "n": 4}"#
        let text = try NormalJSON.text(
            of: json, varying: ["parts.*.n": .integer, "x": .number, "h": .hash, "parts.n": .text])
        #expect(
            text == #"""
                {
                  "parts": [
                    {
                      "n": "<integer>",
                      "x": "<number>",
                      "h": "<hash>"
                    },
                    {
                      "n": 3.5,
                      "x": null,
                      "h": "short"
                    }
                  ],
                  "n": 4
                }

                """#)
    }

    @Test func `a difference names its line and both texts`() {
        #expect(Snapshot.difference(between: "a\nb\n", and: "a\nb\n") == nil)
        #expect(
            Snapshot.difference(between: "a\nb\nc", and: "a\nx\nc") == "line 2\n  expected: b\n  found:    x")
        #expect(Snapshot.difference(between: "a\nb", and: "a") == "line 2\n  expected: b\n  found:    (the end)")
    }

    @Test(.enabled(if: !Snapshot.writes)) func `a missing snapshot is a failure`() throws {
        try withKnownIssue {
            try Snapshot.expect("{}", matches: "no-such-snapshot")
        } matching: { issue in
            issue.comments.contains { $0.rawValue.contains("there is no snapshot") }
        }
    }
}
