import FoundationEssentials

/// What a crowd of idle connections cost one process.
struct CrowdMeasurement: Codable, Sendable {
    /// One step of opening, of a thousand connections or as many as are opened at a time.
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

    /// Round trips on one busy connection of a process.
    struct RoundTrips: Codable, Sendable {
        var p50: Double
        var p99: Double

        enum CodingKeys: String, CodingKey {
            case p50 = "p50_us"
            case p99 = "p99_us"
        }
    }

    /// Round trips beside the idle ones, and those of another process that has none. They are taken in turns.
    struct Echo: Codable, Sendable {
        var idle: Int
        var beside: [RoundTrips]
        var alone: [RoundTrips]

        /// The median over the turns of the ratio of the two medians, which are neighbours in time.
        var ratio: Double { Statistics.median(zip(self.beside, self.alone).map { $0.p50 / $1.p50 }) }
    }

    var isSecure: Bool
    var connections: Int
    var concurrency: Int
    var steps: [Step] = []
    var echoes: [Echo] = []
    /// The growth of the resident set over all connections, divided by their number.
    var residentBytesPerConnection = 0.0
    /// From the call to the end of the event loop with all connections open.
    var shutdownSeconds = 0.0

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
    var echoRatio: Double { self.echoes.last?.ratio ?? .nan }
}
