internal import DequeModule
internal import LWSTransport
internal import Logging
internal import Synchronization
public import WebSocketCore

/// An open WebSocket connection.
///
/// Prefer ``withWebSocket(to:configuration:_:)``, which closes the connection at the end of its scope. A connection opened
/// with ``connect(to:configuration:)`` is yours to ``close(code:reason:)``; one that is dropped without being closed closes
/// itself with 1001.
///
/// ```swift
/// let socket = try await WebSocket.connect(to: "wss://example.com/feed")
/// try await socket.send("hello")
/// for try await message in socket.messages { print(message) }
/// try await socket.close()
/// ```
///
/// Any number of tasks may send at the same time; one at a time may read. Pings are answered, and Close frames are, whether
/// or not anybody reads, until the messages that nobody reads have stopped the connection from reading.
public final class WebSocket: Sendable {
    let connection: Connection
    let outbound: OutboundQueue
    let inbound: InboundQueue?
    private let outboundMessageSize: Int
    private let life = LiveObject(.webSocket)

    /// Where the connection is open to: the URL that was given, or the last of those that redirections led to (see
    /// ``WebSocketConfiguration/redirects``). It has no user and password, but the query, which may be secret too.
    public let url: String
    /// The subprotocol that the server chose out of those offered, or nil if it chose none.
    public let subprotocol: String?
    /// The permessage-deflate parameters in force, or nil if messages are not compressed.
    public let compression: NegotiatedDeflate?
    /// The header fields of the server's response to the upgrade, repeated ones each by itself:
    /// `responseHeaders[values: "Set-Cookie"]`. Those of a name that libwebsockets does not know are there if they are named
    /// in ``WebSocketConfiguration/responseHeaderNames``.
    public let responseHeaders: HTTPFields

    init(_ outcome: Opening.Outcome) {
        self.connection = outcome.connection
        self.outbound = outcome.opened.outbound
        self.inbound = outcome.inbound
        self.outboundMessageSize = outcome.connection.settings.outboundMessageSize
        self.url = outcome.url.text
        self.subprotocol = outcome.opened.upgrade.subprotocol
        self.compression = outcome.opened.upgrade.deflate
        self.responseHeaders = outcome.opened.upgrade.headers
    }

    deinit {
        self.connection.signal(.release)
    }

    // MARK: Opening

    /// Opens a connection.
    ///
    /// Cancelling the task ends the attempt at once, in whatever phase, and throws `CancellationError`.
    ///
    /// - Parameters:
    ///   - url: an absolute `ws` or `wss` URL without a fragment (RFC 6455 section 3). A user and password in it are sent as
    ///     Basic authentication (RFC 7617), unless the configuration has an `Authorization` header. International names
    ///     are written in punycode, the zone of a link-local address as `[fe80::1%25eth0]` (RFC 6874).
    ///
    ///     A Unix socket is reached with `ws+unix:/path/to.sock:/target?query`, or `wss+unix:` with TLS for the name
    ///     `localhost`; an abstract one is written `@name`. Its path has at most 107 bytes; `:`, `?`, `#` and `%` in it are
    ///     percent-encoded.
    ///   - configuration: how to open and keep the connection.
    /// - Throws: ``WebSocketError``: `invalid_*` for bad input, before anything is sent; `resolve_failed`,
    ///   `connect_failed`, `tls_failed`, `timed_out`; `upgrade_refused` with the server's answer; `redirect_failed`;
    ///   `invalid_upgrade_response`.
    public static func connect(
        to url: String,
        configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) async throws -> WebSocket {
        try await Self.open(url, configuration, onMessage: nil)
    }

    /// Opens a connection whose messages are given to a handler on its event loop, without a copy and without a switch of
    /// threads.
    ///
    /// The payload is lent for the time of the call. The handler must not block: it holds up every connection of the loop.
    /// ``messages`` of such a connection ends at once.
    ///
    /// - Parameters:
    ///   - url: see ``connect(to:configuration:)``.
    ///   - configuration: how to open and keep the connection.
    ///   - onMessage: called on the event loop for each message, in order.
    /// - Throws: see ``connect(to:configuration:)``.
    public static func connect(
        to url: String,
        configuration: WebSocketConfiguration = WebSocketConfiguration(),
        onMessage: @escaping MessageHandler
    ) async throws -> WebSocket {
        try await Self.open(url, configuration, onMessage: onMessage)
    }

    private static func open(
        _ url: String,
        _ configuration: WebSocketConfiguration,
        onMessage: MessageHandler?
    ) async throws -> WebSocket {
        try configuration.validate()
        let url = try WebSocketURL(url)
        let transport = try configuration.nextTransport()
        let opening = Opening(configuration: configuration, transport: transport, onMessage: onMessage)
        return WebSocket(try await opening.run(url))
    }

    // MARK: State

    /// How the connection ended, or nil while it has not.
    public var closeInfo: WebSocketCloseInfo? { self.connection.closeInfo.withLock { $0 } }

    /// The event loop that the connection runs on. A task that reads or sends much saves a switch of threads for each batch
    /// by running there: `Task(executorPreference: socket.eventLoop) { … }`. It must not block.
    public var eventLoop: any TaskExecutor { self.connection.loop.taskExecutor }

    // MARK: Control

    /// Closes the connection: sends everything that was accepted, then the Close frame, and waits for the peer's and for
    /// the end of the TCP connection.
    ///
    /// Further `send`s fail with `connection_closed`; messages that still come can be read. When the peer does not answer
    /// within the close deadline, the connection is aborted. Closing again waits for the same end.
    ///
    /// Cancelling the task cuts the wait short, not the closing: a task that is cancelled, also one that was before the call,
    /// still has the connection closed behind it, within the close deadline. To end it at once there is ``abort()``.
    ///
    /// - Parameters:
    ///   - code: 1000-1003, 1007-1014 or 3000-4999 (RFC 6455 section 7.4).
    ///   - reason: at most 123 bytes of UTF-8.
    /// - Returns: how the connection ended.
    /// - Throws: `invalid_close_code`, `invalid_close_reason`, before anything is sent; `CancellationError`.
    @discardableResult
    public func close(
        code: WebSocketCloseCode = .normalClosure,
        reason: String = ""
    ) async throws -> WebSocketCloseInfo {
        await self.connection.beginClosing(try CloseFrame(code: code, reason: reason))
        return try await self.connection.end()
    }

    /// Waits until the connection has ended, whoever ends it and however.
    ///
    /// - Returns: how it ended; at once if it has already.
    /// - Throws: `CancellationError`; the connection goes on then.
    public func waitUntilClosed() async throws -> WebSocketCloseInfo {
        try await self.connection.end()
    }

    /// Ends the connection now: no Close frame, nothing that waits is sent, and the peer's TCP gets a reset. It does not
    /// wait; ``closeInfo`` is set soon after.
    public func abort() {
        self.connection.signal(.abort)
    }

    func wakeLoop() {
        if !self.outbound.writeAnswer(unless: self.connection.loop.isCurrent) { self.connection.signal(.flush) }
    }

    func checkSize(_ count: Int) throws(WebSocketError) {
        guard count <= self.outboundMessageSize else {
            throw WebSocketError(
                .messageTooLarge,
                "a message of \(count) bytes is over the limit of \(self.outboundMessageSize) (limits.outboundMessageSize)"
            )
        }
    }
}
