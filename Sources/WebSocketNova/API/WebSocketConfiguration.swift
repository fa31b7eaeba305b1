public import LWSTransport
public import Logging
public import WebSocketCore

/// How a connection is opened and kept. Every default is safe for a service on the open internet.
public struct WebSocketConfiguration: Sendable {
    /// Header fields to send with the upgrade request, in order. Default: none.
    ///
    /// Names must be tokens and values free of control characters (RFC 9110 section 5); the fields that make up the upgrade
    /// itself cannot be set. A field that breaks this is refused with `invalid_header` before anything is sent.
    public var headers = HTTPFields()

    /// Subprotocols to offer, the preferred first (RFC 6455 section 1.9). Default: none.
    ///
    /// A server that chooses one that was not offered is refused; see ``WebSocket/subprotocol`` for its choice.
    public var subprotocols: [String] = []

    /// How to offer permessage-deflate (RFC 7692), or nil to offer no compression. Default: nil.
    ///
    /// Off by default, because it costs 300 KB for each connection, and because compressing secrets together with what
    /// others choose can reveal them (see ``CompressionConfiguration``).
    public var compression: CompressionConfiguration?

    /// How `wss` connections are secured; has no effect on `ws`. Default: verified against the system's roots.
    public var tls = TLSConfiguration()

    /// How much is taken in and kept. See ``Limits-swift.struct``.
    public var limits = Limits()

    /// How long things may take. See ``Deadlines-swift.struct``.
    public var deadlines = Deadlines()

    /// The event loops to run on. Default: nil, the loop that all such connections of the process share.
    public var eventLoopGroup: EventLoopGroup?

    /// Where the connection logs to. Default: a logger labelled `websocketnova`. Neither payloads nor header values are
    /// ever logged.
    public var logger = Logger(label: "websocketnova")

    /// The defaults.
    public init() {}

    /// Bounds on time.
    public struct Deadlines: Sendable, Hashable {
        /// From the call to the open connection: look-up, TCP, TLS and upgrade together. Default: 10 s.
        ///
        /// When it passes, the call throws `timed_out` and names the phase that was under way.
        public var open = Duration.seconds(10)

        /// From the Close frame that this side sends to the end of the connection. Default: 10 s. When it passes, the
        /// connection is aborted, which ``WebSocketCloseInfo/wasClean`` tells.
        public var close = Duration.seconds(10)

        /// The defaults.
        public init() {}
    }
}

extension WebSocketConfiguration {
    /// Refuses values that are out of range, by name.
    func validate() throws(WebSocketError) {
        try self.limits.validate()
        try Self.check("deadlines.open", self.deadlines.open)
        try Self.check("deadlines.close", self.deadlines.close)
    }

    private static func check(_ name: String, _ value: Duration) throws(WebSocketError) {
        // The upper bound keeps sums of times away from overflow.
        guard value > .zero, value <= .seconds(365 * 86_400) else {
            throw WebSocketError(
                .invalidConfiguration,
                "\(name) is \(value); it must be more than zero and at most a year"
            )
        }
    }
}
