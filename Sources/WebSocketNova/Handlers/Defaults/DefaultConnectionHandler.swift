internal import WebSocketCore

/// Keeps count of what happens to the connection.
///
/// The connection itself answers pings, whatever the handler; this one answers those that it is given.
public struct DefaultConnectionHandler: ConnectionHandler {
    /// How often in a row the connection may be lost, without having been open in between, before it is given up; nil to
    /// leave that to the error handler. Default: five.
    public var maximumReconnectAttempts: Int? = 5
    /// How often it has been lost since it was last open.
    public private(set) var reconnectAttempts = 0
    /// The open connection, or the last one that was.
    public private(set) var connection: ConnectionInfo?
    /// Why the last connection was lost.
    public private(set) var lastDisconnectReason: DisconnectReason?
    /// The payload of the last pong.
    public private(set) var lastPong: [UInt8]?

    public init() {}

    /// Makes a handler with a limit, or without.
    public init(maximumReconnectAttempts: Int?) {
        self.maximumReconnectAttempts = maximumReconnectAttempts
    }

    /// Makes a handler from a table: `max_reconnect_attempts`.
    ///
    /// - Throws: `invalid_configuration` that names the option.
    public init(options: HandlerOptions) throws {
        guard let limit = options["max_reconnect_attempts"] else { return }
        guard let count = limit.integer.flatMap(Int.init(exactly:)), count >= 0 else {
            throw WebSocketError(
                .invalidConfiguration,
                "option \"max_reconnect_attempts\" is \(limit): it must be a whole number from 0"
            )
        }
        self.maximumReconnectAttempts = count
    }

    public mutating func handleConnect(_ connection: ConnectionInfo) -> HandlerDecision {
        self.connection = connection
        self.reconnectAttempts = 0
        return .ok
    }

    public mutating func handleDisconnect(_ reason: DisconnectReason) -> HandlerDecision {
        self.lastDisconnectReason = reason
        if reason == .local { return .ok }
        guard self.mayReconnect else { return .stop(reason: "max_reconnect_attempts_reached") }
        self.reconnectAttempts += 1
        return .reconnect()
    }

    public mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) -> HandlerDecision {
        switch frame {
        case .ping(let payload):
            return .reply(.pong(payload))
        case .pong(let payload):
            self.lastPong = payload
            return .ok
        case .text, .binary, .close:
            return .ok
        }
    }

    public mutating func handleTimeout() -> HandlerDecision {
        self.mayReconnect ? .reconnect() : .stop(reason: "max_reconnect_attempts_reached")
    }

    private var mayReconnect: Bool { self.maximumReconnectAttempts.map { self.reconnectAttempts < $0 } ?? true }

    public mutating func status() -> JSONValue {
        [
            "connected": .bool(self.connection != nil),
            "reconnect_attempts": .integer(Int64(self.reconnectAttempts)),
        ]
    }
}
