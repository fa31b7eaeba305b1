import CoreMetrics
import Foundation
import MetricsTestKit
import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("The default metrics handler")
struct DefaultMetricsHandlerTests {
    private let backend = TestMetrics()
    private let stream = StreamRef(connection: ConnectionID(rawValue: 1), generation: 1)

    /// With labels of its own: those of the process are shared with other tests.
    private func handler(measuresLatency: Bool = false, labelsHost: Bool = false) -> DefaultMetricsHandler {
        DefaultMetricsHandler(
            factory: self.backend,
            measuresLatency: measuresLatency,
            labelsHost: labelsHost,
            errorCodes: MetricLabels(limit: 64),
            hosts: MetricLabels(limit: 64)
        )
    }

    private func count(_ name: String, _ dimensions: [(String, String)] = []) throws -> Int64 {
        try self.backend.expectCounter("websocketnova_" + name, dimensions).totalValue
    }

    private func times(_ name: String) throws -> [Int64] {
        try self.backend.expectTimer("websocketnova_" + name).values
    }

    private func error(_ code: String) -> TelemetryEvent {
        .errorOccurred(self.stream.connection, self.stream, WebSocketError(.init(rawValue: code), "x"))
    }

    private func closed(_ reason: DisconnectReason, after duration: Duration? = .seconds(2)) -> TelemetryEvent {
        .connectionClosed(self.stream, host: "h", port: 80, reason: reason, duration: duration)
    }

    private func code(_ code: UInt16) -> DisconnectReason {
        .closed(WebSocketCloseInfo(code: .init(rawValue: code), initiator: .peer, wasClean: true))
    }

    /// One of each event, some of them twice.
    private func play(_ handler: inout DefaultMetricsHandler) {
        handler.record(self.closed(.failed(WebSocketError(.connectFailed, "refused")), after: nil))
        handler.record(.connectionOpened(self.stream, host: "h", port: 80, duration: .milliseconds(3)))
        handler.record(.upgraded(self.stream, headers: [:], duration: .milliseconds(4)))
        handler.recordMessages(.sent, count: 2, bytes: 250)
        handler.recordMessages(.received, count: 3, bytes: 1000)
        handler.recordMessages(.received, count: 1, bytes: 24)
        handler.record(.message(.sent, self.stream, kind: .text, size: 125, latency: .microseconds(5)))
        handler.record(.message(.received, self.stream, kind: .binary, size: 24, latency: .microseconds(6)))
        handler.record(self.error("invalid_message"))
        handler.record(self.error("invalid_message"))
        handler.record(self.closed(self.code(1012)))
        handler.record(.connectionOpened(self.stream, host: "h", port: 80, duration: .milliseconds(5)))
        handler.record(
            .reconnected(self.stream, host: "h", port: 80, gap: ClientEvent.Gap(duration: .seconds(9), attempts: 2))
        )
        for failure in [nil, WebSocketError(.subscriptionFailed, "no")] {
            handler.record(
                .subscriptionRestored(
                    self.stream.connection,
                    nil,
                    channel: "c",
                    duration: .seconds(1),
                    failure: failure
                )
            )
        }
        handler.record(self.closed(.local))
    }

    @Test func `F84 totals after a scripted sequence, without a backend`() {
        var handler = DefaultMetricsHandler(factory: NOOPMetricsHandler.instance)
        self.play(&handler)
        var totals = DefaultMetricsHandler.Totals()
        totals.connectionsOpened = 2
        totals.connectionsClosed = 2
        totals.closesByReason = ["1012": 1, "local": 1]
        totals.connectionsFailed = 1
        totals.failuresByReason = ["connect_failed": 1]
        totals.websocketUpgrades = 1
        totals.reconnections = 1
        totals.messagesSent = 2
        totals.messagesReceived = 4
        totals.bytesSent = 250
        totals.bytesReceived = 1024
        totals.errors = 2
        totals.errorsByCode = ["invalid_message": 2]
        totals.subscriptionsRestored = 1
        totals.subscriptionRestorationsFailed = 1
        totals.connectionOpenDuration = .milliseconds(8)
        totals.connectionCloseDuration = .seconds(4)
        totals.websocketUpgradeDuration = .milliseconds(4)
        totals.reconnectGap = .seconds(9)
        totals.messageSentLatency = .microseconds(5)
        totals.messageReceivedLatency = .microseconds(6)
        totals.subscriptionRestorationDuration = .seconds(1)
        #expect(handler.totals == totals)
    }

    @Test func `F84 the backend gets the same`() throws {
        var handler = self.handler()
        self.play(&handler)
        #expect(try self.count("connections_opened") == 2)
        #expect(try self.count("connections_closed", [("reason", "1012")]) == 1)
        #expect(try self.count("connections_closed", [("reason", "local")]) == 1)
        #expect(try self.count("connections_failed", [("reason", "connect_failed")]) == 1)
        #expect(try self.count("websocket_upgrades") == 1)
        #expect(try self.count("reconnections") == 1)
        #expect(try self.count("messages_sent") == 2 && self.count("bytes_sent") == 250)
        #expect(try self.count("messages_received") == 4 && self.count("bytes_received") == 1024)
        #expect(try self.count("errors_total", [("code", "invalid_message")]) == 2)
        #expect(try self.count("subscriptions_restored") == 1)
        #expect(try self.count("subscription_restorations_failed") == 1)
    }

    @Test func `F83 durations and latencies reach the backend in nanoseconds`() throws {
        var handler = self.handler(measuresLatency: true)
        self.play(&handler)
        #expect(try self.times("connection_open_duration") == [3_000_000, 5_000_000])
        #expect(try self.times("connection_close_duration") == [2_000_000_000, 2_000_000_000])
        #expect(try self.times("websocket_upgrade_duration") == [4_000_000])
        #expect(try self.times("reconnect_gap") == [9_000_000_000])
        #expect(try self.times("message_sent_latency") == [5000])
        #expect(try self.times("message_received_latency") == [6000])
        #expect(try self.times("subscription_restoration_duration") == [1_000_000_000])
    }

    @Test func `F83 single messages are asked for only where their latency is measured`() {
        #expect(!self.handler().wantsMessages)
        #expect(self.handler(measuresLatency: true).wantsMessages)
    }

    @Test func `the table of the documentation has exactly the metrics that there are`() throws {
        var handler = self.handler()
        self.play(&handler)
        let counters = self.backend.counters.map { "\($0.label) counter \($0.dimensions.map(\.0))" }
        let timers = self.backend.timers.map { "\($0.label) timer \($0.dimensions.map(\.0))" }
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let article = root.appending(path: "Sources/WebSocketNova/Documentation.docc/Telemetry.md")
        let documented = try String(contentsOf: article, encoding: .utf8).split(separator: "\n").compactMap {
            let cells = $0.split(separator: "|").map {
                $0.replacing("`", with: "").trimmingCharacters(in: .whitespaces)
            }
            guard cells.count == 4, cells[0].hasPrefix("websocketnova_") else { return nil as String? }
            return "\(cells[0]) \(cells[1]) \(cells[2].isEmpty ? [] : [cells[2]])"
        }
        #expect(Set(counters + timers) == Set(documented))
    }

    // MARK: Labels

    @Test func `F84 ten thousand codes make no more than 64 series and another`() throws {
        var handler = self.handler()
        for number in 0..<10_000 {
            handler.record(self.error("code_\(number)"))
            handler.record(self.closed(.failed(WebSocketError(.init(rawValue: "code_\(number)"), "x"))))
        }
        #expect(self.backend.counters(label: "websocketnova_errors_total").count == 65)
        #expect(self.backend.counters(label: "websocketnova_connections_closed").count == 65)
        #expect(self.backend.counterTotal(label: "websocketnova_errors_total") == 10_000)
        #expect(try self.count("errors_total", [("code", "code_63")]) == 1)
        #expect(try self.count("errors_total", [("code", "other")]) == 10_000 - 64)
        #expect(handler.totals.errors == 10_000 && handler.totals.errorsByCode.count == 65)
        #expect(handler.totals.closesByReason.count == 65)
    }

    @Test func `F84 handlers of several connections share the bound`() {
        let labels = MetricLabels(limit: 64)
        for number in 0..<200 {
            var handler = DefaultMetricsHandler(
                factory: self.backend,
                errorCodes: labels,
                hosts: MetricLabels(limit: 64)
            )
            handler.record(self.error("code_\(number)"))
        }
        #expect(self.backend.counters(label: "websocketnova_errors_total").count == 65)
    }

    @Test func `F84 all close codes that there are make 19 series`() {
        var handler = self.handler()
        for code in UInt16.min...UInt16.max { handler.record(self.closed(self.code(code))) }
        let labels = (1000...1015).map { "\($0)" } + ["3xxx", "4xxx", "other"]
        #expect(Set(handler.totals.closesByReason.keys) == Set(labels))
        #expect(handler.totals.closesByReason["4xxx"] == 1000 && handler.totals.closesByReason["1006"] == 1)
        #expect(self.backend.counters(label: "websocketnova_connections_closed").count == 19)
    }

    @Test(arguments: ["", "a b", "a\nb", "a\"b", "é", String(repeating: "a", count: 65)])
    func `a code that could break a backend's format is another`(code: String) {
        var handler = self.handler()
        handler.record(self.error(code))
        #expect(handler.totals.errorsByCode == ["other": 1])
    }

    @Test func `the host is a label only where that is asked for, of a bounded number of values`() throws {
        var handler = self.handler()
        self.play(&handler)
        #expect(!self.backend.counters.contains { $0.dimensions.contains { $0.0 == "host" } })
        self.backend.reset()

        handler = self.handler(labelsHost: true)
        for number in 0..<100 {
            handler.record(.connectionOpened(self.stream, host: "h\(number)", port: 80, duration: .zero))
            handler.recordMessages(.sent, count: 1, bytes: 1)
        }
        #expect(try self.count("messages_sent", [("host", "h5")]) == 1)
        #expect(try self.count("messages_sent", [("host", "other")]) == 36)
        // The 64 hosts, all others, and the one that is not known yet.
        #expect(self.backend.counters(label: "websocketnova_connections_opened").count == 66)
        #expect(handler.totals.messagesSent == 100)
    }

    // MARK: Bad input

    @Test func `numbers out of all range neither trap nor count backwards`() throws {
        var handler = self.handler()
        for amount in [Int.max, .max, .min, -1] { handler.recordMessages(.sent, count: amount, bytes: amount) }
        #expect(handler.totals.messagesSent == .max && handler.totals.bytesSent == .max)
        let endless = Duration(secondsComponent: .max, attosecondsComponent: 0)
        for duration in [endless, .zero - endless, .seconds(-1)] {
            handler.record(self.closed(.local, after: duration))
        }
        #expect(try self.times("connection_close_duration") == [.max, 0, 0])
        #expect(handler.totals.connectionCloseDuration == .nanoseconds(Int64.max))
    }

    @Test(arguments: ["measure_latency", "label_host"])
    func `a wrong option is named`(name: String) throws {
        let error = #expect(throws: WebSocketError.self) { try DefaultMetricsHandler(options: [name: "maybe"]) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains(name) == true)
        #expect(try DefaultMetricsHandler(options: [name: true]).wantsMessages == (name == "measure_latency"))
    }

    @Test func `F84 copies of a handler count together, from any thread`() async {
        let handler = self.handler()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var copy = handler
                    for _ in 0..<1000 { copy.recordMessages(.received, count: 1, bytes: 10) }
                    for _ in 0..<100 { copy.record(self.error("invalid_message")) }
                }
            }
        }
        #expect(handler.totals.messagesReceived == 8000 && handler.totals.bytesReceived == 80_000)
        #expect(handler.totals.errorsByCode == ["invalid_message": 800])
        #expect(self.handler().totals == DefaultMetricsHandler.Totals())
    }

    @Test func `a handler fits into an existential without an allocation`() {
        // Three words: handlers are copied for each call, and a larger one would be copied on the heap.
        #expect(MemoryLayout<DefaultMetricsHandler>.size <= 3 * MemoryLayout<Int>.size)
    }
}
