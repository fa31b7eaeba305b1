public import WebSocketCore

/// Comes back after what passes by itself, with growing delays, and gives up on what does not.
///
/// | what happened | |
/// |---|---|
/// | no connection, lost connection, 1006; time out; 1001, 1005, 1011 to 1014, 3008 | again |
/// | HTTP 408, 425, 429 and 5xx | again, not before the server's `Retry-After` |
/// | other HTTP statuses, 401, 403 and 404 among them | give up |
/// | close code 1000 | give up: the peer was done |
/// | 1002, 1003, 1007 to 1010, 3000 and 3003 | give up: the peer would close again |
/// | TLS, bad input | give up |
/// | any other close code | again |
public struct DefaultErrorHandler: ErrorHandler {
    /// The delays. Default: ``Backoff``'s.
    public var backoff: Backoff
    /// See ``ErrorHandler/stabilityPeriod``. Default: 30 s, the longest delay.
    public var stabilityPeriod: Duration
    /// The longest `Retry-After` that is waited for; a server that asks for more is tried after this time. Default: 1 h.
    public var maximumRetryAfter: Duration
    /// How many connections were lost since the last stable one.
    public private(set) var losses = 0
    private var random: any RandomNumberGenerator & Sendable

    /// Makes a handler with the defaults.
    public init() {
        self.init(backoff: Backoff())
    }

    /// Makes a handler.
    ///
    /// - Parameter random: where jitter comes from; a test gives one of its own.
    public init(
        backoff: Backoff,
        stabilityPeriod: Duration = .seconds(30),
        maximumRetryAfter: Duration = .seconds(3600),
        random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.backoff = backoff
        self.stabilityPeriod = stabilityPeriod
        self.maximumRetryAfter = maximumRetryAfter
        self.random = random
    }

    /// Makes a handler from a table: `max_attempts` (or `max_reconnect_attempts`), `base_delay` (or `initial_delay`) and
    /// `max_delay`, times in milliseconds.
    ///
    /// - Throws: `invalid_configuration` that names the option.
    public init(options: HandlerOptions) throws {
        self.init()
        if let limit = options["max_attempts"] ?? options["max_reconnect_attempts"] {
            self.backoff.limit = try ConnectionOptions(["retry": limit]).retry
        }
        if let base = options["base_delay"] ?? options["initial_delay"] {
            self.backoff.base = try ConnectionOptions(["base_backoff": base]).baseBackoff
        }
        if let maximum = options["max_delay"] {
            self.backoff.maximum = try ConnectionOptions(["base_backoff": maximum]).baseBackoff
        }
    }

    public func classify(_ reason: DisconnectReason) -> ErrorClass {
        switch reason {
        case .local: .critical
        case .closed(let info): Self.classify(info.code)
        case .failed(let error): Self.classify(error)
        }
    }

    private static func classify(_ code: WebSocketCloseCode) -> ErrorClass {
        switch code.rawValue {
        // 3000 and 3003 are "unauthorized" and "forbidden" in IANA's registry of close codes.
        case 1000, 1002, 1003, 1007...1010, 3000, 3003: .critical
        default: .transient
        }
    }

    private static func classify(_ error: WebSocketError) -> ErrorClass {
        if let status = error.handshake?.status {
            return status == 408 || status == 425 || status == 429 || status >= 500 ? .transient : .critical
        }
        if let close = error.close, error.code == .connectionClosed { return self.classify(close.code) }
        switch error.code {
        case .invalidMessage, .invalidUTF8, .messageTooLarge, .controlFrameTooLarge: return .normal
        default: return error.isRetryable ? .transient : .critical
        }
    }

    public mutating func handleError(_ error: WebSocketError, context: ErrorContext) throws -> ErrorDecision { .ok }

    public mutating func reconnectionDelay(after reason: DisconnectReason, attempt: Int) throws -> Duration? {
        self.losses += 1
        guard self.classify(reason) != .critical else { return nil }
        guard let delay = self.backoff.delay(before: attempt, using: &self.random) else { return nil }
        guard case .failed(let error) = reason, let wanted = error.handshake?.retryAfter else { return delay }
        return max(delay, min(wanted, self.maximumRetryAfter))
    }

    public mutating func resetReconnectionAttempts() { self.losses = 0 }
}
