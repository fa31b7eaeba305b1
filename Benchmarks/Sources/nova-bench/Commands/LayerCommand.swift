import ArgumentParser

struct LayerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "layer",
        abstract: "Measure what the client adds to a message, beside the connection that it is built on."
    )

    @Flag(help: "A quarter of the messages.")
    var quick = false

    @Option(help: "Rounds; in each, every contestant has its turn.")
    var rounds = 5

    @Option(parsing: .upToNextOption, help: "Only these kinds of work: flood, echo, sink, json.")
    var works: [Work] = []

    @Flag(help: "Fail when a result is over twice its budget. For a quiet machine: it depends on the clock.")
    var gate = false

    func validate() throws {
        if self.rounds < 1 { throw ValidationError("\(self.rounds) rounds are not enough.") }
    }

    func run() throws {
        #if DEBUG
            throw ValidationError("A debug build measures nothing: swift run -c release nova-bench layer")
        #else
            try self.compare()
        #endif
    }

    private func compare() throws {
        let server = try LoadServerProcess()
        defer { server.stop() }
        let all = LayerPlan.all(quick: self.quick).filter { self.works.isEmpty || self.works.contains($0.work) }
        let plan = Plan.possible(all, on: try .allowed())
        let race = Race(
            plan: plan,
            contestants: Contestants.layer,
            rounds: self.rounds,
            url: server.url,
            server: server.pid,
            baseline: LayerPlan.baseline
        )
        let results = try race.run()
        print(LayerTable(results: results).text)
        if self.gate, results.contains(where: { LayerPlan.verdict(of: $0) == .overTwice }) { throw ExitCode(1) }
    }
}
