/// Comes back after what passes by itself, with growing delays, and gives up on what does not.
///
/// What passes and what does not is said at ``ErrorClass/standard(for:)``.
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

    public mutating func reconnectionDelay(after reason: DisconnectReason, attempt: Int) throws -> Duration? {
        self.losses += 1
        guard self.classify(reason) != .critical else { return nil }
        return self.backoff.delay(
            before: attempt,
            after: reason,
            maximumRetryAfter: self.maximumRetryAfter,
            using: &self.random
        )
    }

    public mutating func resetReconnectionAttempts() { self.losses = 0 }
}
