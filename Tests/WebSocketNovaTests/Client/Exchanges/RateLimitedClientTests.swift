import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("Rate limits of a client", .timeLimit(.minutes(1)))
struct RateLimitedClientTests {
    private func client(
        _ network: InMemoryNetwork,
        _ limiter: any RateLimitHandler,
        _ configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) async throws -> (client: WebSocketClient, peer: InMemoryPeer) {
        try await network.client { configuration in
            configuration.handlers.rateLimit = limiter
            try configure(&configuration)
        }
    }

    /// Starts to send texts, each in a task of its own, in order.
    private func send(
        _ texts: [String],
        _ client: WebSocketClient,
        in network: InMemoryNetwork
    ) async -> [Task<Void, any Error>] {
        var tasks: [Task<Void, any Error>] = []
        for text in texts { tasks.append(await network.start { try await client.send(text) }) }
        return tasks
    }

    @Test("F73: a burst goes at once, the rest in order as tokens come back, in parts too, and nobody overtakes")
    func order() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network, DefaultRateLimitHandler(capacity: 3))
            let tasks = await self.send((0..<6).map { "\($0)" }, client, in: network)
            for index in 0..<3 { #expect(try await peer.receive() == .text("\(index)")) }
            #expect(await client.engine.limiter.count == 3)
            await network.advance(by: .milliseconds(500))
            // Half a token is there; looking does not lose it.
            let late = await network.start { try await client.send("6") }
            await network.advance(by: .milliseconds(499))
            #expect(await client.engine.limiter.count == 4)
            await network.advance(by: .milliseconds(2))
            #expect(try await peer.receive() == .text("3"))
            await network.advance(by: .seconds(4))
            for index in 4..<7 { #expect(try await peer.receive() == .text("\(index)")) }
            for task in tasks + [late] { try await task.value }
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test(
        "F73: classes cost what they cost: a subscription 5, an authentication 10, others 1; each client has its bucket"
    )
    func costs() async throws {
        try await withInMemoryNetwork { network in
            let limiter = try DefaultRateLimitHandler(capacity: 17)
            let (client, peer) = try await self.client(network, limiter) { configuration in
                configuration.handlers.auth = DefaultAuthHandler(.token("t"))
            }
            let authenticating = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await authenticating.value
            let subscribing = await network.start { try await client.subscribe(to: "x") }
            try await peer.confirmSubscription()
            let subscription = try await subscribing.value
            let request = await network.start { try await client.request(.json(["id": 1]), correlatedBy: \.id) }
            _ = try await peer.receiveJSON()
            try await peer.send(["id": 1])
            _ = try await request.value
            let sends = await self.send(["last", "one too many"], client, in: network)
            #expect(try await peer.receive() == .text("last"))
            #expect(await client.engine.limiter.count == 1)
            let (other, otherPeer) = try await self.client(network, limiter)
            for index in 0..<17 { try await other.send("\(index)") }
            for index in 0..<17 { #expect(try await otherPeer.receive() == .text("\(index)")) }
            await network.advance(by: .seconds(2))
            #expect(try await peer.receive() == .text("one too many"))
            for send in sends { try await send.value }
            withExtendedLifetime(subscription) {}
            try await other.close()
            try await client.close()
        }
    }

    @Test("F72: beyond the limit of its queue it refuses, by name")
    func queueLimit() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network, DefaultRateLimitHandler(capacity: 1, queueLimit: 2))
            let tasks = await self.send(["0", "1", "2"], client, in: network)
            #expect(await code { try await client.send("3") } == .rateLimitExceeded)
            #expect(await code { try await client.authenticate() } == .rateLimitExceeded)
            #expect(await code { _ = try await client.subscribe(to: "x") } == .rateLimitExceeded)
            #expect(
                await code { _ = try await client.request(.json(["id": 1]), correlatedBy: \.id) } == .rateLimitExceeded
            )
            await network.advance(by: .seconds(3))
            for (index, task) in tasks.enumerated() {
                try await task.value
                #expect(try await peer.receive() == .text("\(index)"))
            }
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F73: one that is cancelled leaves the queue, and those behind it need not wait for what it would have cost")
    func cancelled() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network, DefaultRateLimitHandler(capacity: 5))
            try await client.send("0")
            let subscribing = await network.start { try await client.subscribe(to: "x") }
            let sends = await self.send(["1", "2"], client, in: network)
            #expect(await client.engine.limiter.count == 3)
            subscribing.cancel()
            #expect(await subscribing.wasCancelled)
            for index in 0..<3 { #expect(try await peer.receive() == .text("\(index)")) }
            for send in sends { try await send.value }
            #expect(await client.engine.waiting == [:])
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F73: handlers' replies go past the limiter, ahead of what users send, in order")
    func replies() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            puppet.decisions["handleFrame.text"] = .replyMany([.text("r1"), .text("r2")])
            let (client, peer) = try await self.client(network, DefaultRateLimitHandler(capacity: 1)) { configuration in
                configuration.handlers.connection = puppet
            }
            let sends = await self.send(["0", "1", "2"], client, in: network)
            try await peer.send("x")
            await network.settle()
            #expect(await client.engine.limiter.count == 4)
            await network.advance(by: .seconds(5))
            for text in ["0", "r1", "r2", "1", "2"] { #expect(try await peer.receive() == .text(text)) }
            for send in sends { try await send.value }
            try await client.close()
        }
    }

    @Test("F61: a reply that is refused by the limiter is reported, once")
    func refusedReply() async throws {
        for decision: RateLimitDecision? in [.reject(reason: "full"), nil] {
            try await withInMemoryNetwork { network in
                var puppet = Puppet()
                puppet.wantsFrames = true
                puppet.decisions["handleFrame.text"] = .reply(.text("reply"))
                if let decision { puppet.rateLimit = decision } else { puppet.failing = ["check"] }
                let (client, peer) = try await network.client { $0.handlers.install(puppet) }
                var events = EventReader(client)
                try await peer.send("x")
                #expect(try await events.error().code == (decision == nil ? .handlerFailed : .rateLimitExceeded))
                await network.settle()
                #expect(puppet.journal.value.loggedErrors.count == 1)
                #expect(client.status == .websocketConnected)
                try await client.close()
            }
        }
    }

    @Test("F73: what waits when the connection is lost goes out on the next one, behind what is restored, in order")
    func acrossReconnection() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network, DefaultRateLimitHandler(capacity: 16)) {
                configuration in
                configuration.handlers.auth = DefaultAuthHandler(.token("t"))
            }
            let authenticating = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await authenticating.value
            let subscribing = await network.start { try await client.subscribe(to: "x") }
            try await peer.confirmSubscription()
            let subscription = try await subscribing.value
            try await client.send("0")
            #expect(try await peer.receive() == .text("0"))
            let before = await self.send(["1", "2", "3"], client, in: network)
            #expect(await client.engine.limiter.count == 3)
            await peer.drop()
            await network.settle()
            let after = await self.send(["4"], client, in: network)
            let second = try await network.reconnected()
            // Authentication and subscription do not wait for what users have queued, and the tokens are theirs.
            await network.advance(by: .milliseconds(9_001))
            try await second.grantAuthentication()
            await network.advance(by: .milliseconds(5_001))
            try await second.confirmSubscription()
            await network.advance(by: .seconds(5))
            for index in 1..<5 { #expect(try await second.receive() == .text("\(index)")) }
            for task in before + after { try await task.value }
            withExtendedLifetime(subscription) {}
            #expect(await client.engine.limiter.count == 0)
            try await client.close()
        }
    }

    @Test("F73: a handler's reply that waits when its connection is lost is not said to the next one")
    func replyAcrossReconnection() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            puppet.decisions["handleFrame.text"] = .reply(.text("reply"))
            let (client, peer) = try await self.client(network, DefaultRateLimitHandler(capacity: 1)) { configuration in
                configuration.handlers.connection = puppet
            }
            try await client.send("0")
            try await peer.send("x")
            await network.settle()
            #expect(await client.engine.limiter.count == 1)
            await peer.drop()
            let second = try await network.reconnected()
            await network.advance(by: .seconds(10))
            try await second.expectNothing(but: "mark", from: client)
            #expect(await client.engine.limiter.count == 0)
            try await client.close()
        }
    }

    @Test("F73: closing fails what waits, with the client's end", arguments: [true, false])
    func ends(isClosed: Bool) async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network, DefaultRateLimitHandler(capacity: 1)) { configuration in
                configuration.reconnection = .never
            }
            let tasks = await self.send(["0", "1", "2"], client, in: network)
            if isClosed { try await client.close() } else { await peer.drop() }
            for task in tasks.dropFirst() {
                #expect(await task.errorCode == (isClosed ? .connectionClosed : .transportFailed))
            }
            #expect(await client.engine.waiting == [:])
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F62: a limiter that throws refuses what it was asked for, also what waits, and holds up nobody else")
    func throwing() async throws {
        try await withInMemoryNetwork { network in
            let (client, _) = try await self.client(network, Tripwire())
            let tasks = await self.send(["0", "1", "2"], client, in: network)
            #expect(await client.engine.limiter.count == 3)
            await network.advance(by: .seconds(1))
            try await tasks[0].value
            #expect(await tasks[1].errorCode == .handlerFailed)
            try await tasks[2].value
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    /// Holds everything until a time, and throws at its second try then.
    struct Tripwire: RateLimitHandler {
        let calls = Locked(0)

        init() {}

        mutating func check(_ request: RateLimitRequest, now: Duration) throws -> RateLimitDecision {
            guard now >= .seconds(1) else { return .queue(.seconds(1)) }
            let call = self.calls.withLock { calls in
                calls += 1
                return calls
            }
            if call == 2 { throw Puppet.Refusal() }
            return .allow
        }
    }

    @Test("F74: a limiter that always allows, queues or rejects; what is queued goes out when it is forced")
    func modes() async throws {
        try await withInMemoryNetwork { network in
            let (allowed, peer) = try await self.client(
                network,
                DefaultRateLimitHandler(capacity: 1, mode: .alwaysAllow)
            )
            for index in 0..<100 { try await allowed.send("\(index)") }
            for index in 0..<100 { #expect(try await peer.receive() == .text("\(index)")) }
            #expect(await allowed.drainRateLimit() == 0)

            let (rejected, _) = try await self.client(
                network,
                DefaultRateLimitHandler(capacity: 9, mode: .alwaysReject)
            )
            #expect(await code { try await rejected.send("x") } == .rateLimitExceeded)

            let (queued, last) = try await self.client(
                network,
                DefaultRateLimitHandler(capacity: 9, mode: .alwaysQueue)
            )
            let tasks = await self.send(["0", "1", "2"], queued, in: network)
            await network.advance(by: .seconds(3600))
            #expect(await queued.engine.limiter.count == 3)
            #expect(await queued.drainRateLimit() == 3)
            for index in 0..<3 { #expect(try await last.receive() == .text("\(index)")) }
            for task in tasks { try await task.value }
            for client in [allowed, rejected, queued] { try await client.close() }
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F72: a bucket that is made smaller holds no more than its size")
    func smaller() throws {
        var handler = DefaultRateLimitHandler()
        handler.capacity = 2
        let decisions = try (0..<3).map { _ in try handler.check(RateLimitRequest(kind: "query"), now: .zero) }
        #expect(decisions == [.allow, .allow, .queue(.seconds(1) + .microseconds(1))])
        handler.capacity = 100
        #expect(try handler.check(RateLimitRequest(kind: "query"), now: .zero) != .allow)
    }
}
