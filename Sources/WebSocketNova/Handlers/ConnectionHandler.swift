/// Learns of the connection's life.
public protocol ConnectionHandler: Handler {
    /// The connection is open: the upgrade was accepted.
    mutating func handleConnect(_ connection: ConnectionInfo) throws -> HandlerDecision

    /// The connection is lost or closed. `.reconnect` and `.ok` leave it to the policy whether to come back, the first with
    /// a delay of the handler's own; `.stop` ends it.
    mutating func handleDisconnect(_ reason: DisconnectReason) throws -> HandlerDecision

    /// A frame came. Asked only of handlers whose ``wantsFrames`` is true.
    mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) throws -> HandlerDecision

    /// Nothing has come for as long as the configuration's idle deadline.
    mutating func handleTimeout() throws -> HandlerDecision

    /// The answer to a request for the status, in words of the handler's choice.
    mutating func status() throws -> JSONValue

    /// Whether ``handleFrame(_:on:)`` is to be called for each frame. Read once.
    var wantsFrames: Bool { get }
}

extension ConnectionHandler {
    public mutating func handleConnect(_ connection: ConnectionInfo) throws -> HandlerDecision { .ok }
    public mutating func handleDisconnect(_ reason: DisconnectReason) throws -> HandlerDecision { .ok }
    public mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) throws -> HandlerDecision { .ok }
    public mutating func handleTimeout() throws -> HandlerDecision { .ok }
    public mutating func status() throws -> JSONValue { .null }
    public var wantsFrames: Bool { false }
}

/// What a connection handler learns of an open connection.
public struct ConnectionInfo: Sendable, Hashable {
    /// The connection.
    public var connection: ConnectionID
    /// The stream that was opened.
    public var stream: StreamRef
    /// The target.
    public var host: String
    public var port: UInt16
    public var path: String
    public var transport: ConnectionOptions.Transport
    /// The subprotocol that the server chose.
    public var subprotocol: String?
    /// Whether the connection was open before.
    public var isReconnection: Bool
    /// Which attempt succeeded, counted from 1 since the connection was lost, or since the first call.
    public var attempt: Int

    /// Makes the record.
    public init(
        connection: ConnectionID,
        stream: StreamRef,
        host: String,
        port: UInt16,
        path: String,
        transport: ConnectionOptions.Transport,
        subprotocol: String? = nil,
        isReconnection: Bool = false,
        attempt: Int = 1
    ) {
        self.connection = connection
        self.stream = stream
        self.host = host
        self.port = port
        self.path = path
        self.transport = transport
        self.subprotocol = subprotocol
        self.isReconnection = isReconnection
        self.attempt = attempt
    }
}
