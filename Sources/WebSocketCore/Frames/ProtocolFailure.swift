/// What a peer did wrong, and the close code that tells it so (RFC 6455 section 7.1.7, "_Fail the WebSocket Connection_").
package struct ProtocolFailure: Error, Hashable, Sendable {
    /// The code for the Close frame that answers.
    package var closeCode: WebSocketCloseCode

    /// What was wrong, in words with values.
    package var message: String

    package init(_ closeCode: WebSocketCloseCode, _ message: String) {
        self.closeCode = closeCode
        self.message = message
    }

    /// 1002: the frame or its place in the stream is not allowed.
    static func protocolError(_ message: String) -> ProtocolFailure {
        ProtocolFailure(.protocolError, message)
    }
}

extension ProtocolFailure: CustomStringConvertible {
    package var description: String { "\(self.message); closing with \(self.closeCode)" }
}
