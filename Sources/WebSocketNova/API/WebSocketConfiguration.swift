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

    /// Cookies to send with the upgrade request. Default: none.
    ///
    /// All go into one `Cookie` field, behind what ``headers`` have of that name, as RFC 6265 section 5.4 allows no second
    /// one. A name that is no token, or a value that would end its cookie, is refused with `invalid_header`.
    public var cookies: [WebSocketCookie] = []

    /// Names of header fields to look for in the server's response, beside those that libwebsockets knows and a few more
    /// that are common, such as `X-Request-Id`. Default: none.
    ///
    /// libwebsockets 4.1.6 has no list of the fields that it does not know; it finds one that it is asked for by name. Of a
    /// name that comes several times it finds the first.
    public var responseHeaderNames: [String] = []

    /// Whether redirections are followed. Default: no; see ``RedirectPolicy``.
    public var redirects = RedirectPolicy.none

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

    /// How a peer that is gone is found. Default: pings after 20 s of silence. See ``Keepalive-swift.struct``.
    public var keepalive = Keepalive()

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
        ///
        /// It defends against headers without end. A larger head ends the opening with `invalid_upgrade_response`. Fields
        /// that libwebsockets does not know (see ``WebSocketConfiguration/responseHeaderNames``) do not count, but with them
        /// the head has no more than its buffer of 64 KiB.
        public var responseHeadSize = 32 << 10

        /// How many bytes of the body of a refused upgrade are kept for the error. Default: 4 KiB.
        ///
        /// The body is waited for until its end, this limit or the open deadline. Zero keeps none and waits for none. A
        /// content coding such as gzip is left as it is.
        public var refusalBodySize = 4 << 10

        /// How many calls of ``WebSocket/ping(_:)`` may wait for their pongs. Default: 16. One more is refused with
        /// `too_many_pings`: a peer that answers none must not make the list of them grow.
        public var pendingPings = 16

        /// The defaults.
        public init() {}
    }
}

extension WebSocketConfiguration {
    /// Refuses values that are out of range, by name.
    func validate() throws(WebSocketError) {
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
        try Self.check("limits.pendingPings", limits.pendingPings, in: 1...1 << 16)
        try self.redirects.validate()
        try Self.check(responseHeaderNames: self.responseHeaderNames)
        try self.tls.validate()
        try self.deadlines.validate()
        try self.keepalive.validate()
    }

    private static func check(responseHeaderNames names: [String]) throws(WebSocketError) {
        // Each is looked for in a list, for each response.
        try Self.check("responseHeaderNames.count", names.count, in: 0...100)
        for name in names { try UpgradeRequest.check(name: name) }
    }

    private static func check(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws(WebSocketError) {
        guard range.contains(value) else {
            throw WebSocketError(
                .invalidConfiguration,
                "\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)"
            )
        }
    }

    static func check(_ name: String, _ value: Duration, atLeast least: Duration? = nil) throws(WebSocketError) {
        // The upper bound keeps sums of times away from overflow.
        guard value > .zero, value >= least ?? .zero, value <= .seconds(365 * 86_400) else {
            throw WebSocketError(
                .invalidConfiguration,
                "\(name) is \(value); it must be \(least.map { "at least \($0)" } ?? "more than zero") and at most a year"
            )
        }
    }
}
