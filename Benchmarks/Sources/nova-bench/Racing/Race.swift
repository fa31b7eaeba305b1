import Glibc

/// Runs the contestants in turns (A B C A B C ...), so that whatever else the machine does falls on all of them.
struct Race {
    /// Where plans with TLS go.
    struct SecureServer: Sendable {
        var url: String
        /// A PEM file with the certificate to trust.
        var certificate: String
    }

    var plan: [Plan]
    var contestants: [any Contestant]
    var rounds: Int
    var url: String
    var secure: SecureServer?
    /// The process of the server, for plans with a placement.
    var server: pid_t?
    /// `nova-bench`, whose `client` is run.
    var program = ChildProcess.ownProgram
    /// To which ratios refer.
    var baseline = Contestants.baseline
    /// About how long a run shall take: each contestant gets as many messages as fit into it. Nil runs the plans' counts.
    var secondsPerRun: Double?

    /// - Parameter onFailure: told of a contestant that fails, which is then left out of that row; nil ends the race.
    func run(onFailure: ((any Error) -> Void)? = nil) throws -> [RaceResult] {
        var progress = ProgressLine(
            total: self.plan.map { plan in self.starters(plan).count * self.rounds }.reduce(0, +)
        )
        defer { progress.clear() }
        return try self.plan.flatMap { try self.row($0, &progress, onFailure) }
    }

    private func starters(_ plan: Plan) -> [any Contestant] {
        self.contestants.filter { $0.can(plan.work, with: plan.features) }
    }

    private func row(
        _ plan: Plan,
        _ progress: inout ProgressLine,
        _ onFailure: ((any Error) -> Void)?
    ) throws -> [RaceResult] {
        let starters = self.starters(plan)
        var plans = [Plan?](repeating: plan, count: starters.count)
        var samples = [[Measurement]](repeating: [], count: starters.count)
        for round in 1...self.rounds {
            for (index, contestant) in starters.enumerated() {
                progress.advance("\(plan.title), round \(round), \(contestant.name)")
                do {
                    if round == 1 { plans[index] = try self.calibrated(plan, contestant) }
                    guard let plan = plans[index] else { continue }
                    samples[index].append(try self.measure(contestant, plan))
                } catch {
                    guard let onFailure else { throw error }
                    plans[index] = nil
                    progress.clear()
                    onFailure(error)
                }
            }
        }
        var results: [RaceResult] = []
        for (index, contestant) in starters.enumerated() {
            guard let plan = plans[index] else { continue }
            var result = RaceResult(
                plan: plan,
                contestant: contestant.name,
                path: contestant.path,
                samples: samples[index]
            )
            do {
                if plan.isCompressed { result.wireRatio = try self.wireRatio(contestant, plan) }
            } catch {
                guard let onFailure else { throw error }
                onFailure(error)
            }
            results.append(result)
        }
        return self.withDifferences(results)
    }

    private func withDifferences(_ results: [RaceResult]) -> [RaceResult] {
        guard let baseline = results.first(where: { $0.contestant == self.baseline }) else { return results }
        return results.map { result in
            var result = result
            result.differences = zip(result.samples, baseline.samples).map {
                result.plan.figure(of: $0) - result.plan.figure(of: $1)
            }
            return result
        }
    }

    // MARK: One run

    func measure(
        _ contestant: any Contestant,
        _ plan: Plan,
        _ options: [String] = [],
        url: String? = nil
    ) throws -> Measurement {
        var options = plan.options + options
        var server = self.url
        if plan.isSecure {
            guard let secure else { throw BenchmarkError("\(plan.title): there is no server with TLS") }
            server = secure.url
            options += ["--ca", secure.certificate]
        }
        let arguments =
            [
                "client", contestant.name, plan.work.rawValue,
                "--url", url ?? server, "--size", String(plan.size), "--count", String(plan.count),
            ] + options
        return try self.placed(plan) { processors in
            let start = { try ChildProcess(executable: self.program, arguments: arguments) }
            let process = try processors?.bound(start) ?? start()
            return try self.measurement(of: process, "\(contestant.name), \(plan.title)")
        }
    }

    private func measurement(of process: ChildProcess, _ what: String) throws -> Measurement {
        process.closeInput()
        let line = process.readLine()
        let status = process.wait()
        guard let line, status == 0 else {
            throw BenchmarkError("\(what): exit status \(status)")
        }
        return try Measurement.parse(line)
    }

    /// Runs a client while the server is bound as the plan wants it; afterwards that may run everywhere again.
    ///
    /// - Parameter run: is given the processors of the client; nil: all.
    private func placed(_ plan: Plan, _ run: (ProcessorSet?) throws -> Measurement) throws -> Measurement {
        guard let placement = plan.placement else { return try run(nil) }
        guard let server else { throw BenchmarkError("\(plan.title): there is no server that could be bound") }
        let allowed = try ProcessorSet.allowed()
        guard let processors = placement.processors(of: allowed) else {
            throw BenchmarkError("\(plan.title): there is only one processor")
        }
        try processors.server.bind(process: server)
        let result = Result { try run(processors.client) }
        let freed = Result { try allowed.bind(process: server) }
        let measurement = try result.get()
        try freed.get()
        return measurement
    }

    // MARK: How many messages

    /// The plan with as many messages as fit into the time of a run.
    private func calibrated(_ plan: Plan, _ contestant: any Contestant) throws -> Plan {
        guard let secondsPerRun, plan.group != .connect else { return plan }
        var pilot = plan
        pilot.count = Calibration.firstCount(plan)
        var seconds = 0.0
        while true {
            seconds = try self.measure(contestant, pilot).seconds
            guard let next = Calibration.nextCount(pilot, seconds: seconds, most: plan.count) else { break }
            pilot.count = next
        }
        var calibrated = plan
        calibrated.count = Calibration.count(plan, pilot: pilot.count, seconds: seconds, wanted: secondsPerRun)
        return calibrated
    }

    // MARK: What goes over the wire

    /// Bytes on the wire for each byte of payload, as the difference of two runs, so that the handshakes fall out.
    private func wireRatio(_ contestant: any Contestant, _ plan: Plan) throws -> Double {
        let relay = try WireRelay(to: self.url)
        var totals: [Int] = []
        let count = min(2000, max(20, (16 << 20) / plan.size))
        for count in [count, 2 * count] {
            var plan = plan
            plan.count = count
            let before = relay.bytes
            _ = try self.measure(contestant, plan, url: relay.url)
            totals.append(relay.bytes - before)
        }
        // The warm-up has a twentieth of the messages more.
        let messages = Double(count + 2 * count / 20 - count / 20)
        return Double(totals[1] - totals[0]) / (messages * Double(plan.size) * (plan.work == .echo ? 2 : 1))
    }
}
