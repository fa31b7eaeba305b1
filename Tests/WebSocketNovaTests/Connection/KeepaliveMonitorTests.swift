import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

/// An interval of 10 s without jitter and a timeout of 5 s.
@Suite("When a connection pings, and when it gives up")
struct KeepaliveMonitorTests {
    typealias Action = KeepaliveMonitor.Action

    /// What is known of the connection, in seconds, and what is expected of the monitor. Each step of a table changes what it
    /// names and keeps the rest.
    struct Step: Sendable {
        var now: Int
        var heard: Int?
        var resumed: Int?
        var isPaused: Bool?
        var acknowledged: UInt64?
        var outstanding: UInt64?
        /// The ping is written at this time, before anything else of the step.
        var written: Int?
        var expected: Action?
    }

    struct Story: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var timeout: Int
        var steps: [Step]

        init(_ name: String, timeout: Int = 5, _ steps: [Step]) {
            self.testDescription = name
            self.timeout = timeout
            self.steps = steps
        }
    }

    private static func monitor(timeout: Int = 5) -> KeepaliveMonitor {
        KeepaliveMonitor(.init(interval: .seconds(10), timeout: .seconds(timeout)), jitter: 0)
    }

    private static func wait(_ time: Int) -> Action { .wait(until: .seconds(time)) }
    private static func ping(_ time: Int) -> Action { .ping(thenWaitUntil: .seconds(time)) }

    static let table = [
        Story(
            "silence is pinged, and a pong that does not come ends it",
            [
                Step(now: 7, heard: 0, expected: wait(10)),
                Step(now: 10, expected: ping(15)),
                Step(now: 15, acknowledged: 100, written: 10, expected: .giveUp(.noPong)),
            ]
        ),
        Story(
            "bytes postpone the ping",
            [
                Step(now: 10, heard: 4, expected: wait(14)),
                Step(now: 14, heard: 13, expected: wait(23)),
                Step(now: 23, expected: ping(28)),
            ]
        ),
        Story(
            "anything that comes after the ping is an answer",
            [
                Step(now: 10, heard: 0, expected: ping(15)),
                Step(now: 15, heard: 12, written: 10, expected: wait(22)),
                Step(now: 22, expected: ping(27)),
                Step(now: 27, written: 22, expected: .giveUp(.noPong)),
            ]
        ),
        Story(
            "a timeout beyond the interval does not hold up the next ping",
            timeout: 100,
            [
                Step(now: 10, heard: 0, expected: ping(20)),
                Step(now: 20, heard: 11, written: 10, expected: wait(21)),
                Step(now: 21, expected: ping(31)),
                Step(now: 31, written: 21, expected: wait(121)),
                Step(now: 121, expected: .giveUp(.noPong)),
            ]
        ),
        Story(
            "an answer so long ago that the next ping is due",
            [
                Step(now: 10, heard: 0, expected: ping(15)),
                Step(now: 30, heard: 11, written: 10, expected: ping(35)),
            ]
        ),
        Story(
            "nothing is expected and nothing sent while this side does not read",
            [
                Step(now: 10, heard: 0, isPaused: true, expected: wait(20)),
                Step(now: 20, expected: wait(30)),
                Step(now: 30, resumed: 27, isPaused: false, expected: wait(37)),
                Step(now: 37, expected: ping(42)),
            ]
        ),
        Story(
            "a pause suspends the timeout, and it begins anew behind it",
            [
                Step(now: 10, heard: 0, expected: ping(15)),
                Step(now: 15, isPaused: true, written: 10, expected: wait(20)),
                Step(now: 20, resumed: 19, isPaused: false, expected: wait(24)),
                Step(now: 24, acknowledged: 100, expected: .giveUp(.noPong)),
            ]
        ),
        Story(
            "the timeout runs from the writing",
            [
                Step(now: 10, heard: 0, outstanding: 0, expected: ping(15)),
                Step(now: 15, written: 13, expected: wait(18)),
                Step(now: 18, expected: .giveUp(.noPong)),
            ]
        ),
        Story(
            "a blocked writer whose bytes move is waited for, and then for the pong",
            [
                Step(now: 10, heard: 0, acknowledged: 1_000, outstanding: 5_000, expected: ping(15)),
                Step(now: 15, acknowledged: 2_000, expected: wait(20)),
                Step(now: 20, acknowledged: 2_001, expected: wait(25)),
                Step(now: 25, acknowledged: 9_000, outstanding: 100, written: 24, expected: wait(29)),
                // Its host has it since some time between 24 and 29.
                Step(now: 29, acknowledged: 9_100, outstanding: 0, expected: wait(34)),
                Step(now: 34, acknowledged: 9_200, expected: .giveUp(.noPong)),
            ]
        ),
        Story(
            "a peer that takes nothing and says nothing",
            [
                Step(now: 10, heard: 0, acknowledged: 1_000, outstanding: 5_000, expected: ping(15)),
                Step(now: 15, expected: .giveUp(.nothingTaken)),
            ]
        ),
        Story(
            "a peer that takes something, then nothing",
            [
                Step(now: 10, heard: 0, acknowledged: 1_000, outstanding: 5_000, expected: ping(15)),
                Step(now: 15, acknowledged: 1_500, expected: wait(20)),
                Step(now: 20, expected: .giveUp(.nothingTaken)),
            ]
        ),
        Story(
            "a peer that takes nothing and sends",
            [
                Step(now: 10, heard: 0, acknowledged: 1_000, outstanding: 5_000, expected: ping(15)),
                Step(now: 15, heard: 14, expected: wait(24)),
            ]
        ),
        Story(
            "a ping that has to wait in the kernel, and is given its full time behind its delivery",
            [
                Step(now: 10, heard: 0, acknowledged: 0, outstanding: 900, expected: ping(15)),
                Step(now: 15, acknowledged: 400, outstanding: 500, written: 10, expected: wait(20)),
                // Written at 10 with what was acknowledged by the look of that step.
                Step(now: 20, acknowledged: 800, outstanding: 100, expected: wait(25)),
                Step(now: 25, acknowledged: 900, outstanding: 0, expected: wait(30)),
                Step(now: 30, acknowledged: 950, expected: .giveUp(.noPong)),
            ]
        ),
        Story(
            "a host that is gone acknowledges nothing",
            [
                Step(now: 10, heard: 0, acknowledged: 50, outstanding: 0, expected: ping(15)),
                Step(now: 15, outstanding: 20, written: 10, expected: .giveUp(.noPong)),
            ]
        ),
    ]

    @Test(arguments: table)
    func `what is done, step by step`(story: Story) {
        var monitor = Self.monitor(timeout: story.timeout)
        var seen = KeepaliveMonitor.Observation(now: .zero, heard: .zero, resumed: .zero, isReadingPaused: false)
        var progress = TransportProgress(acknowledged: 0, outstanding: 0)
        for step in story.steps {
            // The ping is written with what had been acknowledged before this step.
            if let written = step.written {
                let before = TransportProgress(
                    acknowledged: progress.acknowledged,
                    outstanding: max(progress.outstanding, step.outstanding ?? 0)
                )
                monitor.pingWritten(at: .seconds(written)) { before }
            }
            seen.now = .seconds(step.now)
            if let heard = step.heard { seen.heard = .seconds(heard) }
            if let resumed = step.resumed { seen.resumed = .seconds(resumed) }
            if let isPaused = step.isPaused { seen.isReadingPaused = isPaused }
            if let acknowledged = step.acknowledged { progress.acknowledged = acknowledged }
            if let outstanding = step.outstanding { progress.outstanding = outstanding }
            let action = monitor.timerFired(seen) { progress }
            if let expected = step.expected { #expect(action == expected, "at \(step.now)") }
        }
    }

    @Test func `the progress is not asked for while nothing is due`() {
        var monitor = Self.monitor()
        let seen = KeepaliveMonitor.Observation(
            now: .seconds(5),
            heard: .seconds(1),
            resumed: .zero,
            isReadingPaused: false
        )
        _ = monitor.timerFired(seen) {
            Issue.record("it was asked for")
            return TransportProgress(acknowledged: 0, outstanding: 0)
        }
    }

    @Test func `the jitter only takes off`() {
        let configuration = WebSocketConfiguration.Keepalive(interval: .seconds(10), timeout: .seconds(5))
        #expect(KeepaliveMonitor(configuration, jitter: 0).period == .seconds(10))
        #expect(KeepaliveMonitor(configuration, jitter: 1).period == .seconds(8))
    }

    /// A connection in seconds, at random: what comes, pauses, progress. Whatever happens, a peer from which nothing comes
    /// and which takes nothing is given up between the timeout and the sum of both times, and one that answers is not.
    @Test(arguments: 0..<64)
    func `a dead peer is given up in time, and a live one never`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for answers in [true, false] {
            var monitor = Self.monitor()
            var seen = KeepaliveMonitor.Observation(now: .zero, heard: .zero, resumed: .zero, isReadingPaused: false)
            var due = Duration.seconds(10)
            var answer: Duration?
            var gaveUp: Duration?
            let diesAt = Duration.seconds(Int.random(in: 0...200, using: &random))
            while seen.now < .seconds(500), gaveUp == nil {
                seen.now += .seconds(1)
                let isAlive = answers || seen.now <= diesAt
                if let time = answer, time <= seen.now, isAlive {
                    seen.heard = seen.now
                    answer = nil
                }
                if isAlive, UInt.random(in: 0..<30, using: &random) == 0 { seen.heard = seen.now }
                guard seen.now >= due else { continue }
                switch monitor.timerFired(seen, progress: { TransportProgress(acknowledged: 0, outstanding: 0) }) {
                case .wait(let time):
                    #expect(time > seen.now, "seed \(seed): a timer in the past")
                    due = time
                case .ping(let time):
                    due = time
                    monitor.pingWritten(at: seen.now) { TransportProgress(acknowledged: 0, outstanding: 14) }
                    answer = seen.now + .seconds(Int.random(in: 1...4, using: &random))
                case .giveUp:
                    gaveUp = seen.now
                }
            }
            if answers {
                #expect(gaveUp == nil, "seed \(seed)")
            } else if let gaveUp {
                #expect(gaveUp - seen.heard >= .seconds(15), "seed \(seed)")
                #expect(gaveUp - seen.heard <= .seconds(16), "seed \(seed)")
            } else {
                Issue.record("seed \(seed): the peer is dead since \(diesAt)")
            }
        }
    }
}
