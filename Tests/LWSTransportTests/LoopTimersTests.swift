import Synchronization
import TestSupport
import Testing
import WebSocketCore

@testable import LWSTransport

@Suite("A loop's timers")
struct LoopTimersTests {
    /// What has run, in order.
    private final class Journal: Sendable {
        private let entries = Mutex<[Int]>([])

        func write(_ entry: Int) { self.entries.withLock { $0.append(entry) } }

        func take() -> [Int] {
            self.entries.withLock { entries in
                defer { entries = [] }
                return entries
            }
        }
    }

    private let journal = Journal()

    private func run(_ timers: inout LoopTimers, until now: Duration) -> [Int] {
        while let action = timers.popDue(now: now) { action() }
        return self.journal.take()
    }

    private func schedule(_ timers: inout LoopTimers, _ name: Int, at deadline: Duration) -> TransportTimer {
        let journal = self.journal
        return timers.schedule(at: deadline) { journal.write(name) }
    }

    @Test func `the earliest comes first, and those of one moment in the order of the calls`() {
        var timers = LoopTimers()
        for (name, second) in [(1, 5), (2, 3), (3, 5), (4, 1), (5, 3)] {
            _ = self.schedule(&timers, name, at: .seconds(second))
        }
        #expect(timers.nextDeadline == .seconds(1))
        #expect(self.run(&timers, until: .milliseconds(999)) == [])
        #expect(self.run(&timers, until: .seconds(3)) == [4, 2, 5])
        #expect(timers.nextDeadline == .seconds(5))
        #expect(self.run(&timers, until: .seconds(9)) == [1, 3])
        #expect(timers.nextDeadline == nil)
        #expect(timers.count == 0)
    }

    @Test func `a cancelled timer does not run, and does not set the next deadline`() {
        var timers = LoopTimers()
        let first = self.schedule(&timers, 1, at: .seconds(1))
        let second = self.schedule(&timers, 2, at: .seconds(2))
        _ = self.schedule(&timers, 3, at: .seconds(3))
        timers.cancel(first)
        #expect(timers.nextDeadline == .seconds(2))
        timers.cancel(second)
        timers.cancel(second)
        #expect(timers.nextDeadline == .seconds(3))
        #expect(timers.count == 1)
        #expect(self.run(&timers, until: .seconds(9)) == [3])
        // It has run: there is nothing to take back.
        timers.cancel(TransportTimer(id: 3, deadline: .seconds(3)))
        #expect(timers.count == 0)
    }

    @Test func `long deadlines that are always cancelled do not pile up`() {
        final class Token: Sendable {}
        var timers = LoopTimers()
        weak var last: Token?
        _ = self.schedule(&timers, 0, at: .seconds(1))
        for number in 1...10_000 {
            let token = Token()
            last = token
            let timer = timers.schedule(at: .seconds(number + 10)) { _ = token }
            timers.cancel(timer)
        }
        #expect(last == nil)
        #expect(timers.count == 1)
        #expect(self.run(&timers, until: .seconds(100_000)) == [0])
    }

    @Test(arguments: 0..<16) func `against a sorted list, at random`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var timers = LoopTimers()
        var model: [(name: Int, timer: TransportTimer)] = []
        var now = Duration.zero
        for name in 0..<2_000 {
            switch random.next() % 4 {
            case 0, 1:
                let deadline = now + .milliseconds(Int(random.next() % 200))
                model.append((name, self.schedule(&timers, name, at: deadline)))
            case 2:
                if let index = model.indices.randomElement(using: &random) {
                    timers.cancel(model.remove(at: index).timer)
                }
            default:
                now += .milliseconds(Int(random.next() % 60))
                let due = model.filter { $0.timer.deadline <= now }
                    .sorted { ($0.timer.deadline, $0.timer.id) < ($1.timer.deadline, $1.timer.id) }
                #expect(self.run(&timers, until: now) == due.map(\.name), "seed \(seed), at \(now)")
                model.removeAll { $0.timer.deadline <= now }
            }
            #expect(timers.count == model.count, "seed \(seed)")
            #expect(timers.nextDeadline == model.map(\.timer.deadline).min(), "seed \(seed)")
        }
    }
}
