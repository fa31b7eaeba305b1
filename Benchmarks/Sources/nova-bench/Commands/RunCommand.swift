import ArgumentParser

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measure all contestants in turns and print a table.",
        discussion: """
            Groups: messages (binary, one connection), text, tls, deflate, connections (8 and 64 on one loop), connect (opening \
            and closing), idle (memory, and an echo beside thousands), startup (a program's start and size).
            """
    )

    @Flag(help: "Only messages, less of them, three rounds, no other libraries: under two minutes.")
    var quick = false

    @Option(name: .customLong("group"), parsing: .upToNextOption, help: "Only these groups. Default: all.")
    var groups: [PlanGroup] = []

    @Option(help: "Rounds; in each, every contestant has its turn.")
    var rounds: Int?

    @Option(help: "About how long each contestant's turn takes; it decides the number of messages.")
    var seconds: Double?

    @Option(parsing: .upToNextOption, help: "Only these contestants, beside the plain C client.")
    var contestants: [String] = []

    @Option(parsing: .upToNextOption, help: "Only these kinds of work: flood, echo, sink.")
    var works: [Work] = []

    @Flag(help: "Fail when a result is over twice its budget. For a quiet machine: it depends on the clock.")
    var gate = false

    @Option(help: "Also write everything, each sample too, to this file; 'table' and 'plot' read it.")
    var json: String?

    func validate() throws {
        for name in self.contestants where Contestants.named(name) == nil {
            throw ValidationError("There is no contestant named '\(name)'.")
        }
        if let rounds = self.rounds, rounds < 1 { throw ValidationError("\(rounds) rounds are not enough.") }
        if let seconds = self.seconds, !(0.01...60 ~= seconds) {
            throw ValidationError("\(seconds) seconds are not within 0.01...60.")
        }
    }

    func run() throws {
        #if DEBUG
            throw ValidationError("A debug build measures nothing: swift run -c release nova-bench run")
        #else
            try self.measure()
        #endif
    }

    private var chosenGroups: [PlanGroup] {
        if !self.groups.isEmpty { return self.groups }
        return self.quick ? [.messages] : PlanGroup.allCases
    }

    /// The practical limit first, then the library's ways, then its rivals.
    private var chosenContestants: [any Contestant] {
        let chosen = Contestants.all.filter { contestant in
            if contestant.name == Contestants.baseline || self.contestants.contains(contestant.name) { return true }
            return self.contestants.isEmpty && !(self.quick && contestant.isRival)
        }
        return chosen.filter { !$0.isRival } + chosen.filter(\.isRival)
    }

    private func measure() throws {
        let rounds = self.rounds ?? (self.quick ? 3 : 5)
        let seconds = self.seconds ?? (self.quick ? 0.15 : 0.6)
        let chosen = self.chosenContestants
        var failures: [String] = []
        func attempt<Value>(_ what: String, _ measure: () throws -> Value) -> Value? {
            do { return try measure() } catch {
                failures.append("\(what): \(error)")
                StandardError.write("\(what): \(error)\n")
                return nil
            }
        }
        let results = try self.race(chosen, rounds, seconds) { failures.append($0) }
        var report = Report(results: results, contestants: chosen, rounds: rounds, secondsPerRun: seconds)
        if self.chosenGroups.contains(.idle) {
            report.crowds = attempt("idle connections") { try self.crowd(rounds).run() } ?? []
        }
        if self.chosenGroups.contains(.startup) {
            report.startup = attempt("start of a program") { try self.startup() } ?? []
        }
        report.failures = failures
        print(ResultTable(report: report).text)
        if let json = self.json { try report.write(to: json) }
        if !failures.isEmpty || (self.gate && report.isOverTwiceABudget) { throw ExitCode(1) }
    }

    private func crowd(_ rounds: Int) -> CrowdRace {
        CrowdRace(
            plain: self.quick ? 1_000 : 10_000,
            secure: self.quick ? 200 : 2_000,
            rounds: min(3, rounds),
            turns: self.quick ? 3 : 9,
            concurrency: 64
        )
    }

    private func startup() throws -> [StartupMeasurement] {
        let server = try LoadServerProcess()
        defer { server.stop() }
        return try StartupRace(rounds: self.quick ? 5 : 20, url: server.url).run()
    }

    private func race(
        _ contestants: [any Contestant],
        _ rounds: Int,
        _ seconds: Double,
        _ failed: (String) -> Void
    ) throws -> [RaceResult] {
        let standard = self.chosenGroups.flatMap { Plan.standard($0, quick: self.quick) }
            .filter { self.works.isEmpty || self.works.contains($0.work) }
        let plan = Plan.possible(standard, on: try .allowed())
        if plan.isEmpty { return [] }
        let server = try LoadServerProcess(isSecure: plan.contains(where: \.isSecure))
        defer { server.stop() }
        let race = Race(
            plan: plan,
            contestants: contestants,
            rounds: rounds,
            url: server.url,
            secure: server.secure,
            server: server.pid,
            secondsPerRun: seconds
        )
        return try withoutActuallyEscaping(failed) { failed in
            try race.run { error in
                failed("\(error)")
                StandardError.write("\(error)\n")
            }
        }
    }
}
