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
        var arguments = [
            "crowd-client", "--url", server.url, "--connections", String(count),
            "--concurrency", String(self.concurrency),
        ]
        if isSecure { arguments += ["--ca", certificate] }
        let client = try ChildProcess(arguments: arguments)
        client.closeInput()
        let line = client.readLine()
        let status = client.wait()
        guard let line, status == 0 else { throw BenchmarkError("\(count) connections: exit status \(status)") }
        return try CrowdMeasurement.parse(line)
    }
}
