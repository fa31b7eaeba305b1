import ArgumentParser
import CAllocationCounter
import CInstructionCounter
import FoundationEssentials
import Glibc
import WebSocketNova

/// The measured process of `gate`, which runs it under callgrind.
struct GateClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate-client",
        abstract: "Count what messages cost, line by line.",
        discussion: """
            Each line of the standard input has the arguments of 'client', and 'on-loop' where the task is to run on the \
            event loop. The work is done with a tenth of the messages, \
            which loads code and fills pools, then again, then with all of them; the latter two are counted. Allocations \
            are answered with one line of JSON, instructions with two of callgrind's dumps.
            """,
        shouldDisplay: false
    )

    /// A word on a line that has the contestant's task run on the event loop.
    static let onLoop = "on-loop"

    func run() async throws {
        guard instruction_counter_is_available() else {
            throw BenchmarkError("this is not run under callgrind, or was built without valgrind's headers")
        }
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            let client = try ClientCommand.parse(words.filter { $0 != Self.onLoop })
            alarm(client.timeout)
            if words.contains(Self.onLoop) {
                let loop = try EventLoopGroup.shared().nextLoop()
                print(try await withTaskExecutorPreference(loop.taskExecutor) { try await Self.measure(client) })
            } else {
                print(try await Self.measure(client))
            }
            fflush(nil)
        }
    }

    private static func measure(_ client: ClientCommand) async throws -> String {
        guard let contestant = Contestants.named(client.name) else { return "" }
        let all = try client.assignment()
        var few = all
        few.count = max(1, all.count / 10)
        _ = try await contestant.perform(few)
        let reply = GateReply(
            few: few.count,
            many: all.count,
            allocationsOfFew: try await Self.count(contestant, few),
            allocationsOfMany: try await Self.count(contestant, all)
        )
        return String(decoding: try JSONEncoder().encode(reply), as: UTF8.self)
    }

    private static func count(_ contestant: any Contestant, _ assignment: Assignment) async throws -> Int {
        instruction_counter_start()
        allocation_counter_start()
        let outcome = try await contestant.perform(assignment)
        let allocations = allocation_counter_stop()
        instruction_counter_dump()
        try ClientCommand.check(outcome, of: assignment)
        return Int(allocations)
    }
}
