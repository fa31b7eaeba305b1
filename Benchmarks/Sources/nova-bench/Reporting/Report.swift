import FoundationEssentials

/// What `run --json` writes, and `table` and `plot` read: every sample, the summaries, and on what they were measured.
struct Report: Codable, Sendable {
    struct Entry: Codable, Sendable, Equatable {
        var name: String
        var way: String
    }

    /// All that was measured of one plan.
    struct Row: Codable, Sendable {
        var plan: Plan
        var results: [Result]
    }

    /// What one contestant took.
    struct Result: Codable, Sendable {
        var contestant: String
        /// Messages in each run.
        var count: Int
        var cpuNanosecondsPerMessage: Spread
        var messagesPerSecond: Spread
        var p50: Spread?
        var p99: Spread?
        var p999: Spread?
        var peakResidentKilobytes: Double
        /// To the plain C client, of what the plan is judged by.
        var ratio: Spread?
        var budgets: [BudgetCheck]
        var wireRatio: Double?
        var samples: [Measurement]

        enum CodingKeys: String, CodingKey {
            case contestant, count, budgets, samples
            case cpuNanosecondsPerMessage = "cpu_ns_per_msg"
            case messagesPerSecond = "messages_per_s"
            case p50 = "p50_us"
            case p99 = "p99_us"
            case p999 = "p999_us"
            case peakResidentKilobytes = "max_rss_kb"
            case ratio = "ratio_to_c"
            case wireRatio = "wire_bytes_per_payload_byte"
        }

        /// The worst over all budgets; nil where there is none.
        var verdict: Verdict? { self.budgets.map(\.verdict).max() }
    }

    var date: String
    var machine: Machine
    var versions: Versions
    var rounds: Int
    var secondsPerRun: Double
    var contestants: [Entry]
    var rows: [Row]
    var crowds: [CrowdMeasurement] = []
    var startup: [StartupMeasurement] = []
    /// What could not be measured.
    var failures: [String] = []

    enum CodingKeys: String, CodingKey {
        case date, machine, versions, rounds, contestants, rows, crowds, startup, failures
        case secondsPerRun = "seconds_per_run"
    }

    var isOverTwiceABudget: Bool {
        self.rows.contains { $0.results.contains { $0.verdict == .overTwice } }
            || CrowdSummary.all(self.crowds).contains(where: \.isOverTwiceABudget)
    }

    /// Whether it was said where server and client are; in older files it is not.
    var isPlaced: Bool { self.rows.contains { $0.plan.placement != nil } }

    func rows(of group: PlanGroup) -> [Row] { self.rows.filter { $0.plan.group == group } }

    // MARK: Files

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: path))
    }

    static func read(_ path: String) throws -> Report {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { throw BenchmarkError("cannot read \(path)") }
        do {
            return try JSONDecoder().decode(Report.self, from: data)
        } catch {
            throw BenchmarkError("\(path) is not what 'nova-bench run --json' writes: \(error)")
        }
    }
}

extension Report {
    init(results: [RaceResult], contestants: [any Contestant], rounds: Int, secondsPerRun: Double) {
        self.init(
            date: Date().ISO8601Format(),
            machine: .current,
            versions: .current,
            rounds: rounds,
            secondsPerRun: secondsPerRun,
            contestants: contestants.map { Entry(name: $0.name, way: $0.way) },
            rows: Self.rows(results)
        )
    }

    /// The results of a plan stand together; their counts differ.
    private static func rows(_ results: [RaceResult]) -> [Row] {
        var rows: [(plan: Plan, results: [RaceResult])] = []
        for result in results {
            var plan = result.plan
            plan.count = 0
            if rows.last?.plan == plan {
                rows[rows.count - 1].results.append(result)
            } else {
                rows.append((plan, [result]))
            }
        }
        return rows.map { plan, results in
            Row(plan: plan, results: results.compactMap { Result($0, in: results) })
        }
    }
}

extension Report.Result {
    /// - Parameter row: all results of the same plan.
    init?(_ result: RaceResult, in row: [RaceResult]) {
        guard
            let cpu = result.spread(\.cpuNanosecondsPerMessage),
            let rate = result.spread({ Double($0.n) / $0.seconds })
        else { return nil }
        let baseline = row.first { $0.contestant == Contestants.baseline }
        self.init(
            contestant: result.contestant,
            count: result.plan.count,
            cpuNanosecondsPerMessage: cpu,
            messagesPerSecond: rate,
            p50: result.spread(\.p50),
            p99: result.spread(\.p99),
            p999: result.spread(\.p999),
            peakResidentKilobytes: result.median { Double($0.peakResidentKilobytes) } ?? 0,
            ratio: baseline.flatMap { result.ratios(to: $0) },
            budgets: Budget.budgets(for: result.path, result.plan).compactMap { BudgetCheck($0, for: result, in: row) },
            wireRatio: result.wireRatio.map { Statistics.rounded($0, places: 4) },
            samples: result.samples
        )
    }
}
