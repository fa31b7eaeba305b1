import ArgumentParser

/// Many idle connections in one process, in the clear and with TLS.
struct CrowdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd",
        abstract: "Measure many idle connections: connect rate, memory, and an echo beside them."
    )

    @Flag(help: "A tenth of the connections, one round.")
    var quick = false

    @Option(help: "Rounds; of each kind of connection, in turns.")
    var rounds: Int?

    @Option(help: "Connections in the clear.")
    var plain: Int?

    @Option(help: "Connections with TLS.")
    var tls: Int?

    @Option(help: "How many are opened at a time.")
    var concurrency = 64

    @Flag(help: "Fail when a result is over twice its budget. For a quiet machine: times depend on the clock.")
    var gate = false

    @Option(help: "Also write every sample to this file.")
    var json: String?

    func validate() throws {
        if let rounds = self.rounds, rounds < 1 { throw ValidationError("\(rounds) rounds are not enough.") }
    }

    func run() throws {
        #if DEBUG
            throw ValidationError("A debug build measures nothing: swift run -c release nova-bench crowd")
        #else
            try self.measure()
        #endif
    }

    private func measure() throws {
        let race = CrowdRace(
            plain: self.plain ?? (self.quick ? 1_000 : 10_000),
            secure: self.tls ?? (self.quick ? 200 : 2_000),
            rounds: self.rounds ?? (self.quick ? 1 : 3),
            turns: self.quick ? 3 : 9,
            concurrency: self.concurrency
        )
        let samples = try race.run()
        let summaries = CrowdSummary.all(samples)
        print(CrowdTable(summaries: summaries).text)
        if let json { try CrowdReport(samples: samples).write(to: json) }
        if self.gate, summaries.contains(where: \.isOverTwiceABudget) { throw ExitCode(1) }
    }
}
