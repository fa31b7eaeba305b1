public import WebSocketCore

/// Something that is counted or measured.
public enum TelemetryEvent: Sendable, Hashable {
    /// A transport is up: name look-up, TCP, proxy and TLS took `duration`.
    case connectionOpened(StreamRef, host: String, port: UInt16, duration: Duration)
    /// A transport is gone, or could not be opened, after `duration` of being open; nil if it never was.
    case connectionClosed(StreamRef, reason: DisconnectReason, duration: Duration?)
    /// The upgrade was accepted, `duration` after the transport was up.
    case upgraded(StreamRef, headers: HTTPFields, duration: Duration)
    /// The connection is back.
    case reconnected(StreamRef, host: String, port: UInt16, gap: ClientEvent.Gap)
    /// A message came or went; of one that came, `latency` is the time from its reading to its handing over, of one that
    /// went, the time that it waited to be accepted.
    case message(MessageDirection, StreamRef, kind: WebSocketFrame.Kind, size: Int, latency: Duration)
    /// Something went wrong.
    case errorOccurred(ConnectionID, StreamRef?, WebSocketError)
    /// A subscription was restored, `duration` after it was asked for anew; with an error if it was not.
    case subscriptionRestored(
        ConnectionID,
        SubscriptionID?,
        channel: String,
        duration: Duration,
        failure: WebSocketError?
    )
}
