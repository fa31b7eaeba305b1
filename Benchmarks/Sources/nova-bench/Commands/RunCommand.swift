import ArgumentParser

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measure all contestants in turns and print a table."
    )

    @Flag(help: "A quarter of the messages and three rounds.")
    var quick = false

    @Option(help: "Rounds; in each, every contestant has its turn.")
    var rounds: Int?

    @Option(parsing: .upToNextOption, help: "Only these contestants, beside the plain C client.")
    var contestants: [String] = []

    @Option(parsing: .upToNextOption, help: "Only these kinds of work: flood, echo, sink.")
    var works: [Work] = []

    @Flag(help: "Fail when a result is over twice its budget. For a quiet machine: it depends on the clock.")
    var gate = false

    @Option(help: "Also write every sample and summary to this file.")
    var json: String?

    func validate() throws {
        for name in self.contestants where Contestants.named(name) == nil {
            throw ValidationError("There is no contestant named '\(name)'.")
        }
        if let rounds = self.rounds, rounds < 1 { throw ValidationError("\(rounds) rounds are not enough.") }
    }

    func run() throws {
        #if DEBUG
            throw ValidationError("A debug build measures nothing: swift run -c release nova-bench run")
        #else
            try self.race()
        #endif
    }

    private func race() throws {
        let plan = Plan.standard(quick: self.quick).filter { self.works.isEmpty || self.works.contains($0.work) }
        let chosen = Contestants.all.filter {
            $0.name == Contestants.baseline || self.contestants.isEmpty || self.contestants.contains($0.name)
        }
        let server = try LoadServerProcess()
        defer { server.stop() }
        let race = Race(plan: plan, contestants: chosen, rounds: self.rounds ?? (self.quick ? 3 : 5), url: server.url)
        let results = try race.run()
        print(ResultTable(results: results).text)
        if let json = self.json { try Report(results: results, rounds: race.rounds).write(to: json) }
        if self.gate, results.contains(where: { $0.verdict == .overTwice }) { throw ExitCode(1) }
    }
}
