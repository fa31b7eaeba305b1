import ArgumentParser
import Glibc

/// Whether the load server and the clients in C do what they are measured for.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the load server and the clients in C: every path, in every variant, and hostile requests."
    )

    func run() async throws {
        // A client that hangs must not hang the check.
        alarm(300)
        let server = try LoadServerProcess(isSecure: true)
        defer { server.stop() }
        guard let tls = server.secure else { throw BenchmarkError("the load server has no TLS") }
        let (plain, secure) = (try ServerURL(server.url), try ServerURL(tls.url))

        var failures = self.checkServer(plain, secure)
        let contestants: [any Contestant] = [PlainCContestant(verifies: true), LwsContestant(verifies: true)]
        for contestant in contestants {
            let check = ClientCheck(contestant: contestant, plain: plain, secure: secure, certificate: tls.certificate)
            failures += await self.run(check)
        }
        if failures > 0 { throw ExitCode(1) }
    }

    private func checkServer(_ plain: ServerURL, _ secure: ServerURL) -> Int {
        let check = ServerCheck(plain: plain, secure: secure)
        var failures = 0
        for item in ServerCheck.cases {
            let problem: String?
            do {
                problem = try item.run(check) ? nil : "another answer than expected"
            } catch {
                problem = "\(error)"
            }
            guard let problem else { continue }
            Self.say("FAIL server: \(item.name): \(problem)")
            failures += 1
        }
        Self.say("server: \(ServerCheck.cases.count - failures) of \(ServerCheck.cases.count) hostile and odd cases")
        return failures
    }

    private func run(_ check: ClientCheck) async -> Int {
        let assignments = check.assignments
        var failures = 0
        for assignment in assignments {
            guard let problem = await check.failure(of: assignment) else { continue }
            Self.say("FAIL \(check.title(of: assignment)): \(problem)")
            failures += 1
        }
        Self.say("\(check.contestant.name): \(assignments.count - failures) of \(assignments.count) runs")
        return failures
    }

    /// At once: what is measured here may end the process.
    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
