import FoundationEssentials

/// One run of one contestant: the line that `client` prints.
struct Measurement: Codable, Sendable {
    var name: String
    var mode: Work
    var size: Int
    var n: Int
    var seconds: Double
    var cpuNanosecondsPerMessage: Double
    /// Round trips of an echo, in microseconds.
    var p50: Double?
    var p99: Double?
    var peakResidentKilobytes: Int
    /// Where they were counted.
    var allocationsPerMessage: Double?

    enum CodingKeys: String, CodingKey {
        case name, mode, size, n, seconds
        case cpuNanosecondsPerMessage = "cpu_ns_per_msg"
        case p50 = "p50_us"
        case p99 = "p99_us"
        case peakResidentKilobytes = "max_rss_kb"
        case allocationsPerMessage = "allocations_per_msg"
    }

    init(contestant: any Contestant, assignment: Assignment, outcome: Outcome, spent: ProcessUsage) {
        self.name = contestant.name
        self.mode = assignment.work
        self.size = assignment.size
        self.n = outcome.messages
        self.seconds = Double(spent.wallNanoseconds) / 1e9
        self.cpuNanosecondsPerMessage = Double(spent.cpuNanoseconds) / Double(max(1, outcome.messages))
        let sorted = outcome.roundTrips.sorted()
        self.p50 = Statistics.percentile(50, ofSorted: sorted).map { Double($0) / 1000 }
        self.p99 = Statistics.percentile(99, ofSorted: sorted).map { Double($0) / 1000 }
        self.peakResidentKilobytes = ProcessUsage.peakResidentKilobytes()
    }

    /// What the work is judged by: the median round trip of an echo in microseconds, else CPU nanoseconds per message.
    var figure: Double { self.mode == .echo ? self.p50 ?? 0 : self.cpuNanosecondsPerMessage }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.name, forKey: .name)
        try container.encode(self.mode, forKey: .mode)
        try container.encode(self.size, forKey: .size)
        try container.encode(self.n, forKey: .n)
        try container.encode(Statistics.rounded(self.seconds, places: 4), forKey: .seconds)
        try container.encode(
            Statistics.rounded(self.cpuNanosecondsPerMessage, places: 1),
            forKey: .cpuNanosecondsPerMessage
        )
        // Null where there is none, so that every line has the same keys.
        try container.encode(self.p50.map { Statistics.rounded($0, places: 2) }, forKey: .p50)
        try container.encode(self.p99.map { Statistics.rounded($0, places: 2) }, forKey: .p99)
        try container.encode(self.peakResidentKilobytes, forKey: .peakResidentKilobytes)
        try container.encodeIfPresent(
            self.allocationsPerMessage.map { Statistics.rounded($0, places: 6) },
            forKey: .allocationsPerMessage
        )
    }

    func jsonLine() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    static func parse(_ line: String) throws -> Measurement {
        try JSONDecoder().decode(Measurement.self, from: Data(line.utf8))
    }
}
