public import WebSocketCore

/// The transport's share of what a connection is configured with: the thirteen options that ``ConnectionState`` keeps.
///
/// There is no place in it for tokens, credentials, subscriptions or counters: those belong to ``ClientConnection``. Of the
/// headers, those that carry credentials are left out (see ``setHeaders(_:)``); the upgrade request has them.
public struct ConnectionOptions: Sendable, Hashable {
    /// The names of the options, as in a configuration file.
    public enum Key: String, Sendable, Hashable, CaseIterable {
        case host, port, transport, path
        case webSocketOptions = "ws_opts"
        case protocols
        case transportOptions = "transport_opts"
        case retry
        case backoff = "backoff_type"
        case baseBackoff = "base_backoff"
        case listener = "callback"
        case headers
        case rateLimiter = "rate_limiter"
    }

    /// What carries the bytes.
    public enum Transport: String, Sendable, Hashable, CaseIterable {
        /// TCP in the clear, `ws`.
        case tcp
        /// TLS, `wss`.
        case tls
    }

    /// How delays grow from one attempt to the next.
    public enum Backoff: String, Sendable, Hashable, CaseIterable {
        case linear, exponential, jittered
        /// See ``WebSocketNova/Backoff/Growth/fullJitter``.
        case fullJitter = "full_jitter"
    }

    /// What the upgrade offers.
    public struct WebSocketOptions: Sendable, Hashable {
        /// Default: none.
        public var subprotocols: [String]
        /// Whether permessage-deflate is offered. Default: no.
        public var compresses: Bool

        /// Makes the options.
        public init(subprotocols: [String] = [], compresses: Bool = false) {
            self.subprotocols = subprotocols
            self.compresses = compresses
        }
    }

    /// How the transport is opened.
    public struct TransportOptions: Sendable, Hashable {
        /// How long look-up, TCP, TLS and upgrade may take together. Default: 10 s.
        public var timeout: Duration
        /// Whether the server's certificate is verified. Default: yes.
        public var verifiesPeer: Bool

        /// Makes the options.
        public init(timeout: Duration = .seconds(10), verifiesPeer: Bool = true) {
            self.timeout = timeout
            self.verifiesPeer = verifiesPeer
        }
    }

    /// How often a lost connection is tried again.
    public enum Retry: Sendable, Hashable {
        /// At most so many times in a row.
        case limit(Int)
        /// For ever.
        case unlimited
    }

    /// The host to connect to, where it is not given apart.
    public var host: String?
    /// The port to connect to, where it is not given apart.
    public var port: UInt16?
    /// Default: TLS.
    public var transport = Transport.tls
    /// The path and query of the upgrade request. Default: `/ws`.
    public var path = "/ws"
    /// What the upgrade offers.
    public var webSocketOptions = WebSocketOptions()
    /// The application protocols for ALPN. Default: `http/1.1`, which is the only one that this transport speaks.
    public var protocols = ["http/1.1"]
    /// How the transport is opened.
    public var transportOptions = TransportOptions()
    /// Default: at most five times.
    public var retry = Retry.limit(5)
    /// Default: exponential.
    public var backoff = Backoff.exponential
    /// The delay before the first attempt, from which the others grow. Default: 1 s.
    public var baseBackoff = Duration.seconds(1)
    /// Who is told of events. Default: nobody.
    public var listener: EventListener?
    /// The header fields of the upgrade request but those that carry credentials. Default: none.
    public private(set) var headers = HTTPFields()
    /// The name of the rate limiter. Default: nil.
    public var rateLimiter: String?

    /// The defaults.
    public init() {}

    /// The fields that carry credentials (RFC 9110 sections 11.6.2 and 11.7.2, RFC 6265).
    static let credentialFields: Set<String> = ["authorization", "proxy-authorization", "cookie"]

    /// Keeps the header fields, without those that carry credentials.
    public mutating func setHeaders(_ headers: HTTPFields) {
        var kept = HTTPFields()
        for field in headers where !Self.credentialFields.contains(field.name.lowercased()) {
            kept.append(name: field.name, value: field.value)
        }
        self.headers = kept
    }
}
