public import WebSocketCore

/// Something that is counted or measured.
///
/// Beside its payload, for programs, each event has a ``name``, ``measurements`` and ``metadata``, for whatever takes events
/// of any kind; <doc:Telemetry> lists them. A connection has one owner for as long as it lives, so there is no event of an
/// ownership that is handed over.
public enum TelemetryEvent: Sendable, Hashable {
    /// A transport is up: name look-up, TCP, proxy and TLS took `duration`.
    case connectionOpened(StreamRef, host: String, port: UInt16, duration: Duration)
    /// A transport is gone, or could not be opened, after `duration` of being open; nil if it never was.
    case connectionClosed(
        StreamRef,
        host: String? = nil,
        port: UInt16? = nil,
        reason: DisconnectReason,
        duration: Duration?
    )
    /// The upgrade was accepted, `duration` after the transport was up.
    case upgraded(StreamRef, headers: HTTPFields, duration: Duration)
    /// The connection is back.
    case reconnected(StreamRef, host: String, port: UInt16, gap: ClientEvent.Gap)
    /// A message came or went; of one that came, `latency` is the time from its reading to its handing over, of one that
    /// went, the time that it waited to be accepted.
    case message(MessageDirection, StreamRef, kind: WebSocketFrame.Kind, size: Int, latency: Duration)
    /// Something went wrong.
    case errorOccurred(
        ConnectionID,
        StreamRef?,
        WebSocketError,
        host: String? = nil,
        port: UInt16? = nil
    )
    /// A subscription was restored, `duration` after it was asked for anew; with an error if it was not.
    case subscriptionRestored(
        ConnectionID,
        SubscriptionID?,
        channel: String,
        duration: Duration,
        failure: WebSocketError?
    )
}

extension TelemetryEvent {
    /// What happened, in words that do not change between releases: `websocketnova.connection.open` for example.
    public var name: String {
        switch self {
        case .connectionOpened: "websocketnova.connection.open"
        case .connectionClosed: "websocketnova.connection.close"
        case .upgraded: "websocketnova.connection.websocket_upgrade"
        case .reconnected: "websocketnova.connection.reconnected"
        case .message(.sent, _, _, _, _): "websocketnova.message.sent"
        case .message(.received, _, _, _, _): "websocketnova.message.received"
        case .errorOccurred: "websocketnova.error.occurred"
        case .subscriptionRestored(_, _, _, _, nil): "websocketnova.subscription.restored"
        case .subscriptionRestored: "websocketnova.subscription.restoration_failed"
        }
    }

    /// What was measured: `duration` and `latency` in seconds, `size` in bytes of payload, `connections` and `attempts` as
    /// numbers.
    public var measurements: [String: Double] {
        switch self {
        case .connectionOpened(_, _, _, let duration), .upgraded(_, _, let duration),
            .subscriptionRestored(_, _, _, let duration, _):
            ["duration": duration.inSeconds]
        case .connectionClosed(_, _, _, _, let duration):
            duration.map { ["duration": $0.inSeconds] } ?? [:]
        case .reconnected(_, _, _, let gap):
            // One connection has one handle, whose users all get the new stream.
            ["connections": 1, "duration": gap.duration.inSeconds, "attempts": Double(gap.attempts)]
        case .message(_, _, _, let size, let latency):
            ["size": Double(size), "latency": latency.inSeconds]
        case .errorOccurred:
            [:]
        }
    }

    /// What it happened to. Names of header fields and never their values, no payloads; texts that a peer chose are cut and
    /// have control characters escaped.
    public var metadata: [String: String] {
        switch self {
        case .connectionOpened(let stream, let host, let port, _):
            Self.target(stream.connection, host, port, isTransport: true)
        case .connectionClosed(let stream, let host, let port, let reason, _):
            Self.target(stream.connection, host, port, isTransport: true)
                .merging(["reason": reason.name]) { $1 }
        case .upgraded(let stream, let headers, _):
            [
                "connection_id": "\(stream.connection)", "stream_ref": "\(stream)",
                "headers": LogText.names(of: headers),
            ]
        case .reconnected(let stream, let host, let port, _):
            Self.target(stream.connection, host, port)
                .merging(["stream_ref": "\(stream)"]) { $1 }
        case .message(_, let stream, let kind, _, _):
            ["connection_id": "\(stream.connection)", "stream_ref": "\(stream)", "frame_type": kind.rawValue]
        case .errorOccurred(let connection, let stream, let error, let host, let port):
            Self.target(connection, host, port)
                .merging(stream.map { ["stream_ref": "\($0)"] } ?? [:]) { $1 }
                .merging(["reason": error.code.rawValue]) { $1 }
        case .subscriptionRestored(let connection, let subscription, let channel, _, let failure):
            ["connection_id": "\(connection)", "channel": LogText.escaped(channel)]
                .merging(subscription.map { ["subscription_id": LogText.escaped($0.rawValue)] } ?? [:]) { $1 }
                .merging(failure.map { ["reason": $0.code.rawValue] } ?? [:]) { $1 }
        }
    }

    private static func target(
        _ connection: ConnectionID,
        _ host: String?,
        _ port: UInt16?,
        isTransport: Bool = false
    ) -> [String: String] {
        var metadata = ["connection_id": "\(connection)"]
        if let host { metadata["host"] = LogText.escaped(host) }
        if let port { metadata["port"] = "\(port)" }
        // What the transport speaks until it is upgraded; there is no other way to a WebSocket here.
        if isTransport { metadata["protocol"] = "http/1.1" }
        return metadata
    }
}

extension DisconnectReason {
    /// `local`, the number of a close code, or the code of an error.
    var name: String {
        switch self {
        case .local: "local"
        case .closed(let info): "\(info.code.rawValue)"
        case .failed(let error): error.code.rawValue
        }
    }
}

extension Duration {
    /// For whoever measures in numbers.
    var inSeconds: Double { self / .seconds(1) }
}
