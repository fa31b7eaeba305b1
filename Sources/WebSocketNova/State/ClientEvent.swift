public import WebSocketCore

/// What happened to a connection: the one envelope in which every listener learns of everything.
public struct ClientEvent: Sendable {
    /// What happened.
    public enum Kind: Sendable {
        // Errors are large, and rare beside frames: they are in boxes, so that an event of a frame is small.

        /// The transport is up; the upgrade request is on its way.
        case connectionUp
        /// The upgrade was accepted.
        case upgraded(StreamRef, headers: HTTPFields)
        /// A frame came.
        case frame(StreamRef, WebSocketFrame)
        /// The transport is gone.
        indirect case connectionDown(DisconnectReason)
        /// The server answered an upgrade with a status other than 101.
        indirect case refused(StreamRef, WebSocketError.Handshake)
        /// A further stream has ended, and is not opened again.
        indirect case streamEnded(StreamRef, DisconnectReason)
        /// Something went wrong; with a stream if it concerns that one alone.
        indirect case error(StreamRef?, WebSocketError)
        /// A transition was asked for that the table does not have.
        case transitionRefused(from: ConnectionStatus, to: ConnectionStatus)
        /// The next attempt is made after a delay.
        indirect case reconnecting(attempt: Int, delay: Duration, cause: DisconnectReason)
        /// The connection is back: what the peer sent in between is lost.
        case reconnected(StreamRef, gap: Gap)
        /// A subscription was restored on the new stream, or could not be.
        indirect case subscriptionRestored(channel: String, failure: WebSocketError?)
        /// The last event: the connection has ended for good.
        indirect case ended(DisconnectReason)
    }

    /// The time in which nothing was received.
    public struct Gap: Sendable, Hashable {
        /// From the loss of the old stream to the opening of the new one.
        public var duration: Duration
        /// How many attempts it took.
        public var attempts: Int

        /// Makes the record of a gap.
        public init(duration: Duration, attempts: Int) {
            self.duration = duration
            self.attempts = attempts
        }
    }

    /// The connection.
    public var connection: ConnectionID
    /// What happened.
    public var kind: Kind

    /// Makes an event.
    public init(connection: ConnectionID, kind: Kind) {
        self.connection = connection
        self.kind = kind
    }
}

/// Why a connection was lost or ended.
public enum DisconnectReason: Sendable, Hashable {
    /// This side closed.
    case local
    /// The peer sent a Close frame.
    case closed(WebSocketCloseInfo)
    /// The transport broke, could not be opened, or the upgrade was refused.
    case failed(WebSocketError)
}
