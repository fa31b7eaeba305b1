/// Why a stream ended, below WebSocket frames.
package struct TransportFailure: Error, Sendable, Hashable {
    /// What kind of thing it was.
    package var cause: WebSocketCloseInfo.Cause
    /// What it was, in words that can stand before "without a Close frame".
    package var message: String

    package init(_ cause: WebSocketCloseInfo.Cause, _ message: String) {
        self.cause = cause
        self.message = message
    }

    /// TCP's FIN.
    package static let endOfStream = TransportFailure(.endOfStream, "the peer ended the TCP connection")
    /// TLS's close_notify (RFC 8446 section 6.1).
    package static let endOfTLS = TransportFailure(.endOfStream, "the peer ended the TLS session")
    /// A FIN without a close_notify: whoever sent it need not be the peer.
    package static let truncatedTLS = TransportFailure(
        .endOfStream,
        "the TCP connection ended without the peer's close_notify"
    )
}
