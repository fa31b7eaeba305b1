/// How a connection ended: who ended it, with which code and reason, and whether the closing handshake was complete.
///
/// Every connection that was open ends with exactly one of these.
public struct WebSocketCloseInfo: Sendable, Hashable {
    /// Who ended a connection.
    public enum Initiator: String, Sendable, Hashable {
        /// This side: `close`, the end of a scope, cancellation, or a protocol error of the peer that it answered.
        case local
        /// The peer, with a Close frame.
        case peer
        /// Neither: the transport ended under both.
        case transport
    }

    /// The close code that counts: the peer's where the peer sent a Close frame, else ours; 1006 if the transport ended first.
    public var code: WebSocketCloseCode
    /// The reason that came with ``code``; empty if none did.
    public var reason: String
    /// Who ended the connection.
    public var initiator: Initiator
    /// Whether a Close frame went each way (RFC 6455 section 7.1.4).
    public var wasClean: Bool
    /// What kind of thing went wrong; nil exactly if the end was clean.
    public var cause: Cause?
    /// What went wrong, in words; nil exactly if the end was clean.
    public var failure: String?

    /// Makes the record of an end.
    public init(
        code: WebSocketCloseCode,
        reason: String = "",
        initiator: Initiator,
        wasClean: Bool,
        cause: Cause? = nil,
        failure: String? = nil
    ) {
        self.code = code
        self.reason = reason
        self.initiator = initiator
        self.wasClean = wasClean
        self.cause = cause
        self.failure = failure
    }
}

extension WebSocketCloseInfo: CustomStringConvertible {
    public var description: String {
        var text = "closed by \(self.initiator.rawValue) with \(self.code)"
        if !self.reason.isEmpty { text += " \"\(self.reason)\"" }
        if !self.wasClean { text += ", not cleanly" }
        if let failure { text += ": \(failure)" }
        return text
    }
}
