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
    var p999: Double?
    var peakResidentKilobytes: Int
    /// Where they were counted.
    var allocationsPerMessage: Double?
    var isText = false
    var isSecure = false
    var isCompressed = false
    var connections = 1

    enum CodingKeys: String, CodingKey {
        case name, mode, size, n, seconds
        case cpuNanosecondsPerMessage = "cpu_ns_per_msg"
        case p50 = "p50_us"
        case p99 = "p99_us"
        case p999 = "p999_us"
        case peakResidentKilobytes = "max_rss_kb"
        case allocationsPerMessage = "allocations_per_msg"
        case isText = "text"
        case isSecure = "tls"
        case isCompressed = "deflate"
        case connections
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
        self.p999 = Statistics.percentile(99.9, ofSorted: sorted).map { Double($0) / 1000 }
        self.peakResidentKilobytes = ProcessUsage.peakResidentKilobytes()
        self.isText = assignment.isText
        self.isSecure = assignment.server.isSecure
        self.isCompressed = assignment.isCompressed
        self.connections = assignment.connections
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.name = try container.decode(String.self, forKey: .name)
        self.mode = try container.decode(Work.self, forKey: .mode)
        self.size = try container.decode(Int.self, forKey: .size)
        self.n = try container.decode(Int.self, forKey: .n)
        self.seconds = try container.decode(Double.self, forKey: .seconds)
        self.cpuNanosecondsPerMessage = try container.decode(Double.self, forKey: .cpuNanosecondsPerMessage)
        self.p50 = try container.decodeIfPresent(Double.self, forKey: .p50)
        self.p99 = try container.decodeIfPresent(Double.self, forKey: .p99)
        self.p999 = try container.decodeIfPresent(Double.self, forKey: .p999)
        self.peakResidentKilobytes = try container.decode(Int.self, forKey: .peakResidentKilobytes)
        self.allocationsPerMessage = try container.decodeIfPresent(Double.self, forKey: .allocationsPerMessage)
        self.isText = try container.decodeIfPresent(Bool.self, forKey: .isText) ?? false
        self.isSecure = try container.decodeIfPresent(Bool.self, forKey: .isSecure) ?? false
        self.isCompressed = try container.decodeIfPresent(Bool.self, forKey: .isCompressed) ?? false
        self.connections = try container.decodeIfPresent(Int.self, forKey: .connections) ?? 1
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
        try container.encode(self.p999.map { Statistics.rounded($0, places: 2) }, forKey: .p999)
        try container.encode(self.peakResidentKilobytes, forKey: .peakResidentKilobytes)
        try container.encodeIfPresent(
            self.allocationsPerMessage.map { Statistics.rounded($0, places: 6) },
            forKey: .allocationsPerMessage
        )
        // Only where so, so that the line of plain work stays short.
        if self.isText { try container.encode(true, forKey: .isText) }
        if self.isSecure { try container.encode(true, forKey: .isSecure) }
        if self.isCompressed { try container.encode(true, forKey: .isCompressed) }
        if self.connections > 1 { try container.encode(self.connections, forKey: .connections) }
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
