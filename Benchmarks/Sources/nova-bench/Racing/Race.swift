/// Runs the contestants in turns (A B C A B C ...), so that whatever else the machine does falls on all of them.
struct Race {
    var plan: [Plan]
    var contestants: [any Contestant]
    var rounds: Int
    var url: String
    /// To which ratios refer.
    var baseline = Contestants.baseline

    func run() throws -> [RaceResult] {
        var progress = ProgressLine(total: self.plan.count * self.rounds * self.contestants.count)
        defer { progress.clear() }
        return try self.plan.flatMap { plan in
            let contestants = self.contestants.filter { $0.can(plan.work, with: plan.features) }
            var samples = [[Measurement]](repeating: [], count: contestants.count)
            for round in 1...self.rounds {
                for (index, contestant) in contestants.enumerated() {
                    progress.advance("\(plan.title), round \(round), \(contestant.name)")
                    samples[index].append(try self.measure(contestant, plan))
                }
            }
            return self.results(plan, contestants, samples)
        }
    }

    func measure(_ contestant: any Contestant, _ plan: Plan, _ options: [String] = []) throws -> Measurement {
        let process = try ChildProcess(
            arguments: [
                "client", contestant.name, plan.work.rawValue,
                "--url", self.url, "--size", String(plan.size), "--count", String(plan.count),
            ] + plan.options + options
        )
        process.closeInput()
        let line = process.readLine()
        let status = process.wait()
        guard let line, status == 0 else {
            throw BenchmarkError("\(contestant.name), \(plan.title): exit status \(status)")
        }
        return try Measurement.parse(line)
    }

    private func results(_ plan: Plan, _ contestants: [any Contestant], _ samples: [[Measurement]]) -> [RaceResult] {
        let baseline = contestants.firstIndex { $0.name == self.baseline }
        return zip(contestants, samples).map { contestant, own in
            // A ratio within one round compares neighbours in time; the median of those is calmer than that of medians.
            let ratios = baseline.map { zip(own, samples[$0]).map { $0.figure / $1.figure } } ?? []
            let differences = baseline.map { zip(own, samples[$0]).map { $0.figure - $1.figure } } ?? []
            return RaceResult(
                plan: plan,
                contestant: contestant.name,
                samples: own,
                ratio: Statistics.median(ratios),
                differences: differences,
                budget: Budget.ratio(for: contestant.path, work: plan.work, size: plan.size)
            )
        }
    }
}

struct RaceResult: Sendable {
    var plan: Plan
    var contestant: String
    var samples: [Measurement]
    /// To the baseline.
    var ratio: Double
    /// To the baseline, in each round.
    var differences: [Double]
    var budget: Double?

    var verdict: Verdict? { Verdict(ratio: self.ratio, budget: self.budget) }

    func median(_ value: (Measurement) -> Double?) -> Double? {
        let values = self.samples.compactMap(value)
        return values.isEmpty ? nil : Statistics.median(values)
    }
}
