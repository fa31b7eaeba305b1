import Testing
import WebSocketCore
import WebSocketNova

@Suite("Telemetry events")
struct TelemetryEventTests {
    private let stream = StreamRef(connection: ConnectionID(rawValue: 7), generation: 3)

    private func expect(
        _ event: TelemetryEvent,
        _ name: String,
        _ measurements: [String: Double],
        _ metadata: [String: String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(event.name == name, sourceLocation: sourceLocation)
        #expect(event.measurements == measurements, sourceLocation: sourceLocation)
        #expect(event.metadata == metadata, sourceLocation: sourceLocation)
    }

    @Test func `F82 F83 the opening of a transport`() {
        self.expect(
            .connectionOpened(self.stream, host: "example.com", port: 443, duration: .milliseconds(1500)),
            "websocketnova.connection.open",
            ["duration": 1.5],
            ["connection_id": "connection-7", "host": "example.com", "port": "443", "protocol": "http/1.1"]
        )
    }

    @Test(
        arguments: [
            (.local, "local"),
            (
                .closed(WebSocketCloseInfo(code: 4001, reason: "token=s3cret", initiator: .peer, wasClean: true)),
                "4001"
            ),
            (.failed(WebSocketError(.transportFailed, "reset")), "transport_failed"),
        ] as [(DisconnectReason, String)]
    )
    func `F82 F83 the end of a transport`(reason: DisconnectReason, name: String) {
        self.expect(
            .connectionClosed(self.stream, host: "h", port: 80, reason: reason, duration: .seconds(2)),
            "websocketnova.connection.close",
            ["duration": 2],
            ["connection_id": "connection-7", "host": "h", "port": "80", "protocol": "http/1.1", "reason": name]
        )
    }

    @Test func `F82 a transport that was never open has no duration`() {
        let event = TelemetryEvent.connectionClosed(self.stream, reason: .local, duration: nil)
        #expect(event.measurements.isEmpty)
        #expect(event.metadata == ["connection_id": "connection-7", "protocol": "http/1.1", "reason": "local"])
    }

    @Test func `F82 F83 an upgrade, with the names of header fields and not their values`() {
        self.expect(
            .upgraded(
                self.stream,
                headers: ["Upgrade": "websocket", "Set-Cookie": "id=s3cret"],
                duration: .milliseconds(250)
            ),
            "websocketnova.connection.websocket_upgrade",
            ["duration": 0.25],
            ["connection_id": "connection-7", "stream_ref": "connection-7/3", "headers": "Upgrade, Set-Cookie"]
        )
    }

    @Test func `F82 F83 a reconnection`() {
        self.expect(
            .reconnected(self.stream, host: "h", port: 80, gap: ClientEvent.Gap(duration: .seconds(4), attempts: 3)),
            "websocketnova.connection.reconnected",
            ["connections": 1, "duration": 4, "attempts": 3],
            ["connection_id": "connection-7", "stream_ref": "connection-7/3", "host": "h", "port": "80"]
        )
    }

    @Test(arguments: MessageDirection.allCases, WebSocketFrame.Kind.allCases)
    func `F82 F83 a message`(direction: MessageDirection, kind: WebSocketFrame.Kind) {
        self.expect(
            .message(direction, self.stream, kind: kind, size: 125, latency: .microseconds(500)),
            "websocketnova.message.\(direction.rawValue)",
            ["size": 125, "latency": 0.0005],
            ["connection_id": "connection-7", "stream_ref": "connection-7/3", "frame_type": kind.rawValue]
        )
    }

    @Test func `F82 an error`() {
        let error = WebSocketError(.invalidMessage, "token=s3cret")
        self.expect(
            .errorOccurred(self.stream.connection, self.stream, error, host: "h", port: 80),
            "websocketnova.error.occurred",
            [:],
            [
                "connection_id": "connection-7", "stream_ref": "connection-7/3", "reason": "invalid_message",
                "host": "h", "port": "80",
            ]
        )
        #expect(
            TelemetryEvent.errorOccurred(self.stream.connection, nil, error).metadata
                == ["connection_id": "connection-7", "reason": "invalid_message"]
        )
    }

    @Test func `F82 F83 a subscription that was restored, and one that was not`() {
        self.expect(
            .subscriptionRestored(
                self.stream.connection,
                SubscriptionID(rawValue: "sub_1"),
                channel: "trades",
                duration: .seconds(1),
                failure: nil
            ),
            "websocketnova.subscription.restored",
            ["duration": 1],
            ["connection_id": "connection-7", "subscription_id": "sub_1", "channel": "trades"]
        )
        self.expect(
            .subscriptionRestored(
                self.stream.connection,
                nil,
                channel: "a\nb",
                duration: .seconds(1),
                failure: WebSocketError(.subscriptionFailed, "token=s3cret")
            ),
            "websocketnova.subscription.restoration_failed",
            ["duration": 1],
            ["connection_id": "connection-7", "channel": "a\\u{a}b", "reason": "subscription_failed"]
        )
    }
}
