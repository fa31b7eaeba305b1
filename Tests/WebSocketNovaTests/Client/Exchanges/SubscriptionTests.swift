import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("Subscriptions", .timeLimit(.minutes(1)))
struct SubscriptionTests {
    /// Subscribes, and confirms it.
    private func subscribed(
        to channel: String,
        _ client: WebSocketClient,
        _ peer: InMemoryPeer,
        in network: InMemoryNetwork,
        buffering: Subscription.Buffering = .holdBack
    ) async throws -> Subscription {
        let task = await network.start { try await client.subscribe(to: channel, buffering: buffering) }
        try await peer.confirmSubscription()
        return try await task.value
    }

    @Test("F66: a subscription is there when the peer has confirmed it, and brings the channel's news only")
    func confirmed() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let task = await network.start { try await client.subscribe(to: "x", parameters: ["depth": 5]) }
            let request = try await peer.receiveJSON()
            #expect(request == ["type": "subscribe", "id": "sub_1", "channel": "x", "params": ["depth": 5]])
            #expect(await client.engine.channels["x"]?.waiters.count == 1)
            try await peer.send(["type": "subscribed", "id": "sub_9"])
            try await peer.send(["type": "subscribed", "id": "sub_1"])
            var updates = try await task.value.makeAsyncIterator()
            try await peer.send(["channel": "y", "n": 0])
            try await peer.send(["channel": "x", "n": 1])
            guard case .data(let message) = try await updates.next() else { throw EventReader.Ended() }
            #expect(message.json == ["channel": "x", "n": 1] && message.stream == client.stream)
            try await client.close()
            #expect(try await updates.next() == nil)
        }
    }

    @Test("F66: a refusal is thrown with the peer's words, silence times out, and cancelling takes it back")
    func notConfirmed() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client { $0.requestTimeout = .seconds(5) }
            let refused = await network.start { try await client.subscribe(to: "x") }
            let id = try await peer.receiveJSON()["id"] ?? .null
            try await peer.send(["type": "subscription", "status": "error", "id": id, "reason": "no such channel"])
            let error = await #expect(throws: WebSocketError.self) { try await refused.value }
            #expect(error?.code == .subscriptionFailed && error?.message.contains("no such channel") == true)

            let late = await network.start { try await client.subscribe(to: "y") }
            let second = try await peer.receiveJSON()
            await network.advance(by: .seconds(5))
            #expect(await late.errorCode == .timedOut)
            // The peer may have it in force for all that is known.
            #expect(
                try await peer.receiveJSON() == ["type": "unsubscribe", "id": second["id"] ?? .null, "channel": "y"]
            )
            try await peer.send(["type": "subscribed", "id": second["id"] ?? .null])

            let cancelled = await network.start { try await client.subscribe(to: "z") }
            _ = try await peer.receiveJSON()
            cancelled.cancel()
            #expect(await cancelled.wasCancelled)
            #expect(try await peer.receiveJSON()["type"] == "unsubscribe")
            try await peer.expectNothing(but: "mark", from: client)
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F66: what comes for a channel before its confirmation is not lost")
    func early() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let task = await network.start { try await client.subscribe(to: "x") }
            let id = try await peer.receiveJSON()["id"] ?? .null
            try await peer.send(["channel": "x", "n": 1])
            try await peer.send(["type": "subscribed", "id": id])
            try await peer.send(["channel": "x", "n": 2])
            var updates = try await task.value.makeAsyncIterator()
            #expect(try await updates.number() == 1)
            #expect(try await updates.number() == 2)
            try await client.close()
        }
    }

    @Test("F66: two subscribers to a channel share one with the peer, and each gets all; the last one ends it")
    func shared() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            var tasks: [Task<Subscription, any Error>] = []
            for _ in 0..<2 { tasks.append(await network.start { try await client.subscribe(to: "x") }) }
            try await peer.confirmSubscription()
            var one: Subscription? = try await tasks[0].value
            var two: Subscription? = try await tasks[1].value
            // A task keeps what it has returned.
            tasks = []
            var third: Subscription? = try await client.subscribe(to: "x")
            for number in 1...3 { try await peer.send(["channel": "x", "n": .integer(Int64(number))]) }
            for subscription in [one, two, third] {
                var updates = try #require(subscription).makeAsyncIterator()
                for number in 1...3 { #expect(try await updates.number() == number) }
            }
            one = nil
            third = nil
            await network.settle()
            try await peer.expectNothing(but: "mark", from: client)
            withExtendedLifetime(two) {}
            two = nil
            #expect(try await peer.receiveJSON() == ["type": "unsubscribe", "id": "sub_1", "channel": "x"])
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F66: other parameters take the place of those before, for all who listen")
    func parameters() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let old = try await self.subscribed(to: "x", client, peer, in: network)
            let task = await network.start { try await client.subscribe(to: "x", parameters: ["depth": 1]) }
            let request = try await peer.confirmSubscription()
            #expect(request["params"] == ["depth": 1] && request["type"] == "subscribe")
            let new = try await task.value
            try await peer.send(["channel": "x", "n": 1])
            for subscription in [old, new] {
                var updates = subscription.makeAsyncIterator()
                #expect(try await updates.number() == 1)
            }
            await peer.drop()
            let second = try await network.reconnected()
            #expect(try await second.confirmSubscription()["params"] == ["depth": 1])
            try await second.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test(
        "F66: unsubscribe ends all sequences and tells the peer; those who wait are told, and a second one is refused"
    )
    func unsubscribe() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            let subscription = try await self.subscribed(to: "x", client, peer, in: network)
            try await client.unsubscribe(from: "x")
            for try await _ in subscription { Issue.record("something came") }
            #expect(try await peer.receiveJSON()["type"] == "unsubscribe")
            #expect(await code { try await client.unsubscribe(from: "x") } == .subscriptionFailed)
            let waiting = await network.start { try await client.subscribe(to: "y") }
            _ = try await peer.receiveJSON()
            try await client.unsubscribe(from: "y")
            #expect(await waiting.errorCode == .subscriptionFailed)
            #expect(try await peer.receiveJSON()["type"] == "unsubscribe")
            try await peer.expectNothing(but: "mark", from: client)
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test(
        "F66: who subscribes while the last sequence is let go of has the subscription, whatever the order of the two"
    )
    func again() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            for _ in 0..<50 {
                var old: Subscription? = try await self.subscribed(to: "x", client, peer, in: network)
                #expect(old != nil)
                let task = network.task { try await client.subscribe(to: "x", parameters: ["depth": 1]) }
                old = nil
                // Whatever is said to the peer, the last word is that the channel is wanted.
                var last = try await peer.confirmSubscription()
                if last["type"] == "unsubscribe" { last = try await peer.confirmSubscription() }
                let new = try await task.value
                await network.settle()
                #expect(last["type"] == "subscribe")
                try await peer.expectNothing(but: "mark", from: client)
                try await client.unsubscribe(from: "x")
                _ = try await peer.receiveJSON()
                withExtendedLifetime(new) {}
            }
            try await client.close()
        }
    }

    @Test("F73: the end of a subscription is not sent behind the beginning of the next, which the limiter holds")
    func againPastLimiter() async throws {
        try await withInMemoryNetwork { network in
            let limiter = try DefaultRateLimitHandler(capacity: 5)
            let (client, peer) = try await network.client { $0.handlers.rateLimit = limiter }
            var old: Subscription? = try await self.subscribed(to: "x", client, peer, in: network)
            #expect(old != nil)
            let task = await network.start { try await client.subscribe(to: "x", parameters: ["depth": 1]) }
            old = nil
            await network.advance(by: .seconds(6))
            #expect(try await peer.confirmSubscription()["type"] == "subscribe")
            let new = try await task.value
            await network.advance(by: .seconds(60))
            #expect(await client.engine.limiter.count == 0)
            try await peer.send(["channel": "x", "n": 1])
            var updates = new.makeAsyncIterator()
            #expect(try await updates.number() == 1)
            try await peer.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test("F66: a subscription that holds back stops reading when it is full, and loses nothing")
    func holdsBack() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client { $0.listenerBuffer.count = 4 }
            let subscription = try await self.subscribed(to: "x", client, peer, in: network)
            for number in 0..<100 {
                try await peer.send(["channel": "x", "n": .integer(Int64(number))])
                await network.settle()
            }
            #expect(await peer.unreadByteCount > 0)
            var updates = subscription.makeAsyncIterator()
            for number in 0..<100 { #expect(try await updates.number() == number) }
            #expect(await peer.unreadByteCount == 0)
            // Letting go of one that is full lets the connection go on.
            for number in 0..<100 {
                try await peer.send(["channel": "x", "n": .integer(Int64(number))])
                await network.settle()
            }
            #expect(await peer.unreadByteCount > 0)
            try await client.unsubscribe(from: "x")
            await network.settle()
            #expect(await peer.unreadByteCount == 0)
            try await client.close()
        }
    }

    @Test("F66: one that drops the oldest says how many, and holds up nobody")
    func dropsOldest() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client { $0.listenerBuffer.count = 4 }
            let subscription = try await self.subscribed(to: "x", client, peer, in: network, buffering: .dropOldest)
            for number in 0..<100 { try await peer.send(["channel": "x", "n": .integer(Int64(number))]) }
            await network.settle()
            #expect(await peer.unreadByteCount == 0)
            var updates = subscription.makeAsyncIterator()
            #expect(try await updates.next() == .dropped(97))
            for number in 97..<100 { #expect(try await updates.number() == number) }
            try await client.close()
        }
    }

    @Test("F66: a sequence throws what has ended the client, and ends quietly when the user has closed it")
    func ends() async throws {
        for isClosed in [true, false] {
            try await withInMemoryNetwork { network in
                let (client, peer) = try await network.client { $0.reconnection = .never }
                let subscription = try await self.subscribed(to: "x", client, peer, in: network)
                try await peer.send(["channel": "x", "n": 1])
                await network.settle()
                if isClosed { try await client.close() } else { await peer.drop() }
                var updates = subscription.makeAsyncIterator()
                #expect(try await updates.number() == 1)
                if isClosed {
                    #expect(try await updates.next() == nil)
                } else {
                    let error = await #expect(throws: WebSocketError.self) { try await updates.next() }
                    #expect(error?.code == .transportFailed)
                }
                let result = await code { _ = try await client.subscribe(to: "y") }
                #expect(result == (isClosed ? .connectionClosed : .transportFailed))
            }
        }
    }

    @Test("F66: what cannot be sent is refused, and leaves nothing behind")
    func tooLarge() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client { $0.webSocket.limits.outboundMessageSize = 100 }
            let subscription = try await self.subscribed(to: "x", client, peer, in: network)
            let large = JSONValue.string(String(repeating: "x", count: 200))
            #expect(await code { _ = try await client.subscribe(to: "y", parameters: large) } == .messageTooLarge)
            #expect(await client.engine.channels.keys.sorted() == ["x"])
            let handler = try #require(await client.state.handlers.subscription as? DefaultSubscriptionHandler)
            #expect(handler.restorable.map(\.channel) == ["x"])
            try await peer.expectNothing(but: "mark", from: client)
            withExtendedLifetime(subscription) {}
            try await client.close()
        }
    }
}

extension Subscription.Iterator {
    /// The number in the next message.
    mutating func number() async throws -> Int? {
        guard case .data(let message) = try await self.next() else { return nil }
        return message.json["n"]?.integer.map { Int($0) }
    }
}
