import ArgumentParser
import Glibc
import WebSocketNova

/// One process with idle connections, measured by itself and told what to do by its standard input.
struct CrowdClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd-client",
        abstract: "Hold idle connections and say what they cost, command by command.",
        discussion: """
            Commands, one on each line of the standard input; each is answered with one line of JSON:
            open COUNT (hold so many connections), echo COUNT (so many round trips on another one), end.
            """
    )

    @Option(help: "An echo server that holds as many: 'serve --crowd'.")
    var url: String

    @Option(help: "A PEM file with the authority to trust.")
    var ca: String?

    @Option(help: "How many are opened at a time.")
    var concurrency: Int = 64

    @Option(help: "End the process by SIGALRM after this many seconds: one that hangs must not hang the run.")
    var timeout: UInt32 = 300

    func validate() throws {
        guard self.concurrency > 0 else { throw ValidationError("The concurrency must be positive.") }
    }

    func run() async throws {
        alarm(self.timeout)
        try DescriptorLimit.raiseToHardLimit()
        var configuration = WebSocketConfiguration()
        if let ca { configuration.tls.trustRoots = .file(ca) }
        var crowd = Crowd(url: self.url, configuration: configuration, concurrency: self.concurrency)
        // Loads code, fills pools and warms caches.
        for _ in 0..<20 { try await withWebSocket(to: self.url, configuration: configuration) { _ in } }
        _ = try await self.echo(500, configuration)
        while let line = readLine() {
            let words = line.split(separator: " ")
            switch (words.first, words.last.flatMap { Int($0) }) {
            case ("open", let count?):
                let steps = try await crowd.grow(to: count)
                print(try CrowdReply(steps: steps, residentKilobytes: ProcessUsage.residentKilobytes()).jsonLine())
            case ("echo", let count?):
                print(try CrowdReply(roundTrips: try await self.echo(count, configuration)).jsonLine())
            case ("end", _):
                try crowd.check()
                print(try CrowdReply(shutdownSeconds: try await Self.shutDown()).jsonLine())
            default:
                throw BenchmarkError("'\(line)' is no command")
            }
            fflush(nil)
        }
    }

    private static func shutDown() async throws -> Double {
        let start = monotonicNanoseconds()
        try await EventLoopGroup.shared().shutDown()
        return Statistics.rounded(Double(monotonicNanoseconds() - start) / 1e9, places: 3)
    }

    /// On a connection of its own, on the same event loop as the idle ones.
    private func echo(
        _ count: Int,
        _ configuration: WebSocketConfiguration
    ) async throws -> CrowdMeasurement.RoundTrips {
        var roundTrips: [UInt64] = []
        let payload = [UInt8](repeating: UInt8(ascii: "x"), count: 125)
        try await withWebSocket(to: self.url, configuration: configuration) { socket in
            for _ in 0..<count {
                let start = monotonicNanoseconds()
                try await socket.send(payload)
                guard case .binary(let bytes) = try await socket.nextMessage(), bytes.count == payload.count else {
                    throw BenchmarkError("the echo ended early or is another message")
                }
                roundTrips.append(monotonicNanoseconds() - start)
            }
        }
        roundTrips.sort()
        func percentile(_ percent: Double) -> Double {
            Statistics.rounded(Double(Statistics.percentile(percent, ofSorted: roundTrips) ?? 0) / 1000, places: 1)
        }
        return CrowdMeasurement.RoundTrips(p50: percentile(50), p99: percentile(99))
    }
}
