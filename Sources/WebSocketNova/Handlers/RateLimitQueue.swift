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

    /// What came of those that waited.
    struct Drained {
        /// These may go out, in order.
        var items: [Item] = []
        var rejected: [(item: Item, reason: String)] = []
        /// Of these the limiter could not say anything.
        var failed: [(item: Item, error: any Error)] = []
        /// After which time to come again, if somebody waits still.
        var next: Duration?
    }

    /// Time has passed: says what may go out now.
    ///
    /// - Parameter priority: those of a lower one are held, because there is no way out for them at present.
    mutating func drain(
        now: Duration,
        holdingBelow priority: Int = .min,
        limiter: inout any RateLimitHandler
    ) -> Drained {
        var drained = Drained()
        while let first = self.waiting.first, first.priority >= priority {
            // A check that throws keeps the state before it.
            var asked = limiter
            do {
                switch try asked.check(RateLimitRequest(kind: first.kind, queueLength: 0), now: now) {
                case .allow: drained.items.append(first.item)
                case .reject(let reason): drained.rejected.append((first.item, reason))
                case .queue(let delay): drained.next = delay
                }
                limiter = asked
            } catch {
                drained.failed.append((first.item, error))
            }
            if drained.next != nil { break }
            self.waiting.removeFirst()
        }
        return drained
    }

    /// Everything that waits, in order: it is to fail, or to go out whatever the limiter says.
    mutating func removeAll() -> [Item] {
        defer { self.waiting = [] }
        return self.waiting.map(\.item)
    }

    /// Takes out all of which something is true.
    mutating func removeAll(where isUnwanted: (Item) -> Bool) {
        self.waiting.removeAll { isUnwanted($0.item) }
    }
}
