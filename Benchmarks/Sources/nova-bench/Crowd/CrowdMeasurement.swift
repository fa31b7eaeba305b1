import FoundationEssentials

/// What a crowd of idle connections cost one process: the line that `crowd-client` prints.
struct CrowdMeasurement: Codable, Sendable {
    /// One step of opening, of a thousand connections or less.
    struct Step: Codable, Sendable {
        /// How many are open at its end.
        var open: Int
        var connectionsPerSecond: Double
        /// Client CPU time for each connection.
        var cpuMicrosecondsPerConnection: Double

        enum CodingKeys: String, CodingKey {
            case open
            case connectionsPerSecond = "connections_per_s"
            case cpuMicrosecondsPerConnection = "cpu_us_per_connection"
        }
    }

    /// Round trips on one busy connection beside the idle ones.
    struct Echo: Codable, Sendable {
        var idle: Int
        var p50: Double
        var p99: Double

        enum CodingKeys: String, CodingKey {
            case idle
            case p50 = "p50_us"
            case p99 = "p99_us"
        }
    }

    var isSecure: Bool
    var connections: Int
    var concurrency: Int
    var steps: [Step]
    var echoes: [Echo]
    /// The growth of the resident set over all connections, divided by their number.
    var residentBytesPerConnection: Double
    /// From the call to the end of the event loop with all connections open.
    var shutdownSeconds: Double

    enum CodingKeys: String, CodingKey {
        case connections, concurrency, steps, echoes
        case isSecure = "tls"
        case residentBytesPerConnection = "resident_bytes_per_connection"
        case shutdownSeconds = "shutdown_s"
    }

    /// The rate over all steps.
    var connectionsPerSecond: Double {
        var opened = 0
        var seconds = 0.0
        for step in self.steps {
            seconds += Double(step.open - opened) / step.connectionsPerSecond
            opened = step.open
        }
        return Double(opened) / seconds
    }

    /// The round trip beside all idle connections, as a multiple of the one beside none.
    var echoRatio: Double? {
        guard let alone = self.echoes.first, let beside = self.echoes.last, alone.p50 > 0 else { return nil }
        return beside.p50 / alone.p50
    }

    func jsonLine() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    static func parse(_ line: String) throws -> CrowdMeasurement {
        try JSONDecoder().decode(CrowdMeasurement.self, from: Data(line.utf8))
    }
}
