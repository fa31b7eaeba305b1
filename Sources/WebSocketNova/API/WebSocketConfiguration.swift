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

    /// Whether to go through an HTTP proxy. Default: no, whatever the environment says. See ``ProxyConfiguration``.
    public var proxy = ProxyConfiguration.none

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

    /// Bounds on memory. They hold whatever a peer sends and however slowly a user reads.
    public struct Limits: Sendable, Hashable {
        /// The most bytes that a message from the peer may have, inflated where it was compressed. Default: 1 MiB.
        ///
        /// It is checked on the header of each frame, before memory is taken for it, and while a message is inflated. A
        /// larger message ends the connection with close code 1009.
        public var messageSize = 1 << 20

        /// The most frames that a message may consist of. Default: 65,536.
        ///
        /// It defends against a peer that sends fragments without end, of which each costs time. More end the connection
        /// with close code 1008.
        public var fragmentsPerMessage = 65_536

        /// The most bytes that a message to the peer may have. Default: 64 MiB. A larger one is refused with
        /// `message_too_large` before any of it is sent.
        public var outboundMessageSize = 64 << 20

        /// From how many bytes of unread messages on the connection stops reading, so that the peer is held back by TCP.
        /// Default: 1 MiB. It reads again when the consumer has taken them.
        public var inboundHighWaterMark = 1 << 20

        /// From how many unread messages on the connection stops reading. Default: 16,384.
        public var inboundMessageCount = 16_384

        /// From how many unsent bytes on `send` suspends, until there are fewer. Default: 1 MiB.
        public var outboundHighWaterMark = 1 << 20

        /// The most bytes of names and values in the head of the server's response. Default: 32 KiB.
        public var responseHeadSize = 32 << 10

        /// How many bytes of the body of a refused upgrade are kept for the error. Default: 4 KiB.
        public var refusalBodySize = 4 << 10

        /// The defaults.
        public init() {}
    }

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
        try self.proxy.validate()
        let limits = self.limits
        try Self.check("limits.messageSize", limits.messageSize, in: 0...Int(Int32.max))
        try Self.check("limits.fragmentsPerMessage", limits.fragmentsPerMessage, in: 1...Int.max)
        try Self.check("limits.outboundMessageSize", limits.outboundMessageSize, in: 0...Int(Int32.max))
        try Self.check("limits.inboundHighWaterMark", limits.inboundHighWaterMark, in: 1...Int.max)
        try Self.check("limits.inboundMessageCount", limits.inboundMessageCount, in: 1...Int.max)
        try Self.check("limits.outboundHighWaterMark", limits.outboundHighWaterMark, in: 1...Int.max)
        // libwebsockets keeps the head in one buffer of 64 KiB.
        try Self.check("limits.responseHeadSize", limits.responseHeadSize, in: 256...48 << 10)
        try Self.check("limits.refusalBodySize", limits.refusalBodySize, in: 0...1 << 24)
        try Self.check("deadlines.open", self.deadlines.open)
        try Self.check("deadlines.close", self.deadlines.close)
    }

    private static func check(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws(WebSocketError) {
        guard range.contains(value) else {
            throw WebSocketError(
                .invalidConfiguration,
                "\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)"
            )
        }
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
