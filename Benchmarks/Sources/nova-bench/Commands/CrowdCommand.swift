import ArgumentParser
import FoundationEssentials
import Glibc

/// Many idle connections in one process, in the clear and with TLS.
struct CrowdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crowd",
        abstract: "Measure many idle connections: connect rate, memory, and an echo beside them."
    )

    @Flag(help: "A tenth of the connections, one round.")
    var quick = false

    @Option(help: "Rounds; of each kind of connection, in turns.")
    var rounds: Int?

    @Option(help: "Connections in the clear.")
    var plain: Int?

    @Option(help: "Connections with TLS.")
    var tls: Int?

    @Option(help: "How many are opened at a time.")
    var concurrency: Int = 64

    @Flag(help: "Fail when a result is over twice its budget. For a quiet machine: times depend on the clock.")
    var gate = false

    @Option(help: "Also write every sample to this file.")
    var json: String?

    func run() throws {
        #if DEBUG
            throw ValidationError("A debug build measures nothing: swift run -c release nova-bench crowd")
        #else
            try self.measure()
        #endif
    }

    private func measure() throws {
        // A client that has ended is told by the failure of the write.
        signal(SIGPIPE, SIG_IGN)
        let plain = self.plain ?? (self.quick ? 1_000 : 10_000)
        let secure = self.tls ?? (self.quick ? 200 : 2_000)
        var results: [[CrowdMeasurement]] = [[], []]
        let rounds = self.rounds ?? (self.quick ? 1 : 3)
        var progress = ProgressLine(total: 2 * rounds)
        for round in 1...max(1, rounds) {
            for (kind, count) in [plain, secure].enumerated() where count > 0 {
                progress.advance("\(count) connections \(kind == 0 ? "in the clear" : "with TLS"), round \(round)")
                results[kind].append(try self.measure(count, isSecure: kind == 1))
            }
        }
        progress.clear()
        let summaries = results.filter { !$0.isEmpty }.map { CrowdSummary(samples: $0) }
        print(CrowdTable(summaries: summaries).text)
        if let json { try CrowdReport(samples: results.flatMap { $0 }).write(to: json) }
        if self.gate, summaries.contains(where: \.isOverTwiceABudget) { throw ExitCode(1) }
    }

    private func measure(_ count: Int, isSecure: Bool) throws -> CrowdMeasurement {
        let certificate = FileManager.default.temporaryDirectory.appending(path: "nova-bench-\(getpid()).pem").path
        defer { unlink(certificate) }
        let server = try LoadServerProcess(arguments: ["--crowd"] + (isSecure ? ["--tls", certificate] : []))
        defer { server.stop() }
        let makeClient = {
            try CrowdClient(
                url: server.url,
                certificate: isSecure ? certificate : nil,
                concurrency: self.concurrency
            )
        }
        let crowd = try makeClient()
        let other = try makeClient()
        var result = CrowdMeasurement(isSecure: isSecure, connections: count, concurrency: self.concurrency)
        let empty = try crowd.open(0).resident
        var resident = empty
        for size in count > 1_000 ? [1_000, count] : [count] {
            let opened = try crowd.open(size)
            result.steps += opened.steps
            resident = opened.resident
            result.echoes.append(try self.echo(beside: size, of: crowd, other))
        }
        result.residentBytesPerConnection = Statistics.rounded(
            Double(resident - empty) * 1024 / Double(count),
            places: 0
        )
        result.shutdownSeconds = try crowd.end()
        _ = try other.end()
        return result
    }

    /// In turns, so that whatever else the machine does falls on both.
    private func echo(
        beside idle: Int,
        of crowd: CrowdClient,
        _ other: CrowdClient
    ) throws -> CrowdMeasurement.Echo {
        var echo = CrowdMeasurement.Echo(idle: idle, beside: [], alone: [])
        for _ in 0..<(self.quick ? 3 : 9) {
            echo.alone.append(try other.echo(1_000))
            echo.beside.append(try crowd.echo(1_000))
        }
        return echo
    }
}
