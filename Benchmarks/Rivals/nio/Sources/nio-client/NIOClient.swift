import ArgumentParser
import Glibc
import NIOCore
import NIOPosix

/// One contestant, one kind of work, one process, with the arguments of `nova-bench client`.
@main
struct NIOClient: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "nio-client")

    @Argument(help: "nio, nio-async or nio-async-loop.")
    var contestant: NIOContestant

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

    @Option(help: "Connections, opened at once on one event loop; each gets its share of the messages.")
    var connections = 1

    @Option(help: "A PEM file with the authority to trust, for a wss: URL.")
    var ca: String?

    @Option(help: "End the process by SIGALRM after this many seconds.")
    var timeout: UInt32 = 120

    func validate() throws {
        guard self.mode != .json else { throw ValidationError("This contestant does not read JSON.") }
        guard self.connections > 0, self.count >= self.connections, self.size >= 0 else {
            throw ValidationError("There is nothing to do.")
        }
    }

    /// Not asynchronous: the event loops can only be made the global executor before there is a task.
    func run() throws {
        let assignment = Assignment(
            work: self.mode,
            server: try ServerURL(self.url),
            size: self.size,
            count: self.count,
            isText: self.text,
            connections: self.connections,
            certificatePath: self.ca
        )
        alarm(self.timeout)
        if self.contestant == .asyncOnLoop {
            guard NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor() else {
                throw BenchmarkError("this compiler's runtime has no hook for the global executor")
            }
        }
        let contestant = self.contestant
        Task.detached {
            do {
                print(try await Self.measure(contestant, assignment).jsonLine())
                Self.exit()
            } catch {
                Self.exit(withError: BenchmarkError("\(contestant.name): \(error)"))
            }
        }
        while true { pause() }
    }

    private static func measure(_ contestant: NIOContestant, _ assignment: Assignment) async throws -> Measurement {
        _ = try await Self.perform(contestant, assignment.warmUp)
        let start = ProcessUsage.now()
        let outcome = try await Self.perform(contestant, assignment)
        let spent = ProcessUsage.now() - start
        guard outcome.messages == assignment.messages else {
            throw BenchmarkError("\(outcome.messages) messages of \(assignment.messages)")
        }
        let expected = assignment.server.resource == nil ? assignment.messages * assignment.size : nil
        if let expected, let bytes = outcome.bytes, bytes != expected {
            throw BenchmarkError("\(bytes) bytes of \(expected)")
        }
        return Measurement(contestant: contestant, assignment: assignment, outcome: outcome, spent: spent)
    }

    /// Does the work on each of the connections, at the same time.
    private static func perform(_ contestant: NIOContestant, _ assignment: Assignment) async throws -> Outcome {
        let share = assignment.share
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let opener = try Opener(assignment: share, loop: loop)
        return try await withThrowingTaskGroup(of: Outcome.self) { group in
            for _ in 0..<assignment.connections {
                group.addTask {
                    switch contestant {
                    case .handler: try await WorkHandler.perform(share, opener)
                    case .async, .asyncOnLoop: try await AsyncWork.perform(share, opener)
                    }
                }
            }
            return try await group.reduce(into: Outcome(messages: 0)) { $0.add($1) }
        }
    }
}
