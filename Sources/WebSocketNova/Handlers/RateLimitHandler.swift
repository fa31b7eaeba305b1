/// Decides when a request may go out.
public protocol RateLimitHandler: Handler {
    /// A request is about to be sent. By default it may go.
    ///
    /// The engine keeps the queue, in which nobody overtakes: while a request waits, those behind it wait too.
    mutating func check(_ request: RateLimitRequest, now: Duration) throws -> RateLimitDecision
}

extension RateLimitHandler {
    public mutating func check(_ request: RateLimitRequest, now: Duration) throws -> RateLimitDecision { .allow }
}

/// A request, as far as a rate limiter needs to know it.
public struct RateLimitRequest: Sendable, Hashable {
    /// The class of the request, out of a bounded set: `query`, `subscription`, `auth`.
    public var kind: String
    /// How many requests wait before it.
    public var queueLength: Int

    /// Makes the description of a request.
    public init(kind: String, queueLength: Int = 0) {
        self.kind = kind
        self.queueLength = queueLength
    }
}

/// What becomes of a request.
public enum RateLimitDecision: Sendable, Hashable {
    /// It goes out; its cost is taken.
    case allow
    /// It waits, and is asked again after this time.
    case queue(Duration)
    /// It fails.
    case reject(reason: String)
}
