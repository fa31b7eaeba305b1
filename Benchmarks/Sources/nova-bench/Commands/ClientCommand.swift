import ArgumentParser
import Glibc

/// One contestant, one kind of work, one process: so that the CPU time and the memory of the process are the client's.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Run one contestant and print what it cost as one line of JSON.",
        discussion: "Contestants: "
            + (Contestants.all + Contestants.layer).map { "\($0.name) (\($0.way))" }.joined(separator: ", ") + "."
    )

    @Argument(help: "The contestant's name.")
    var name: String

    @Argument(help: "flood, echo or sink.")
    var mode: Work

    @Option(help: "The server; without a path, the load server's path for this mode is added.")
    var url: String

    @Option(help: "Bytes in a message.")
    var size: Int

    @Option(help: "Messages, or round trips of an echo.")
    var count: Int

    @Flag(help: "Text messages instead of binary ones.")
    var text = false

    @Flag(help: "Offer permessage-deflate.")
    var deflate = false

    @Option(help: "Connections, opened at once on one event loop; each gets its share of the messages.")
    var connections = 1

    @Option(help: "A PEM file with the authority to trust, for a wss: URL.")
    var ca: String?

    @Option(help: "End the process by SIGALRM after this many seconds: a contestant that hangs must not hang the run.")
    var timeout: UInt32 = 120

    func validate() throws {
        guard let contestant = Contestants.named(self.name) else {
            throw ValidationError("There is no contestant named '\(self.name)'.")
        }
        guard contestant.works.contains(self.mode) else {
            throw ValidationError("\(self.name) does not do \(self.mode).")
        }
        guard 0...Assignment.maximumSize ~= self.size else {
            throw ValidationError("The size \(self.size) is not within 0...\(Assignment.maximumSize).")
        }
        guard self.connections > 0 else { throw ValidationError("There must be at least one connection.") }
        guard self.count >= self.connections else {
            throw ValidationError("The count \(self.count) is less than one message for each connection.")
        }
        let missing = try self.assignment().features.subtracting(contestant.features)
        guard missing.isEmpty else {
            throw ValidationError("\(self.name) cannot do \(missing.map(\.rawValue).sorted().joined(separator: ", ")).")
        }
    }

    func assignment() throws -> Assignment {
        Assignment(
            work: self.mode,
            server: try ServerURL(self.url),
            size: self.size,
            count: self.count,
            isText: self.text,
            isCompressed: self.deflate,
            connections: self.connections,
            certificatePath: self.ca
        )
    }

    /// The same again, but for the name.
    private var programArguments: [String] {
        var arguments = [
            self.mode.rawValue, "--url", self.url, "--size", String(self.size), "--count", String(self.count),
            "--connections", String(self.connections), "--timeout", String(self.timeout),
        ]
        if self.text { arguments.append("--text") }
        if self.deflate { arguments.append("--deflate") }
        if let ca = self.ca { arguments += ["--ca", ca] }
        return arguments
    }

    func run() async throws {
        guard let contestant = Contestants.named(self.name) else { return }
        let assignment = try self.assignment()
        alarm(self.timeout)
        if let foreign = contestant as? ForeignContestant {
            try foreign.becomeProgram(arguments: self.programArguments)
        }
        _ = try await contestant.perform(assignment.warmUp)

        let start = ProcessUsage.now()
        let outcome = try await contestant.perform(assignment)
        let spent = ProcessUsage.now() - start
        try Self.check(outcome, of: assignment)
        let measurement = Measurement(contestant: contestant, assignment: assignment, outcome: outcome, spent: spent)
        print(try measurement.jsonLine())
    }

    /// Fails when something is missing, so that a contestant cannot be fast by doing less.
    static func check(_ outcome: Outcome, of assignment: Assignment) throws {
        guard outcome.messages == assignment.messages else {
            throw BenchmarkError("\(outcome.messages) messages of \(assignment.messages)")
        }
        // A URL with a path of its own may be of messages of another size.
        guard assignment.work == .flood, assignment.server.resource == nil, let bytes = outcome.bytes else { return }
        guard bytes == assignment.messages * assignment.size else {
            throw BenchmarkError("\(bytes) bytes of \(assignment.messages * assignment.size)")
        }
    }
}
