// geodino doctor: bad arguments, the report in text and JSON, and a missing library.
import Foundation
import Testing

@Suite struct DoctorCommandTests {
    static let bad: [BadCall] = [
        .usage("an unknown format", says: "'xml' is invalid", arguments: "doctor", "--format", "xml"),
        .usage("an unexpected argument", says: "Unexpected argument 'torch'", arguments: "doctor", "torch"),
        .usage("an unknown option", says: "Unknown option '--fix'", arguments: "doctor", "--fix"),
    ]

    @Test(arguments: bad)
    func `bad arguments fail and write nothing`(_ call: BadCall) throws { try call.check() }

    /// The names of all items of a report, in order, and the items without a version.
    private func items(_ json: String) throws -> (all: [String], missing: [[String: Any]]) {
        let report = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let items = try #require(report["items"] as? [[String: Any]])
        return (items.compactMap { $0["name"] as? String }, items.filter { $0["version"] == nil })
    }

    @Test func `the text has a line for every item of the JSON report`() throws {
        let text = try Program.run(["doctor"])
        let json = try Program.run(["doctor", "--format", "json"])
        #expect(text.status == 0 && json.status == 0, "\(text.errors)\(json.errors)")
        let lines = text.output.split(separator: "\n")
        let names = try items(json.output).all
        #expect(lines.first?.hasSuffix(", both halves (Earth and tensor)") == true, "\(text.output)")
        #expect(names.count > 5 && lines.count == 1 + names.count)
        for (line, name) in zip(lines.dropFirst(), names) { #expect(line.hasPrefix("  \(name)  "), "\(line)") }
    }

    @Test func `the JSON matches the snapshot`() throws {
        let outcome = try Program.run(["doctor", "--format", "json"])
        #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
        try Snapshot.expect(
            outcome.output, matches: "doctor",
            varying: ["program": .text, "items.*.version": .text, "items.*.detail": .text])
    }

    @Test func `a missing library is named with a remedy, and the exit code is 1`() throws {
        let nowhere = ["GEODINO_CTORCH": "/nowhere/libctorch.so"]
        let text = try Program.run(["doctor"], environment: nowhere)
        #expect(text.status == 1 && text.errors == "missing: torch\n", "\(text.status): \(text.errors)")
        #expect(text.output.contains("torch     MISSING") && text.output.contains("  try  run `make setup`"))
        let json = try Program.run(["doctor", "--format", "json"], environment: nowhere)
        #expect(json.status == 1)
        let missing = try items(json.output).missing
        #expect(missing.count == 1 && missing[0]["name"] as? String == "torch")
        #expect((missing[0]["detail"] as? String)?.contains("/nowhere/libctorch.so") == true, "\(json.output)")
        #expect((missing[0]["remedy"] as? String)?.contains("GEODINO_CTORCH") == true, "\(json.output)")
    }
}
