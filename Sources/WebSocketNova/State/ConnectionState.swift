/// What a connection knows of its transport: a pure value, which its functions change and nothing else.
///
/// ## Layering
/// It holds the transport's data **only**: no authentication, no tokens or other credentials, no subscriptions, and no
/// counters or delays of reconnection. Those belong to the handlers and to ``ClientConnection``, to which it may refer. That
/// is so by its types: none of its fields, and no field of ``ConnectionOptions`` or ``StreamInfo``, has a place for them.
///
/// Its functions check nothing: which status may follow which is the business of ``ConnectionStateMachine``.
public struct ConnectionState: Sendable {
    // MARK: The target

    /// The host to connect to.
    public let host: String
    /// The port to connect to.
    public let port: UInt16
    /// TCP or TLS.
    public let transport: ConnectionOptions.Transport
    /// The path and query of the upgrade.
    public let path: String
    /// What the upgrade offers.
    public let webSocketOptions: ConnectionOptions.WebSocketOptions
    /// The transport's options, as given.
    public let options: ConnectionOptions

    // MARK: The transport

    /// How far the connection has come. Initially `initialized`.
    public internal(set) var status = ConnectionStatus.initialized
    /// The present transport, if there is one.
    public internal(set) var transportID: TransportID?
    /// The watch on it.
    public internal(set) var transportMonitor: TransportMonitor?
    /// Who is told of events, if anybody is.
    public internal(set) var listener: EventListener?
    /// The last error, as it was recorded.
    public internal(set) var lastError: (any Error)?
    /// The streams that are being upgraded, open or closing.
    public internal(set) var activeStreams: [StreamRef: StreamInfo] = [:]

    // MARK: What belongs to others

    /// The connections that users hold, by name: references, no copies.
    public internal(set) var clientConnections: [ConnectionID: ClientConnection] = [:]
    /// The handlers. What is in them is theirs.
    public internal(set) var handlers = HandlerSet()

    /// Makes the state of a connection that has not begun.
    ///
    /// - Parameters:
    ///   - host: the host to connect to, which counts before that of the options.
    ///   - port: the port to connect to, which counts before that of the options.
    ///   - options: the transport's options.
    public init(host: String, port: UInt16, options: ConnectionOptions = ConnectionOptions()) {
        self.host = host
        self.port = port
        self.transport = options.transport
        self.path = options.path
        self.webSocketOptions = options.webSocketOptions
        self.options = options
        self.listener = options.listener
    }

    /// See ``init(host:port:options:)``.
    public static func new(host: String, port: UInt16, options: ConnectionOptions = ConnectionOptions()) -> Self {
        Self(host: host, port: port, options: options)
    }

    // MARK: Fields

    /// Sets the status, whatever it was.
    public mutating func updateStatus(_ status: ConnectionStatus) { self.status = status }

    /// Notes the transport. It does not begin or end a watch.
    public mutating func updateTransportID(_ id: TransportID?) { self.transportID = id }

    /// Notes the watch on the transport. It does not cancel the one before.
    public mutating func updateTransportMonitor(_ monitor: TransportMonitor?) { self.transportMonitor = monitor }

    /// Notes who is told of events.
    public mutating func updateListener(_ listener: EventListener?) { self.listener = listener }

    /// Notes an error, unchanged, in place of the one before.
    public mutating func recordError(_ error: any Error) { self.lastError = error }

    /// Clears what ends with the transport: streams, transport and watch, which is not cancelled; the status becomes
    /// `closed`. Listener, handlers, options, connections and the last error stay.
    public mutating func prepareForTermination() {
        self.clearAllStreams()
        self.transportID = nil
        self.transportMonitor = nil
        self.status = .closed
    }
}
