import FoundationEssentials
import Glibc

/// What `run --json` writes: every sample, the summaries, and enough about the machine to read them later.
struct Report: Codable {
    struct Machine: Codable {
        var processor: String
        var processors: Int
        var kernel: String
    }

    struct Summary: Codable {
        var contestant: String
        var work: Work
        var size: Int
        var count: Int
        var cpuNanosecondsPerMessage: Double
        var p50: Double?
        var p99: Double?
        var ratio: Double
        var budget: Double?
        var verdict: Verdict?
        var samples: [Measurement]

        enum CodingKeys: String, CodingKey {
            case contestant, work, size, count, budget, verdict, samples
            case cpuNanosecondsPerMessage = "cpu_ns_per_msg"
            case p50 = "p50_us"
            case p99 = "p99_us"
            case ratio = "ratio_to_c"
        }
    }

    var date: String
    var machine: Machine
    var rounds: Int
    var results: [Summary]

    init(results: [RaceResult], rounds: Int) {
        self.date = Date().ISO8601Format()
        self.machine = .current
        self.rounds = rounds
        self.results = results.map { result in
            Summary(
                contestant: result.contestant,
                work: result.plan.work,
                size: result.plan.size,
                count: result.plan.count,
                cpuNanosecondsPerMessage: result.median(\.cpuNanosecondsPerMessage) ?? 0,
                p50: result.median(\.p50),
                p99: result.median(\.p99),
                ratio: Statistics.rounded(result.ratio, places: 3),
                budget: result.budget,
                verdict: result.verdict,
                samples: result.samples
            )
        }
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: path))
    }
}

extension Report.Machine {
    static var current: Self {
        var system = utsname()
        uname(&system)
        let kernel = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let info = (try? String(contentsOf: URL(filePath: "/proc/cpuinfo"), encoding: .utf8)) ?? ""
        let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }
        let processor = model?.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "unknown"
        return Self(processor: processor, processors: sysconf(Int32(_SC_NPROCESSORS_ONLN)), kernel: kernel)
    }
}
