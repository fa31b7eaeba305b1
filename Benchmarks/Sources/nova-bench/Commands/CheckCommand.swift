import ArgumentParser
import FoundationEssentials
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
        let certificate = FileManager.default.temporaryDirectory.appending(path: "nova-check-\(getpid()).pem").path
        defer { unlink(certificate) }
        let server = try ChildProcess(arguments: ["serve", "--until-end-of-input", "--tls", certificate])
        guard let first = server.readLine(), let second = server.readLine() else {
            throw BenchmarkError("the load server did not start")
        }
        let (plain, secure) = (try ServerURL(first), try ServerURL(second))

        var failures = self.checkServer(plain, secure)
        let contestants: [any Contestant] = [PlainCContestant(verifies: true), LwsContestant(verifies: true)]
        for contestant in contestants {
            let check = ClientCheck(contestant: contestant, plain: plain, secure: secure, certificate: certificate)
            failures += await self.run(check)
        }
        server.closeInput()
        guard server.wait() == 0, failures == 0 else { throw ExitCode(1) }
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
            print("FAIL server: \(item.name): \(problem)")
            failures += 1
        }
        print("server: \(ServerCheck.cases.count - failures) of \(ServerCheck.cases.count) hostile and odd cases")
        return failures
    }

    private func run(_ check: ClientCheck) async -> Int {
        let assignments = check.assignments
        var failures = 0
        for assignment in assignments {
            guard let problem = await check.failure(of: assignment) else { continue }
            print("FAIL \(check.title(of: assignment)): \(problem)")
            failures += 1
        }
        print("\(check.contestant.name): \(assignments.count - failures) of \(assignments.count) runs")
        return failures
    }
}
