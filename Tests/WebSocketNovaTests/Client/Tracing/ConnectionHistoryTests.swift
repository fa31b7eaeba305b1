import TestSupport
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The history of a connection")
struct ConnectionHistoryTests {
    /// A history that is told one status after the other, at given seconds.
    private struct Recorder {
        var history: ConnectionHistory
        var status = ConnectionStatus.initialized

        init(capacity: Int = 1000) {
            self.history = ConnectionHistory(capacity: capacity, now: .seconds(100), wallClock: 1_700_000_000)
        }

        mutating func go(
            _ status: ConnectionStatus,
            at seconds: Double,
            _ cause: ConnectionHistory.Cause = .transportUp,
            _ metadata: ConnectionHistory.Metadata = .init()
        ) {
            self.history.record(
                from: self.status,
                to: status,
                cause: cause,
                now: .seconds(100 + seconds),
                wallClock: 1_700_000_000 + seconds,
                metadata: metadata
            )
            self.status = status
        }

        func statistics(at seconds: Double) -> ConnectionStatistics {
            self.history.statistics(now: .seconds(100 + seconds))
        }

        /// Up at one time, down at another.
        mutating func live(_ seconds: ClosedRange<Double>) {
            self.go(.connecting, at: seconds.lowerBound)
            self.go(.connected, at: seconds.lowerBound)
            self.go(.websocketConnected, at: seconds.lowerBound)
            self.go(.disconnected, at: seconds.upperBound)
        }
    }

    @Test("F86: transitions are listed oldest first, with cause, statuses, times and what else is known")
    func order() {
        var recorder = Recorder()
        let stream = StreamRef(connection: ConnectionID(rawValue: 7), generation: 1)
        recorder.go(.connecting, at: 0, .connectRequested)
        recorder.go(.connected, at: 0.5, .transportUp, .init(stream: stream))
        recorder.go(
            .disconnected,
            at: 2,
            .transportLost,
            .init(stream: stream, error: .upgradeRefused, httpStatus: 503)
        )
        recorder.go(.reconnecting, at: 2, .retryDecided, .init(attempt: 1, delay: .seconds(3)))
        let events = recorder.history.transitions
        #expect(events.map(\.cause) == [.connectRequested, .transportUp, .transportLost, .retryDecided])
        #expect(events.map(\.from) == [.initialized, .connecting, .connected, .disconnected])
        #expect(events.map(\.to) == [.connecting, .connected, .disconnected, .reconnecting])
        #expect(events.map(\.elapsed) == [.zero, .milliseconds(500), .seconds(2), .seconds(2)])
        #expect(events.map(\.wallClock) == [1_700_000_000, 1_700_000_000.5, 1_700_000_002, 1_700_000_002])
        #expect(events[2].metadata == .init(stream: stream, error: .upgradeRefused, httpStatus: 503))
        #expect(recorder.history.droppedCount == 0)
    }

    @Test("F86: where the status stays the same nothing is recorded")
    func sameStatus() {
        var recorder = Recorder()
        recorder.go(.connecting, at: 0)
        recorder.go(.connecting, at: 1)
        #expect(recorder.history.transitions.count == 1)
    }

    @Test(
        "F86: the oldest transitions make room and are counted, the statistics go on over all",
        arguments: [1, 3, 1000]
    )
    func bounded(capacity: Int) {
        var recorder = Recorder(capacity: capacity)
        for second in 0..<500 { recorder.live(Double(second)...Double(second) + 0.5) }
        let events = recorder.history.transitions
        #expect(events.count == capacity)
        #expect(recorder.history.droppedCount == 2000 - capacity)
        #expect(events.last?.to == .disconnected && events.last?.elapsed == .milliseconds(499_500))
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.elapsed <= $1.elapsed && $0.to == $1.from })
        let statistics = recorder.statistics(at: 1000)
        #expect(statistics.connects == 500 && statistics.reconnects == 499)
        #expect(statistics.totalUptime == .seconds(250))
        #expect(statistics.reconnections.count == ConnectionTally.listedReconnections)
    }

    @Test("F86: a history that has seen nothing has zeros and no times")
    func empty() {
        let recorder = Recorder()
        #expect(recorder.statistics(at: 50) == ConnectionStatistics())
        #expect(recorder.history.transitions.isEmpty)
    }

    @Test("F86: uptime counts 1 ms at least for each transport, and the one that is up up to now")
    func uptime() {
        var recorder = Recorder()
        recorder.live(0...0)
        #expect(recorder.statistics(at: 9).totalUptime == .milliseconds(1))
        recorder.live(10...14)
        #expect(recorder.statistics(at: 14).totalUptime == .milliseconds(4001))
        recorder.go(.connecting, at: 20)
        recorder.go(.connected, at: 21)
        #expect(recorder.statistics(at: 21).totalUptime == .milliseconds(4002))
        #expect(recorder.statistics(at: 24).totalUptime == .milliseconds(7001))
        #expect(recorder.statistics(at: 24).connects == 3 && recorder.statistics(at: 24).upgrades == 2)
        #expect(recorder.statistics(at: 24).lastConnectedAt == 1_700_000_021)
        #expect(recorder.statistics(at: 24).lastDisconnectedAt == 1_700_000_014)
    }

    @Test("F86: uptime ends with the connection, however it ends", arguments: [ConnectionStatus.error, .closed])
    func uptimeEnds(end: ConnectionStatus) {
        var recorder = Recorder()
        recorder.go(.connecting, at: 0)
        recorder.go(.websocketConnected, at: 1)
        recorder.go(end, at: 3)
        let statistics = recorder.statistics(at: 60)
        #expect(statistics.totalUptime == .seconds(2) && statistics.connects == 1)
        #expect(statistics.lastDisconnectedAt == 1_700_000_003 && statistics.longestOutage == .zero)
    }

    @Test("F86: the durations of reconnections, from the loss to the next open connection, failed attempts included")
    func reconnections() {
        var recorder = Recorder()
        // Never open: the time before the first connection is no outage.
        recorder.go(.connecting, at: 0)
        recorder.go(.disconnected, at: 1)
        recorder.live(2...10)
        recorder.live(12...20)
        recorder.go(.reconnecting, at: 20)
        recorder.go(.connecting, at: 21)
        recorder.go(.connected, at: 22)
        recorder.go(.disconnected, at: 23)
        recorder.go(.reconnecting, at: 23)
        recorder.live(26...30)
        let statistics = recorder.statistics(at: 30)
        #expect(statistics.reconnects == 2 && statistics.attempts == 2)
        #expect(statistics.connects == 4 && statistics.upgrades == 3)
        #expect(
            statistics.reconnections == [
                .init(wallClock: 1_700_000_012, duration: .seconds(2)),
                .init(wallClock: 1_700_000_026, duration: .seconds(6)),
            ]
        )
        let durations = ConnectionStatistics.ReconnectionDurations(
            minimum: .seconds(2),
            mean: .seconds(4),
            maximum: .seconds(6),
            last: .seconds(6)
        )
        #expect(statistics.reconnectionDurations == durations)
    }

    @Test("F86: the longest outage may be the one that goes on, and ends when the connection is given up")
    func outage() {
        var recorder = Recorder()
        recorder.live(0...5)
        recorder.live(8...9)
        #expect(recorder.statistics(at: 10).longestOutage == .seconds(3))
        #expect(recorder.statistics(at: 20).longestOutage == .seconds(11))
        recorder.go(.error, at: 21)
        #expect(recorder.statistics(at: 99).longestOutage == .seconds(12))
        #expect(recorder.statistics(at: 99).reconnects == 1)
    }

    @Test("F86: a history has a random name of 16 bytes in hexadecimal digits, or the caller's")
    func traceID() throws {
        var random = SeededGenerator(seed: 1)
        let first = TraceID.random(using: &random)
        let second = TraceID.random(using: &random)
        var again = SeededGenerator(seed: 1)
        #expect(TraceID.random(using: &again) == first && first != second)
        #expect(first.rawValue.count == 32 && first.rawValue.allSatisfy { $0.isHexDigit && !$0.isUppercase })
        #expect(TraceID.random() != TraceID.random())
        let named = ConnectionHistory(traceID: try TraceID("order-feed.1"), now: .zero, wallClock: 0)
        #expect(named.traceID.rawValue == "order-feed.1")
        for name in ["", "two words", "line\n", "ü", String(repeating: "a", count: 129)] {
            let error = #expect(throws: WebSocketError.self) { try TraceID(name) }
            #expect(error?.code == .invalidConfiguration)
        }
    }
}
