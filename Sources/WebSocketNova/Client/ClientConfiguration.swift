internal import WebSocketCore

/// How a ``WebSocketClient`` connects, and what it does on its own.
///
/// Four hands may set a value: the library's default, the adapter's ``Adapter/configure(_:)``, the defaults of a client
/// that is made for one service, and the user. They do so one after the other, on the same value, so that the last one
/// who sets something has it, and nobody overrides what he does not mention.
public struct ClientConfiguration: Sendable {
    /// What a `send` does while there is no open connection, in which it waits for one to be restored.
    public enum DisconnectedSendPolicy: Sendable, Hashable {
        /// It waits until the connection is back, and fails with `not_connected` after this time, or when the connection is
        /// given up.
        case wait(upTo: Duration)
        /// It fails at once with `not_connected`.
        case failFast
        /// It sends nothing, and says nothing.
        case drop
    }

    /// Where to connect to: see ``WebSocket/connect(to:configuration:)``. An adapter sets it, or the user.
    public var url: String
    /// How each connection is opened and kept.
    public var webSocket = WebSocketConfiguration()
    /// The handlers. Default: ``HandlerSet/standard``.
    public var handlers = HandlerSet.standard
    /// Who is told of each event from the start, on the connection's executor. Default: nobody.
    public var listeners: [EventListener] = []

    /// What a `send` does while the connection is being restored. Default: it waits up to 30 s.
    public var disconnectedSends = DisconnectedSendPolicy.wait(upTo: .seconds(30))
    /// How long the answer to a request, to an authentication or to a subscription may take. Default: 30 s.
    public var requestTimeout = Duration.seconds(30)
    /// Whether ``WebSocketClient/connect()`` authenticates before it returns. Default: false.
    ///
    /// A client that has authenticated does so again before the authentication ends, and after each reconnection.
    public var authenticatesOnConnect = false
    /// When a connection that was lost, or could not be opened, is tried again, as the error handler decides. Default: once
    /// it has been open.
    public var reconnection = Reconnection.onceConnected

    /// See ``ClientConfiguration/reconnection-swift.property``.
    public enum Reconnection: Sendable, Hashable, CaseIterable {
        /// Never: the first loss is the end.
        case never
        /// When it has been open. The first connection is tried once, so that a wrong address is known at once.
        case onceConnected
        /// Always, the first time too: for a service that may start before its peer does.
        case always
    }

    /// How many requests may wait for their answers; one more fails with `too_many_requests`. Default: 10,000.
    public var pendingRequests = 10_000
    /// How many messages, and how many bytes of them, may wait for one listener or subscriber who does not read; see
    /// ``WebSocketClient/events``. Default: 4,096 messages of 4 MiB.
    ///
    /// When it is passed, the connection stops reading. A reader takes all there is at once, so that as much again may be in
    /// memory while it is at it. Of events that come without being read, those of attempts to connect for example, at most
    /// four times the number wait; then the oldest make room.
    public var listenerBuffer = ListenerBuffer()

    /// Where ``WebSocketClient/exportHistory(to:)`` may write. Default: `exports/` in the working directory.
    public var exportDirectory = ExportDirectory()

    /// How much may wait for one listener.
    public struct ListenerBuffer: Sendable, Hashable {
        /// Default: 4,096.
        public var count = 4096
        /// Default: 4 MiB.
        public var bytes = 4 << 20

        /// The defaults.
        public init() {}
    }

    /// Makes a configuration.
    public init(url: String = "") {
        self.url = url
    }
}

extension HandlerSet {
    /// The library's default handlers. There is none for rate limits: nothing is held back unless one is installed.
    public static var standard: HandlerSet {
        var handlers = HandlerSet()
        handlers.connection = DefaultConnectionHandler(maximumReconnectAttempts: nil)
        handlers.message = DefaultMessageHandler()
        handlers.error = DefaultErrorHandler()
        handlers.logging = DefaultLoggingHandler()
        handlers.subscription = DefaultSubscriptionHandler()
        handlers.auth = DefaultAuthHandler()
        handlers.metrics = DefaultMetricsHandler()
        return handlers
    }
}
