internal import LWSTransport
internal import Synchronization
public import WebSocketCore

/// A client that keeps its connection: it reconnects, authenticates again and restores subscriptions, limits its rate, and
/// matches answers to requests.
///
/// ```swift
/// let client = try await WebSocketClient.connect(using: ExchangeAdapter())
/// try await client.authenticate()
/// let trades = try await client.subscribe(to: "trades.BTC-PERPETUAL")
/// let reply = try await client.request(.json(order), correlatedBy: \.id, timeout: .seconds(5))
/// try await client.close()
/// ```
///
/// The handle is the same through all reconnections. Any number of tasks may use it.
///
/// ## Life
/// A client is connected once, and is over when it has been closed, or when its connection is lost and the error handler
/// gives it up: ``waitUntilEnded()`` and the last of ``events`` say why. One that is dropped without having been closed closes
/// itself with 1001; sequences of its events, messages and subscriptions keep it.
///
/// ## Delivery
/// A `send` that returns has put the message into the connection's queue. If the connection breaks before it was written, or
/// before the peer has read it, it is lost: it is not sent a second time, because nobody can know whether it arrived. Who has
/// to know sends a ``request(_:correlatedBy:timeout:)``; of one that fails with `connection_closed` it is not known either
/// whether the peer has acted on it.
///
/// ## Threads
/// Handlers and listeners' closures are called on the connection's event loop, one at a time, and must not block.
public final class WebSocketClient: Sendable {
    let engine: ClientEngine
    static let registry = ClientRegistry<WebSocketClient>()
    private let life = LiveObject(.client)

    /// Makes a client that is not connected yet: for those who want to hear of everything from the start.
    ///
    /// - Throws: ``WebSocketError``: `invalid_*` for what is wrong with the configuration, by name; `resource_exhausted` if
    ///   there is no event loop yet and none can be had.
    public init(_ configuration: ClientConfiguration) throws {
        self.engine = try ClientEngine(configuration)
        Self.registry.register(self, as: self.engine.id)
    }

    deinit {
        self.engine.signal(.release)
    }

    // MARK: Connecting

    /// Connects.
    ///
    /// Returns when the connection is open, and authenticated if the configuration says so. A first connection that fails
    /// ends the client, unless ``ClientConfiguration/reconnection-swift.property`` is `always`; then this waits until one
    /// succeeds or the error handler gives up. When the task is cancelled, the client ends.
    ///
    /// - Throws: what ``WebSocket/connect(to:configuration:)`` throws; `authentication_failed`; `stopped_by_handler`;
    ///   `invalid_transition` when called a second time; `CancellationError`.
    public func connect() async throws {
        try await self.engine.connect()
    }

    /// Connects to a URL.
    ///
    /// - Parameters:
    ///   - url: see ``WebSocket/connect(to:configuration:)``.
    ///   - configure: changes the configuration from the library's defaults.
    /// - Throws: see ``connect()``, ``init(_:)``; what `configure` throws.
    public static func connect(
        to url: String,
        configuration configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) async throws -> WebSocketClient {
        var configuration = ClientConfiguration(url: url)
        try configure(&configuration)
        let client = try WebSocketClient(configuration)
        try await client.connect()
        return client
    }

    /// Connects to a service by its adapter.
    ///
    /// - Parameters:
    ///   - adapter: knows the service: its URL, and the handlers that speak its language.
    ///   - defaults: changes the configuration from what the adapter wants: of a client that is made for one service.
    ///   - configure: changes the configuration from all that: the user's wishes.
    /// - Throws: see ``connect()``, ``init(_:)``; what the adapter and the closures throw.
    public static func connect<Service: Adapter>(
        using adapter: Service,
        defaults: (inout ClientConfiguration) throws -> Void = { _ in },
        configuration configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) async throws -> WebSocketClient {
        let client = try WebSocketClient(
            try ClientConfiguration.resolve(adapter: adapter, defaults: defaults, user: configure)
        )
        try await client.connect()
        return client
    }

    // MARK: Looking

    /// The connection's name, the same through all reconnections.
    public var id: ConnectionID { self.engine.id }

    /// How far the connection has come.
    public var status: ConnectionStatus { self.engine.shared.state.withLock { $0.status } }

    /// The present stream, open or not; each reconnection makes another one.
    public var stream: StreamRef { self.engine.shared.state.withLock { $0.stream } }

    /// The connection to the peer, while there is one: for what it knows of itself, such as its subprotocol, header fields and
    /// latency. Use it for nothing else: it ends with the next loss of the connection.
    public var socket: WebSocket? { self.engine.shared.state.withLock { $0.route } }

    /// What is known of the transport, its streams and handlers, as of now.
    public var state: ConnectionState {
        get async { await self.engine.machine.state }
    }

    /// The connection handler's own words for how it is.
    ///
    /// - Throws: what the handler throws.
    public func handlerStatus() async throws -> JSONValue { try await self.engine.handlerStatus() }

    /// The transitions of ``status`` so far, with their times and causes.
    public var history: ConnectionHistory {
        get async { await self.engine.history }
    }

    /// What the history adds up to: uptime, connects, reconnections and how long they took.
    public var statistics: ConnectionStatistics {
        get async { await self.engine.statistics }
    }

    /// Writes history and statistics as JSON to a file in ``ClientConfiguration/exportDirectory``.
    ///
    /// - Parameter path: a path below that directory that ends in `.json`, `exports/feed.json` for example; a relative one begins
    ///   at the working directory.
    /// - Throws: `unsafe_path`, which names it; see ``ExportDirectory/write(_:to:)``.
    public func exportHistory(to path: String) async throws {
        try await self.engine.configuration.exportDirectory.write(await self.engine.trace, to: path)
    }

    /// A live client by the name of its connection. Nil once it has ended, or nobody holds it any more.
    public static func find(_ id: ConnectionID) -> WebSocketClient? { Self.registry.find(id) }

    // MARK: Listening

    /// All events, from this moment on, frames included: each access makes another sequence, which gets every event once.
    ///
    /// While ``ClientConfiguration/listenerBuffer`` of a sequence is full, the connection stops reading, so that nothing is
    /// lost. Drop the sequence when it is not read any more. It ends behind ``ClientEvent/Kind/ended(_:)``.
    public var events: ClientEvents { self.events(withFrames: true) }

    /// Events from this moment on.
    ///
    /// - Parameter withFrames: whether each frame that comes is among them. Without, they are few, and cost messages nothing.
    public func events(withFrames: Bool) -> ClientEvents {
        let engine = self.engine
        let queue = ListenerQueue<ClientEvent>(limit: engine.configuration.listenerBuffer) { [weak engine] in
            engine?.signal(.listenerHasRoom)
        }
        let listener = EventQueue(queue: queue, wantsFrames: withFrames)
        engine.eventQueues.add(listener)
        return ClientEvents(ClientEvents.Registration(listener, client: self))
    }

    /// Has a listener told of each event, on the connection's event loop.
    public func addListener(_ listener: EventListener) async { await self.engine.addListener(listener) }

    /// A listener is not told of anything any more once this returns.
    public func removeListener(_ listener: EventListener) async { await self.engine.removeListener(listener) }

    /// Replaces what is done with frames of a kind, which otherwise go to the connection handler; nil to undo that.
    public func setFrameHandler(for kind: WebSocketFrame.Kind, _ handler: FrameHandlers.Handler?) async {
        await self.engine.setFrameHandler(for: kind, handler)
    }

    // MARK: Control

    /// Sends a ping and waits for its pong. See ``WebSocket/ping(_:)``.
    ///
    /// - Returns: the round trip.
    /// - Throws: `not_connected`; see ``WebSocket/ping(_:)``.
    @discardableResult
    public func ping(_ payload: [UInt8]? = nil) async throws -> Duration {
        guard let socket else { throw WebSocketError(.notConnected, "\(self.id) is \(self.status.rawValue)") }
        return try await socket.ping(payload)
    }

    /// Opens a further stream to the same peer: a connection of its own with the same configuration, whose frames come as
    /// ``events`` and to the handlers under its name.
    ///
    /// It ends by itself, with ``ClientEvent/Kind/streamEnded(_:_:)``, or with the client, and is not opened again.
    ///
    /// - Parameters:
    ///   - path: the path and query of the request, which begins with a slash.
    ///   - headers: further header fields.
    /// - Throws: `not_connected`; `invalid_url`; see ``WebSocket/connect(to:configuration:)``; `CancellationError`.
    public func upgrade(path: String, headers: HTTPFields = HTTPFields()) async throws -> StreamRef {
        try await self.engine.upgrade(path: path, headers: headers)
    }

    /// Closes for good: nothing is reconnected after it.
    ///
    /// What was accepted is sent before the Close frame, and requests that wait for answers get them if they come before the
    /// peer's Close frame does. Cancelling the task cuts the wait short, not the closing.
    ///
    /// - Returns: how it ended; if it had before, that.
    /// - Throws: `invalid_close_code`, `invalid_close_reason`, before anything is sent; `CancellationError`.
    @discardableResult
    public func close(
        code: WebSocketCloseCode = .normalClosure,
        reason: String = ""
    ) async throws -> DisconnectReason {
        try await self.engine.close(try CloseFrame(code: code, reason: reason))
    }

    /// Waits until the client has ended, whoever ends it and however.
    ///
    /// - Throws: `CancellationError`; the client goes on then.
    public func waitUntilEnded() async throws -> DisconnectReason { try await self.engine.waitUntilEnded() }
}
