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

    /// How the TCP connection is made: addresses, local interface, socket options. Default: all addresses, raced.
    public var network = NetworkConfiguration()

    /// Whether to go through an HTTP proxy. Default: no, whatever the environment says. See ``ProxyConfiguration``.
    public var proxy = ProxyConfiguration.none

    /// How much is taken in and kept. See ``Limits-swift.struct``.
    public var limits = Limits()

    /// How long things may take. See ``Deadlines-swift.struct``.
    public var deadlines = Deadlines()

    /// How a peer that is gone is found. Default: pings after 20 s of silence. See ``Keepalive-swift.struct``.
    public var keepalive = Keepalive()

    /// The event loops to run on. Default: nil, the loop that all such connections of the process share.
    public var eventLoopGroup: EventLoopGroup?

    /// What carries the bytes, instead of sockets: for tests.
    package var transport: (any Transport)?

    /// Where the connection logs to. Default: a logger labelled `websocketnova`. Neither payloads nor header values are
    /// ever logged.
    public var logger = Logger(label: "websocketnova")

    /// The defaults.
    public init() {}
}

extension WebSocketConfiguration {
    /// The transport for the next connection.
    func nextTransport() throws(WebSocketError) -> any Transport {
        if let transport { return transport }
        if let eventLoopGroup { return LWSTransport(eventLoopGroup.nextLoop()) }
        return LWSTransport(try EventLoopGroup.shared().nextLoop())
    }

    /// Refuses values that are out of range, by name.
    func validate() throws(WebSocketError) {
        try self.limits.validate()
        try self.network.validate()
        try self.proxy.validate()
        try self.redirects.validate()
        try Self.check(responseHeaderNames: self.responseHeaderNames)
        try self.tls.validate()
        try self.deadlines.validate()
        try self.keepalive.validate()
    }

    private static func check(responseHeaderNames names: [String]) throws(WebSocketError) {
        guard names.count <= 100 else {
            // Each is looked for in a list, for each response.
            throw WebSocketError(
                .invalidConfiguration,
                "responseHeaderNames has \(names.count) names; it may have at most 100"
            )
        }
        for name in names { try UpgradeRequest.check(name: name) }
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
