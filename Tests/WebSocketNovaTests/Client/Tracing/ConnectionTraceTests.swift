import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The export of a history")
struct ConnectionTraceTests {
    private func trace() throws -> ConnectionTrace {
        var history = ConnectionHistory(traceID: try TraceID("t-1"), capacity: 6, now: .seconds(5), wallClock: 1000)
        let stream = StreamRef(connection: ConnectionID(rawValue: 3), generation: 1)
        let steps: [(ConnectionStatus, ConnectionHistory.Cause, ConnectionHistory.Metadata)] = [
            (.connecting, .connectRequested, .init()),
            (.connected, .transportUp, .init(stream: stream)),
            (.websocketConnected, .upgradeAccepted, .init(stream: stream)),
            (
                .disconnected, .transportLost,
                .init(stream: stream, error: .connectionClosed, closeCode: .serviceRestart)
            ),
            (.reconnecting, .retryDecided, .init(attempt: 1, delay: .microseconds(1500))),
            (.connecting, .timerFired, .init()),
            (.websocketConnected, .upgradeAccepted, .init(httpStatus: 101)),
        ]
        var status = ConnectionStatus.initialized
        for (index, step) in steps.enumerated() {
            history.record(
                from: status,
                to: step.0,
                cause: step.1,
                now: .seconds(5) + .milliseconds(250 * index),
                wallClock: 1000 + 0.25 * Double(index),
                metadata: step.2
            )
            status = step.0
        }
        return history.export(host: "example.com", port: 8443, now: .seconds(60))
    }

    @Test("F86: the JSON has host, port, statistics and events, oldest first, times in milliseconds")
    func json() throws {
        let text = try self.trace().json()
        #expect(text.split(separator: "\n").count > 50, "it is not in lines")
        let value = try JSONText.decode(JSONValue.self, from: text.utf8)
        #expect(value["host"] == "example.com" && value["port"] == 8443 && value["trace_id"] == "t-1")
        #expect(value["started_at_ms"]?.number == 1_000_000 && value["dropped_events"] == 1)
        let events = try #require(value["events"]?.array)
        #expect(
            events.map { $0["type"]?.string } == [
                "transport_up", "upgrade_accepted", "transport_lost", "retry_decided", "timer_fired",
                "upgrade_accepted",
            ]
        )
        #expect(events[2]["from"] == "websocket_connected" && events[2]["to"] == "disconnected")
        #expect(events[2]["timestamp_ms"]?.number == 1_000_750 && events[2]["elapsed_ms"]?.number == 750)
        #expect(events[2]["metadata"]?["close_code"] == 1012 && events[2]["metadata"]?["error"] == "connection_closed")
        #expect(events[3]["metadata"]?["delay_ms"]?.number == 1.5)
        let statistics = try #require(value["statistics"])
        #expect(statistics["connects"] == 2 && statistics["reconnects"] == 1)
        #expect(statistics["total_uptime_ms"]?.number == 54_000.0)
        #expect(statistics["reconnection_durations"]?["mean_ms"]?.number == 750)
        #expect(statistics["reconnections"]?.array?.count == 1 && statistics["longest_outage_ms"]?.number == 750)
    }

    @Test("F86: what is exported can be read again")
    func roundTrip() throws {
        let trace = try self.trace()
        #expect(try JSONText.decode(ConnectionTrace.self, from: try trace.json().utf8) == trace)
    }

    @Test("F86: a file with times beyond all measure is refused, not trapped on", arguments: ["1e300", "-1e14"])
    func extremeTimes(time: String) throws {
        let text = try self.trace().json()
        let changed = text.replacing("\"elapsed_ms\" : 750", with: "\"elapsed_ms\" : \(time)")
        #expect(changed != text)
        #expect(throws: WebSocketError.self) { try JSONText.decode(ConnectionTrace.self, from: changed.utf8) }
    }

    @Test("F86: a time that is no number is refused")
    func noNumber() throws {
        var trace = try self.trace()
        trace.startedAt = .nan
        let error = #expect(throws: WebSocketError.self) { try trace.json() }
        #expect(error?.code == .invalidMessage)
    }
}
