import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Rate limits")
struct RateLimitTests {
    private func check(
        _ handler: inout DefaultRateLimitHandler,
        _ kind: String = "query",
        queueLength: Int = 0,
        at now: Duration = .zero
    ) throws -> RateLimitDecision {
        try handler.check(RateLimitRequest(kind: kind, queueLength: queueLength), now: now)
    }

    @Test func `F72 a burst of the capacity is allowed, then requests wait`() throws {
        var handler = DefaultRateLimitHandler()
        for _ in 0..<60 { #expect(try self.check(&handler) == .allow) }
        #expect(try self.check(&handler) == .queue(.seconds(1) + .microseconds(1)))
        #expect(try self.check(&handler, queueLength: 99) == .queue(.seconds(1) + .microseconds(1)))
        #expect(try self.check(&handler, queueLength: 100) == .reject(reason: "rate_limit_exceeded"))
    }

    @Test func `F72 costs differ by class`() throws {
        var handler = DefaultRateLimitHandler()
        for _ in 0..<4 { #expect(try self.check(&handler, "auth") == .allow) }
        for _ in 0..<4 { #expect(try self.check(&handler, "subscription") == .allow) }
        #expect(try self.check(&handler, "subscription") == .queue(.seconds(5) + .microseconds(1)))
        #expect(try self.check(&handler, "odd") == .queue(.seconds(1) + .microseconds(1)))
    }

    @Test func `F73 tokens come back in parts`() throws {
        var handler = try DefaultRateLimitHandler(capacity: 1)
        #expect(try self.check(&handler) == .allow)
        // Looking more often than a token comes back loses nothing.
        for step in 1..<10 {
            guard case .queue = try self.check(&handler, at: .milliseconds(100 * step)) else {
                Issue.record("allowed after \(step) tenths of a second")
                return
            }
        }
        #expect(try self.check(&handler, at: .milliseconds(1001)) == .allow)
        #expect(try self.check(&handler, at: .seconds(100)) == .allow)
        #expect(try self.check(&handler, at: .seconds(100)) != .allow)
    }

    @Test func `F73 a request that costs more than there can be is rejected, not kept for ever`() throws {
        var handler = try DefaultRateLimitHandler(options: ["capacity": 3, "cost_map": ["bulk": 4]])
        guard case .reject(let reason) = try self.check(&handler, "bulk") else {
            Issue.record("not rejected")
            return
        }
        #expect(reason.contains("bulk"))
        #expect(try self.check(&handler) == .allow)
    }

    @Test func `F74 modes`() throws {
        for mode in DefaultRateLimitHandler.Mode.allCases {
            var handler = try DefaultRateLimitHandler(options: ["capacity": 1, "mode": .string(mode.rawValue)])
            let decisions = try (0..<3).map { _ in try self.check(&handler) }
            let kinds = decisions.map { decision in
                switch decision {
                case .allow: "allow"
                case .queue: "queue"
                case .reject: "reject"
                }
            }
            let expected: [DefaultRateLimitHandler.Mode: [String]] = [
                .normal: ["allow", "queue", "queue"], .alwaysAllow: ["allow", "allow", "allow"],
                .alwaysQueue: ["queue", "queue", "queue"], .alwaysReject: ["reject", "reject", "reject"],
            ]
            #expect(kinds == expected[mode])
        }
    }

    @Test(
        arguments: [
            ["capacity": 0], ["capacity": "many"], ["refill_rate": -1], ["refill_interval": 0], ["queue_limit": -1],
            ["mode": "odd"], ["cost_map": ["x": -1]], ["cost_map": 1],
        ] as [HandlerOptions]
    )
    func `bad options are refused by name`(options: HandlerOptions) {
        let error = #expect(throws: WebSocketError.self) { try DefaultRateLimitHandler(options: options) }
        #expect(options.keys.allSatisfy { error?.message.contains($0) == true })
    }

    @Test func `F73 nobody overtakes, and all that wait are sent in the end`() throws {
        var limiter: any RateLimitHandler = try DefaultRateLimitHandler(options: ["capacity": 5])
        var queue = RateLimitQueue<Int>()
        #expect(try queue.submit(0, kind: "subscription", now: .zero, limiter: &limiter) == .allowed)
        #expect(
            try queue.submit(1, kind: "subscription", now: .zero, limiter: &limiter)
                == .queued(.seconds(5) + .microseconds(1))
        )
        // There is enough for this one after a second, and it waits for the one before it all the same.
        guard case .queued = try queue.submit(2, kind: "query", now: .seconds(3), limiter: &limiter) else {
            Issue.record("overtaken")
            return
        }
        #expect(queue.drain(now: .seconds(4), limiter: &limiter).items == [])
        #expect(queue.drain(now: .seconds(5), limiter: &limiter).items == [1])
        let last = queue.drain(now: .seconds(7), limiter: &limiter)
        #expect(last.items == [2] && last.next == nil && queue.count == 0)
    }

    @Test func `F72 a higher priority goes ahead of lower ones, in the order in which they came`() throws {
        var limiter: any RateLimitHandler = try DefaultRateLimitHandler(options: ["capacity": 1])
        var queue = RateLimitQueue<Int>()
        #expect(try queue.submit(0, kind: "query", now: .zero, limiter: &limiter) == .allowed)
        for (item, priority) in [(1, 0), (2, 0), (3, 5), (4, 5), (5, 1)] {
            _ = try queue.submit(item, kind: "query", priority: priority, now: .zero, limiter: &limiter)
        }
        var order: [Int] = []
        for second in 1...10 { order += queue.drain(now: .seconds(second), limiter: &limiter).items }
        #expect(order == [3, 4, 5, 1, 2])
    }

    @Test func `F74 draining sends what there are tokens for, at once`() throws {
        var limiter: any RateLimitHandler = try DefaultRateLimitHandler(options: ["capacity": 3])
        var queue = RateLimitQueue<Int>()
        for item in 0..<8 { _ = try queue.submit(item, kind: "query", now: .zero, limiter: &limiter) }
        #expect(queue.count == 5)
        #expect(queue.drain(now: .seconds(100), limiter: &limiter).items == [3, 4, 5])
        #expect(queue.removeAll() == [6, 7] && queue.count == 0)
    }

    @Test func `a queue that is full rejects`() throws {
        var limiter: any RateLimitHandler = try DefaultRateLimitHandler(options: ["capacity": 1, "queue_limit": 2])
        var queue = RateLimitQueue<Int>()
        let outcomes = try (0..<5).map { try queue.submit($0, kind: "query", now: .zero, limiter: &limiter) }
        #expect(outcomes.last == .rejected(reason: "rate_limit_exceeded") && queue.count == 2)
    }
}
