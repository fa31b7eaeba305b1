/// How long to wait before each attempt to come back.
///
/// | attempt | linear | exponential | jittered | full jitter |
/// |---|---|---|---|---|
/// | 1 | 1 s | 1 s to 1.1 s | 0.8 s to 1.2 s | 0 to 1 s |
/// | 2 | 1 s | 2 s to 2.2 s | 1.6 s to 2.4 s | 0 to 2 s |
/// | 5 | 1 s | 16 s to 17.6 s | 4 s to 6 s | 0 to 16 s |
/// | 6 and more | 1 s | at most 30 s | grows by 1 s | 0 to 30 s |
///
/// with the default base of 1 s and maximum of 30 s.
public struct Backoff: Sendable, Hashable {
    /// How the delay grows.
    public enum Growth: String, Sendable, Hashable, CaseIterable {
        /// Always the base.
        case linear
        /// The base doubled with each attempt, and up to a tenth more.
        case exponential
        /// The base times the attempt, a fifth less to a fifth more; at least half the base.
        case jittered
        /// Anything from nothing to the base doubled with each attempt: the clients of a server that has gone come back
        /// spread out as far as can be.
        case fullJitter
    }

    /// How the delay grows. Default: full jitter.
    public var growth: Growth
    /// The delay from which the others grow. Default: 1 s.
    public var base: Duration
    /// No delay is longer. Default: 30 s.
    public var maximum: Duration
    /// How many attempts are made in a row. Default: five.
    public var limit: ConnectionOptions.Retry

    /// Makes a policy.
    public init(
        growth: Growth = .fullJitter,
        base: Duration = .seconds(1),
        maximum: Duration = .seconds(30),
        limit: ConnectionOptions.Retry = .limit(5)
    ) {
        self.growth = growth
        self.base = max(.zero, base)
        self.maximum = max(.zero, maximum)
        self.limit = limit
    }

    /// The delay before an attempt, or nil if there are to be no more.
    ///
    /// - Parameter attempt: counted from 1.
    public func delay(before attempt: Int, using random: inout some RandomNumberGenerator) -> Duration? {
        if case .limit(let limit) = self.limit, attempt > limit { return nil }
        let delay =
            switch self.growth {
            case .linear: self.base
            case .exponential: self.doubled(attempt) * Double.random(in: 1...1.1, using: &random)
            case .jittered: max(self.base / 2, self.multiplied(attempt) * Double.random(in: 0.8...1.2, using: &random))
            case .fullJitter: self.doubled(attempt) * Double.random(in: 0...1, using: &random)
            }
        return min(self.maximum, delay)
    }

    /// The delay before an attempt, which is not made before the time that a server has asked for.
    ///
    /// - Parameter maximumRetryAfter: a server that asks for more is tried after this time.
    func delay(
        before attempt: Int,
        after reason: DisconnectReason,
        maximumRetryAfter: Duration = .seconds(3600),
        using random: inout some RandomNumberGenerator
    ) -> Duration? {
        guard let delay = self.delay(before: attempt, using: &random) else { return nil }
        guard case .failed(let error) = reason, let wanted = error.handshake?.retryAfter else { return delay }
        return max(delay, min(wanted, maximumRetryAfter))
    }

    /// Not beyond the maximum, which keeps the product from overflowing.
    private func doubled(_ attempt: Int) -> Duration {
        var delay = self.base
        for _ in 1..<max(1, min(attempt, 64)) where delay < self.maximum { delay *= 2 }
        return min(delay, self.maximum)
    }

    private func multiplied(_ attempt: Int) -> Duration {
        guard self.base > .zero else { return .zero }
        let steps = Int(min(self.maximum / self.base + 1, Double(Int32.max)))
        return self.base * min(max(1, attempt), steps)
    }
}
