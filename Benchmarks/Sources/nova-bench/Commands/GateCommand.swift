import ArgumentParser
import FoundationEssentials

struct GateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "Count instructions and allocations per message, and compare them with the committed thresholds.",
        discussion: """
            Under callgrind, so that neither the clock nor what else the machine does counts. What is worse or better than \
            its threshold by more than the tolerance is counted twice more: it must be so each time.
            """
    )

    @Flag(help: "Set the thresholds: of each row the median of several counts.")
    var update = false

    @Option(help: "Counts of each row for --update.")
    var counts = 5

    @Option(parsing: .upToNextOption, help: "Only rows whose names have all of these words.")
    var only: [String] = []

    @Option(help: ArgumentHelp("Keep callgrind's profile of each row, for callgrind_annotate.", valueName: "folder"))
    var profiles: String?

    @Option(help: ArgumentHelp("The thresholds, instead of those beside the package.", valueName: "file"))
    var thresholds: String?

    func validate() throws {
        if self.counts < 1 { throw ValidationError("\(self.counts) counts are not enough.") }
        if self.rows.isEmpty { throw ValidationError("No row is called \(self.only.joined(separator: " ")).") }
    }

    func run() throws {
        #if DEBUG
            throw ValidationError("A debug build measures nothing: swift run -c release nova-bench gate")
        #else
            try self.update ? self.set() : self.compare()
        #endif
    }

    private var rows: [GateRow] {
        GatePlan.rows.filter { row in
            let words = row.name.split(separator: " ").map(String.init)
            return self.only.allSatisfy { words.contains($0) }
        }
    }

    private var file: URL { self.thresholds.map { URL(filePath: $0) } ?? GateThresholds.committed }

    private func compare() throws {
        let thresholds = try GateThresholds.read(from: self.file)
        let result = { (row: GateRow, counts: [GateCount]) in
            GateResult(row: row, counts: counts, threshold: thresholds.row(named: row.name))
        }
        let gate = try Gate(runs: self.rows.count, profiles: self.profiles.map { URL(filePath: $0) })
        let counts = try gate.count(self.rows) { $1.count < 3 && [.worse, .better].contains(result($0, $1).verdict) }
        let results = self.rows.map { result($0, counts[$0] ?? []) }
        print(GateTable(results: results).text)
        try self.judge(results, thresholds)
    }

    private func judge(_ results: [GateResult], _ thresholds: GateThresholds) throws {
        let failures = results.filter { $0.verdict == .worse || $0.verdict == .new }
        let better = results.filter { $0.verdict == .better }
        if !better.isEmpty { print("\n\(better.count) rows are better than their thresholds: set them by --update") }
        let known = Set(GatePlan.rows.map(\.name))
        let stale = thresholds.rows.filter { !known.contains($0.name) }.map(\.name)
        if !stale.isEmpty {
            print("\nerror: thresholds of rows that are not counted: \(stale.joined(separator: ", "))")
        }
        guard !failures.isEmpty || !stale.isEmpty else { return }
        print("\n\(failures.count) of \(results.count) rows FAIL")
        for (name, there) in thresholds.environment.sorted(by: { $0.key < $1.key }) {
            let here = GateEnvironment.current()[name] ?? "unknown"
            if here != there { print("note: \(name) is \(here) here, but was \(there) when the thresholds were set") }
        }
        throw ExitCode(1)
    }

    private func set() throws {
        let gate = try Gate(runs: self.rows.count * self.counts, profiles: nil)
        var counts: [GateRow: [GateCount]] = [:]
        // A process for each, because what differs from one process to the next counts too.
        for _ in 0..<self.counts {
            counts.merge(try gate.count(self.rows) { _, _ in false }) { $0 + $1 }
        }
        let old = try? GateThresholds.read(from: self.file)
        let rows = GatePlan.rows.compactMap { row in
            counts[row].map { GateThresholds.Row(row, counts: $0) } ?? old?.row(named: row.name)
        }
        let new = GateThresholds(environment: GateEnvironment.current(), rows: rows)
        try new.write(to: self.file)
        print(
            GateTable(
                results: self.rows.map {
                    GateResult(row: $0, counts: [.median(counts[$0] ?? [])], threshold: new.row(named: $0.name))
                }
            ).text
        )
    }
}
