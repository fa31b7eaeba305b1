import Synchronization
import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNovaTesting

/// The clock that stands still, and the loop that runs by it.
@Suite("A clock that is advanced", .timeLimit(.minutes(1)))
struct InMemoryClockTests {
    /// What has run, with the clock's time then.
    private final class Journal: Sendable {
        private let entries = Mutex<[String]>([])

        func write(_ name: String, _ time: Duration) { self.entries.withLock { $0.append("\(name) at \(time)") } }

        var all: [String] { self.entries.withLock { $0 } }
    }

    /// Runs a closure on the loop, and waits for that.
    private func run(_ network: InMemoryNetwork, _ body: @escaping @Sendable (InMemoryLoop) -> Void) async {
        let loop = network.loop
        loop.perform { body(loop) }
        await network.settle()
    }

    @Test("F87: timers run in order, each at its own time, those made meanwhile as well")
    func order() async throws {
        try await withInMemoryNetwork { network in
            let journal = Journal()
            await self.run(network) { loop in
                _ = loop.schedule(at: .seconds(3)) { journal.write("third", loop.now) }
                _ = loop.schedule(at: .seconds(1)) {
                    journal.write("first", loop.now)
                    _ = loop.schedule(at: .seconds(2)) { journal.write("second", loop.now) }
                    _ = loop.schedule(at: .seconds(9)) { journal.write("beyond", loop.now) }
                }
                let taken = loop.schedule(at: .seconds(2)) { journal.write("cancelled", loop.now) }
                loop.cancel(taken)
            }
            #expect(journal.all == [])
            await network.advance(by: .milliseconds(999))
            #expect(journal.all == [])
            await network.advance(by: .seconds(4))
            #expect(journal.all == ["first at 1.0 seconds", "second at 2.0 seconds", "third at 3.0 seconds"])
            #expect(network.now == .milliseconds(4_999))
        }
    }

    @Test("F87: a timer waits for everything that the one before has set off on the loop")
    func settlesBetweenTimers() async throws {
        try await withInMemoryNetwork { network in
            let journal = Journal()
            let executor = network.taskExecutor
            await self.run(network) { loop in
                _ = loop.schedule(at: .seconds(1)) {
                    Task(executorPreference: executor) {
                        for _ in 0..<100 { await Task.yield() }
                        journal.write("task", loop.now)
                        loop.perform { journal.write("work", loop.now) }
                    }
                }
                _ = loop.schedule(at: .seconds(2)) { journal.write("timer", loop.now) }
            }
            await network.advance(by: .seconds(2))
            #expect(journal.all == ["task at 1.0 seconds", "work at 1.0 seconds", "timer at 2.0 seconds"])
        }
    }

    @Test func `a timer that is due when it is made does not wait for the clock`() async throws {
        try await withInMemoryNetwork { network in
            let journal = Journal()
            await self.run(network) { loop in
                _ = loop.schedule(at: .zero) { journal.write("due", loop.now) }
            }
            #expect(journal.all == ["due at 0.0 seconds"])
        }
    }

    @Test func `several tasks advance one after the other`() async throws {
        try await withInMemoryNetwork { network in
            await withTaskGroup { group in
                for _ in 0..<20 { group.addTask { await network.advance(by: .seconds(1)) } }
            }
            #expect(network.now == .seconds(20))
            await network.advance(by: .seconds(-5))
            #expect(network.now == .seconds(20))
            for _ in 0..<100 { await network.advance(by: .seconds(Int64.max)) }
            #expect(network.now > .seconds(86_400 * 365 * 1_000))
        }
    }

    @Test func `it goes on to the next timer, if there is one`() async throws {
        try await withInMemoryNetwork { network in
            #expect(await network.advanceToNextTimer() == false)
            let journal = Journal()
            await self.run(network) { loop in
                for second in [7, 4] { _ = loop.schedule(at: .seconds(second)) { journal.write("timer", loop.now) } }
            }
            #expect(await network.advanceToNextTimer())
            #expect(journal.all == ["timer at 4.0 seconds"])
            #expect(await network.advanceToNextTimer())
            #expect(network.now == .seconds(7))
        }
    }

    @Test func `the wall clock moves with it, and can be set`() async throws {
        try await withInMemoryNetwork { network in
            #expect(network.wallClock == 1_767_225_600)
            await network.advance(by: .milliseconds(1_500))
            #expect(network.wallClock == 1_767_225_601.5)
            network.wallClock = 1_000
            await network.advance(by: .seconds(1))
            #expect(network.wallClock == 1_001)
            #expect(network.loop.wallClock == 1_001)
        }
    }

    @Test func `a sleep ends by the clock, or with its task`() async throws {
        try await withInMemoryNetwork { network in
            let journal = Journal()
            let sleeper = Task(executorPreference: network.taskExecutor) {
                try await network.sleep(for: .seconds(5))
                journal.write("awake", network.now)
            }
            let cancelled = Task(executorPreference: network.taskExecutor) {
                try await network.sleep(for: .seconds(1_000))
            }
            await network.settle()
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            await network.advance(by: .seconds(60))
            try await sleeper.value
            #expect(journal.all == ["awake at 5.0 seconds"])
            // The timer of the other has gone with it.
            #expect(await network.advanceToNextTimer() == false)
        }
    }

    @Test func `work from any thread runs once each, in the order of each thread`() async throws {
        final class Count: TransportLoopWork {
            let loop: InMemoryLoop
            let runs = Mutex(0)
            init(_ loop: InMemoryLoop) { self.loop = loop }
            func runOnLoop() { self.runs.withLock { $0 += self.loop.isCurrent ? 1 : 1_000_000 } }
        }
        try await withInMemoryNetwork { network in
            let count = Count(network.loop)
            let seen = Locked<[Int: [Int]]>([:])
            await withTaskGroup { group in
                for thread in 0..<8 {
                    group.addTask {
                        for number in 0..<500 {
                            network.loop.wake(count)
                            network.loop.perform { seen.withLock { $0[thread, default: []].append(number) } }
                        }
                    }
                }
            }
            await network.settle()
            #expect(count.runs.withLock { $0 } == 4_000)
            for thread in 0..<8 { #expect(seen.value[thread] == Array(0..<500)) }
        }
    }

    @Test func `the loop goes with the last of its users, and its thread with it`() async throws {
        weak var driver: InMemoryLoopDriver?
        weak var loop: InMemoryLoop?
        do {
            let network = try InMemoryNetwork()
            driver = network.loop.driver
            loop = network.loop
            #expect(loop != nil)
        }
        // Nothing tells of the end of a thread.
        await eventually("the loop and its driver are gone") { loop == nil && driver == nil }
    }

    @Test func `a task that outlives the loop that it preferred goes on`() async throws {
        let executor = try InMemoryNetwork().taskExecutor
        let value = await Task(executorPreference: executor) {
            for _ in 0..<100 { await Task.yield() }
            return 42
        }.value
        #expect(value == 42)
    }
}
