internal import WebSocketCore

/// A token bucket: each request takes its cost out of it, and tokens come back with time.
public struct DefaultRateLimitHandler: RateLimitHandler {
    /// What the bucket does.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        case normal
        case alwaysAllow = "always_allow"
        case alwaysQueue = "always_queue"
        case alwaysReject = "always_reject"
    }

    /// The most tokens that there can be, which is also how many there are at first. Default: 60.
    public var capacity: Double = 60 {
        didSet { self.tokens = self.refilled == nil ? self.capacity : min(self.tokens, self.capacity) }
    }
    /// How many tokens come back in ``refillInterval``; in parts of it, parts of them. Default: one.
    public var refillRate: Double = 1
    /// Default: 1 s.
    public var refillInterval = Duration.seconds(1)
    /// How many requests may wait; one more is rejected. Default: 100.
    public var queueLimit = 100
    /// What a request of a class costs. Default: a subscription 5, authentication 10, a query 1; any other 1.
    public var costs: [String: Double] = ["subscription": 5, "auth": 10, "query": 1]
    /// Default: normal.
    public var mode = Mode.normal
    /// How many tokens there were at ``refilled``.
    public private(set) var tokens: Double = 60
    private var refilled: Duration?

    public init() {}

    /// Makes a bucket.
    ///
    /// - Throws: `invalid_configuration` that names what is out of range.
    public init(
        capacity: Double,
        refillRate: Double = 1,
        refillInterval: Duration = .seconds(1),
        queueLimit: Int = 100,
        mode: Mode = .normal
    ) throws {
        func check(_ name: String, _ value: Any, _ isRight: Bool) throws(WebSocketError) {
            if !isRight { throw WebSocketError(.invalidConfiguration, "\(name) is \(value)") }
        }
        try check("capacity", capacity, capacity > 0 && capacity.isFinite)
        try check("refill_rate", refillRate, refillRate > 0 && refillRate.isFinite)
        try check("refill_interval", refillInterval, refillInterval > .zero && refillInterval <= .seconds(86_400))
        try check("queue_limit", queueLimit, queueLimit >= 0)
        self.capacity = capacity
        self.refillRate = refillRate
        self.refillInterval = refillInterval
        self.queueLimit = queueLimit
        self.mode = mode
        self.tokens = capacity
    }

    /// Makes a bucket from a table: `capacity`, `refill_rate`, `refill_interval` in milliseconds, `queue_limit`, `cost_map`
    /// and `mode`.
    ///
    /// - Throws: `invalid_configuration` that names what is wrong.
    public init(options: HandlerOptions) throws {
        func number<Value>(_ name: String, _ standard: Value, _ read: (JSONValue) -> Value?) throws -> Value {
            guard let value = options[name] else { return standard }
            guard let result = read(value) else {
                throw WebSocketError(.invalidConfiguration, "\(name) is \(value)")
            }
            return result
        }
        try self.init(
            capacity: number("capacity", 60) { $0.number },
            refillRate: number("refill_rate", 1) { $0.number },
            refillInterval: number("refill_interval", .seconds(1)) { $0.integer.map { .milliseconds($0) } },
            queueLimit: number("queue_limit", 100) { $0.integer.flatMap(Int.init(exactly:)) },
            mode: number("mode", .normal) { $0.string.flatMap(Mode.init(rawValue:)) }
        )
        for (kind, cost) in try number("cost_map", [:], { $0.object }) {
            guard let cost = cost.number, cost >= 0, cost.isFinite else {
                throw WebSocketError(.invalidConfiguration, "cost_map has \(cost) for \"\(kind)\"")
            }
            self.costs[kind] = cost
        }
    }

    public mutating func check(_ request: RateLimitRequest, now: Duration) throws -> RateLimitDecision {
        self.refill(now)
        switch self.mode {
        case .alwaysAllow: return .allow
        case .alwaysQueue: return self.queue(request, for: self.refillInterval)
        case .alwaysReject: return .reject(reason: "rate_limit_exceeded")
        case .normal: break
        }
        let cost = self.costs[request.kind] ?? 1
        guard cost <= self.capacity else {
            return .reject(
                reason: "a request of the class \"\(request.kind)\" costs \(cost) of at most \(self.capacity)"
            )
        }
        if self.tokens >= cost {
            self.tokens -= cost
            return .allow
        }
        return self.queue(request, for: self.refillInterval * ((cost - self.tokens) / self.refillRate))
    }

    private func queue(_ request: RateLimitRequest, for time: Duration) -> RateLimitDecision {
        // Rounded up, so that the tokens are there when the time has passed.
        request.queueLength < self.queueLimit
            ? .queue(time + .microseconds(1)) : .reject(reason: "rate_limit_exceeded")
    }

    private mutating func refill(_ now: Duration) {
        defer { self.refilled = now }
        guard let refilled, now > refilled else { return }
        self.tokens = min(self.capacity, self.tokens + (now - refilled) / self.refillInterval * self.refillRate)
    }
}
