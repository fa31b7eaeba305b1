/// A `crowd-client` process and how to talk with it.
final class CrowdClient {
    private let process: ChildProcess

    init(url: String, certificate: String?, concurrency: Int) throws {
        var arguments = ["crowd-client", "--url", url, "--concurrency", String(concurrency)]
        if let certificate { arguments += ["--ca", certificate] }
        self.process = try ChildProcess(arguments: arguments)
    }

    /// Holds so many connections, and says what the steps to that took and how much memory is resident then, in KiB.
    func open(_ count: Int) throws -> (steps: [CrowdMeasurement.Step], resident: Int) {
        let reply = try self.perform("open \(count)")
        return (reply.steps ?? [], reply.residentKilobytes ?? 0)
    }

    func echo(_ count: Int) throws -> CrowdMeasurement.RoundTrips {
        let reply = try self.perform("echo \(count)")
        guard let roundTrips = reply.roundTrips else { throw BenchmarkError("no round trips") }
        return roundTrips
    }

    /// Shuts the event loop down with all connections open; the seconds that took.
    func end() throws -> Double {
        let seconds = try self.perform("end").shutdownSeconds
        self.process.closeInput()
        let status = self.process.wait()
        guard status == 0, let seconds else { throw BenchmarkError("crowd-client: exit status \(status)") }
        return seconds
    }

    private func perform(_ command: String) throws -> CrowdReply {
        guard self.process.writeLine(command), let line = self.process.readLine() else {
            self.process.closeInput()
            throw BenchmarkError("crowd-client, \(command): exit status \(self.process.wait())")
        }
        return try CrowdReply.parse(line)
    }
}
