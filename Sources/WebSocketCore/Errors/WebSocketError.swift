/// The one error that this library throws (beside `CancellationError`, when the calling task was cancelled).
///
/// ``code`` says what kind of thing went wrong, ``message`` what exactly, with the offending value named. Where the peer's
/// answer to the upgrade was the cause, ``handshake`` holds it; where the connection had ended, ``close`` says how.
public struct WebSocketError: Error, Sendable {
    /// What kind of error this is. The set is open: switch with a default.
    public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// A short name out of a bounded set, fit to be a metric's label.
        public var rawValue: String

        /// Wraps a name; prefer the static members.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        public var description: String { self.rawValue }

        // Bad input, refused before anything is sent.

        /// The URL is not an absolute ws or wss URL with a host, or has a fragment.
        public static let invalidURL = Code(rawValue: "invalid_url")
        /// A header's name or value has an illegal character, or is one that the library sets itself.
        public static let invalidHeader = Code(rawValue: "invalid_header")
        /// A subprotocol is not an HTTP token, or is offered twice.
        public static let invalidSubprotocol = Code(rawValue: "invalid_subprotocol")
        /// An option of the configuration is out of its range.
        public static let invalidConfiguration = Code(rawValue: "invalid_configuration")
        /// A close code that must not be sent.
        public static let invalidCloseCode = Code(rawValue: "invalid_close_code")
        /// A close reason of more than 123 bytes of UTF-8.
        public static let invalidCloseReason = Code(rawValue: "invalid_close_reason")
        /// Bytes that were to be sent as text are not UTF-8.
        public static let invalidUTF8 = Code(rawValue: "invalid_utf8")
        /// A message is larger than the limit, on its way out or in.
        public static let messageTooLarge = Code(rawValue: "message_too_large")
        /// A ping's or pong's payload has more than 125 bytes.
        public static let controlFrameTooLarge = Code(rawValue: "control_frame_too_large")

        // Opening.

        /// The host's name has no address.
        public static let resolveFailed = Code(rawValue: "resolve_failed")
        /// No TCP connection to any address.
        public static let connectFailed = Code(rawValue: "connect_failed")
        /// The proxy did not give an answer that can be understood, or ended the connection.
        public static let proxyFailed = Code(rawValue: "proxy_failed")
        /// The proxy did not open a tunnel to the server: it wants other credentials (407), does not allow it (403), or could
        /// not reach the server (502). ``WebSocketError/handshake`` holds the proxy's answer.
        public static let proxyRefused = Code(rawValue: "proxy_refused")
        /// The TLS handshake failed or the server's certificate was not accepted. ``WebSocketError/tlsFailure`` says why.
        public static let tlsFailed = Code(rawValue: "tls_failed")
        /// The server answered the upgrade with a status other than 101. ``WebSocketError/handshake`` holds the answer.
        public static let upgradeRefused = Code(rawValue: "upgrade_refused")
        /// The server redirected the upgrade to where it cannot or must not be followed: in a circle, more often than the
        /// limit allows, from `wss` to `ws`, or to what is no URL. ``WebSocketError/handshake`` holds the last answer.
        public static let redirectFailed = Code(rawValue: "redirect_failed")
        /// The server's 101 answer breaks RFC 6455 section 4.1, or was no HTTP at all.
        public static let invalidUpgradeResponse = Code(rawValue: "invalid_upgrade_response")
        /// A deadline passed. ``WebSocketError/deadline`` says which, and in which phase.
        public static let timedOut = Code(rawValue: "timed_out")

        // An open connection.

        /// The connection has ended. ``WebSocketError/close`` says how.
        public static let connectionClosed = Code(rawValue: "connection_closed")
        /// The peer broke the WebSocket protocol.
        public static let protocolViolation = Code(rawValue: "protocol_violation")
        /// The transport below failed: reset, end of stream without a Close frame, TLS alert.
        public static let transportFailed = Code(rawValue: "transport_failed")
        /// Two tasks read messages from one connection at the same time.
        public static let concurrentRead = Code(rawValue: "concurrent_read")
        /// As many pings wait for their pongs as the limit allows.
        public static let tooManyPings = Code(rawValue: "too_many_pings")

        // This process.

        /// The event loop has been shut down.
        public static let loopShutDown = Code(rawValue: "loop_shut_down")
        /// The process lacks something, descriptors or memory for example.
        public static let resourceExhausted = Code(rawValue: "resource_exhausted")
    }

    /// What the server answered instead of (or wrongly with) status 101, or a proxy instead of opening a tunnel.
    public struct Handshake: Sendable, Hashable {
        /// The HTTP status code.
        public var status: Int
        /// The response's headers; those of one name are in the order in which they came.
        public var headers: HTTPFields
        /// The first bytes of the body, up to a limit.
        public var bodyPrefix: [UInt8]

        /// Makes the record of an answer.
        public init(status: Int, headers: HTTPFields, bodyPrefix: [UInt8]) {
            self.status = status
            self.headers = headers
            self.bodyPrefix = bodyPrefix
        }
    }

    /// What kind of error this is.
    public var code: Code
    /// What went wrong, in words, with the offending value named. Secrets (header values, credentials) are never in it.
    public var message: String
    /// The server's answer, when the upgrade failed on it.
    public var handshake: Handshake?
    /// How the connection ended, when it had.
    public var close: WebSocketCloseInfo?
    /// What went wrong in TLS, when that was the cause.
    public var tlsFailure: TLSFailure?
    /// Which deadline passed, if one did.
    public var deadline: Deadline?
    /// The error below this one.
    public var underlying: (any Error)?

    /// Makes an error.
    public init(
        _ code: Code,
        _ message: String,
        handshake: Handshake? = nil,
        close: WebSocketCloseInfo? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.handshake = handshake
        self.close = close
        self.underlying = underlying
    }

    /// Whether the same call may succeed later without a change of its input.
    public var isRetryable: Bool {
        switch self.code {
        case .resolveFailed, .connectFailed, .proxyFailed, .timedOut, .transportFailed, .resourceExhausted: true
        case .tlsFailed: self.tlsFailure?.reason == .peerClosed
        case .upgradeRefused, .proxyRefused:
            self.handshake.map { $0.status >= 500 || $0.status == 408 || $0.status == 429 } ?? true
        case .connectionClosed:
            switch self.close?.code {
            case .goingAway, .abnormalClosure, .internalError, .serviceRestart, .tryAgainLater, .badGateway: true
            default: false
            }
        default: false
        }
    }
}

extension WebSocketError: CustomStringConvertible {
    public var description: String {
        var text = "\(self.code): \(self.message)"
        if let handshake { text += " (HTTP status \(handshake.status))" }
        if let close { text += " (\(close))" }
        if let underlying { text += " (\(underlying))" }
        return text
    }
}

extension WebSocketError: Hashable {
    /// Equal in all but ``underlying``, which has no equality of its own.
    public static func == (left: WebSocketError, right: WebSocketError) -> Bool {
        left.code == right.code && left.message == right.message && left.handshake == right.handshake
            && left.close == right.close && left.tlsFailure == right.tlsFailure && left.deadline == right.deadline
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.code)
        hasher.combine(self.message)
    }
}
