import ArgumentParser
import Glibc
import WebSocketNova

/// One process with many idle connections, measured by itself.
struct CrowdClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd-client",
        abstract: "Hold many idle connections and print what they cost as one line of JSON."
    )

    @Option(help: "An echo server that holds as many: 'serve --crowd'.")
    var url: String

    @Option(help: "A PEM file with the authority to trust.")
    var ca: String?

    @Option(help: "How many connections.")
    var connections: Int = 10_000

    @Option(help: "How many are opened at a time.")
    var concurrency: Int = 64

    @Option(help: "Round trips of each echo measurement.")
    var echoes: Int = 5_000

    @Option(help: "End the process by SIGALRM after this many seconds: one that hangs must not hang the run.")
    var timeout: UInt32 = 300

    func validate() throws {
        guard self.connections > 0, self.concurrency > 0, self.echoes > 0 else {
            throw ValidationError("The counts must be positive.")
        }
    }

    func run() async throws {
        alarm(self.timeout)
        try DescriptorLimit.raise(to: self.connections + 200)
        var configuration = WebSocketConfiguration()
        if let ca { configuration.tls.trustRoots = .file(ca) }
        var crowd = Crowd(url: self.url, configuration: configuration, concurrency: self.concurrency)
        // Loads code, fills pools and warms caches. These stay open and idle as well, and are not counted.
        _ = try await crowd.grow(to: 20)
        var echoes = [try await self.echo(beside: 0, configuration)]
        let warm = crowd.sockets.count

        let residentBefore = ProcessUsage.residentKilobytes()
        var steps: [CrowdMeasurement.Step] = []
        if self.connections > 1_000 {
            steps += try await crowd.grow(to: warm + 1_000)
            echoes.append(try await self.echo(beside: 1_000, configuration))
        }
        steps += try await crowd.grow(to: warm + self.connections)
        let resident = ProcessUsage.residentKilobytes() - residentBefore
        echoes.append(try await self.echo(beside: self.connections, configuration))
        try crowd.check()

        let start = monotonicNanoseconds()
        try await EventLoopGroup.shared().shutDown()
        let shutdown = monotonicNanoseconds() - start
        let measurement = CrowdMeasurement(
            isSecure: try ServerURL(self.url).isSecure,
            connections: self.connections,
            concurrency: self.concurrency,
            steps: steps,
            echoes: echoes,
            residentBytesPerConnection: Statistics.rounded(
                Double(resident) * 1024 / Double(self.connections),
                places: 0
            ),
            shutdownSeconds: Statistics.rounded(Double(shutdown) / 1e9, places: 3)
        )
        print(try measurement.jsonLine())
    }

    /// On a connection of its own, on the same event loop as the idle ones: the first twentieth is not counted.
    private func echo(beside idle: Int, _ configuration: WebSocketConfiguration) async throws -> CrowdMeasurement.Echo {
        var roundTrips: [UInt64] = []
        let payload = [UInt8](repeating: UInt8(ascii: "x"), count: 125)
        try await withWebSocket(to: self.url, configuration: configuration) { socket in
            for number in 0..<(self.echoes + self.echoes / 20) {
                let start = monotonicNanoseconds()
                try await socket.send(payload)
                guard case .binary(let bytes) = try await socket.nextMessage(), bytes.count == payload.count else {
                    throw BenchmarkError("the echo ended early or is another message")
                }
                if number >= self.echoes / 20 { roundTrips.append(monotonicNanoseconds() - start) }
            }
        }
        roundTrips.sort()
        func percentile(_ percent: Int) -> Double {
            Double(Statistics.percentile(percent, ofSorted: roundTrips) ?? 0) / 1000
        }
        return CrowdMeasurement.Echo(
            idle: idle,
            p50: Statistics.rounded(percentile(50), places: 1),
            p99: Statistics.rounded(percentile(99), places: 1)
        )
    }
}
