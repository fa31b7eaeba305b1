internal import DequeModule
internal import WebSocketCore

/// The requests of one connection on their way past its rate limiter.
///
/// Of one priority nobody overtakes: while one waits, those that come after it wait behind it, also if they cost less.
struct RateLimitQueue<Item: Sendable>: Sendable {
    /// What became of a request, or of the queue.
    enum Outcome: Equatable {
        /// It may go out now.
        case allowed
        /// It waits. The queue is to be drained after a time.
        case queued(Duration)
        /// It fails.
        case rejected(reason: String)
    }

    private struct Waiting: Sendable {
        var item: Item
        var kind: String
        var priority: Int
    }

    private var waiting: Deque<Waiting> = []

    private var made: UInt64 = 0

    var count: Int { self.waiting.count }

    /// A name for something that is to be submitted.
    mutating func makeID() -> UInt64 {
        self.made += 1
        return self.made
    }

    /// Takes out the first that waits of which something is true.
    mutating func remove(where isWanted: (Item) -> Bool) -> Item? {
        guard let index = self.waiting.firstIndex(where: { isWanted($0.item) }) else { return nil }
        return self.waiting.remove(at: index).item
    }

    /// A request comes.
    ///
    /// - Parameter priority: a higher one goes before lower ones that wait.
    mutating func submit(
        _ item: Item,
        kind: String,
        priority: Int = 0,
        now: Duration,
        limiter: inout any RateLimitHandler
    ) throws -> Outcome {
        let place = self.waiting.firstIndex { $0.priority < priority } ?? self.waiting.endIndex
        let request = RateLimitRequest(kind: kind, queueLength: self.waiting.count)
        // Behind somebody who waits, it is not asked whether there is enough for this one.
        let decision: RateLimitDecision =
            place == self.waiting.startIndex ? try limiter.check(request, now: now) : .queue(.zero)
        switch decision {
        case .allow:
            return .allowed
        case .reject(let reason):
            return .rejected(reason: reason)
        case .queue(let delay):
            if place != self.waiting.startIndex, case .reject(let reason) = try self.bound(request, now, &limiter) {
                return .rejected(reason: reason)
            }
            self.waiting.insert(Waiting(item: item, kind: kind, priority: priority), at: place)
            return .queued(delay)
        }
    }

    /// Whether one more may wait: the limiter's answer for a request that costs it nothing, since it is thrown away.
    private func bound(
        _ request: RateLimitRequest,
        _ now: Duration,
        _ limiter: inout any RateLimitHandler
    ) throws -> RateLimitDecision {
        var copy = HandlerSet.unshared(limiter)
        let decision = try copy.check(request, now: now)
        return decision == .allow ? .queue(.zero) : decision
    }

    /// Time has passed: what may go out now, in order, and after which time to come again.
    mutating func drain(
        now: Duration,
        limiter: inout any RateLimitHandler
    ) throws -> (items: [Item], rejected: [(Item, reason: String)], next: Duration?) {
        var items: [Item] = []
        var rejected: [(Item, reason: String)] = []
        while let first = self.waiting.first {
            let request = RateLimitRequest(kind: first.kind, queueLength: 0)
            switch try limiter.check(request, now: now) {
            case .allow: items.append(first.item)
            case .reject(let reason): rejected.append((first.item, reason))
            case .queue(let delay): return (items, rejected, delay)
            }
            self.waiting.removeFirst()
        }
        return (items, rejected, nil)
    }

    /// Everything that waits, which is to fail: the connection has ended.
    mutating func removeAll() -> [Item] {
        defer { self.waiting = [] }
        return self.waiting.map(\.item)
    }
}
