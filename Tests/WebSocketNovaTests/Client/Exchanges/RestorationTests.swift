import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("Subscriptions after a reconnection", .timeLimit(.minutes(1)))
struct RestorationTests {
    /// A client with confirmed subscriptions.
    private func client(
        _ channels: [String],
        in network: InMemoryNetwork,
        _ configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) async throws -> (client: WebSocketClient, peer: InMemoryPeer, subscriptions: [Subscription]) {
        let (client, peer) = try await network.client(configure)
        var subscriptions: [Subscription] = []
        for channel in channels {
            let task = await network.start { try await client.subscribe(to: channel) }
            try await peer.confirmSubscription()
            subscriptions.append(try await task.value)
        }
        return (client, peer, subscriptions)
    }

    @Test("F50: confirmed and pending ones are restored, once each, in order, with the gap before anything new")
    func restored() async throws {
        try await withInMemoryNetwork { network in
            let metrics = Puppet()
            let (client, peer, subscriptions) = try await self.client(["a", "b", "c"], in: network) { configuration in
                configuration.handlers.metrics = metrics
            }
            let pending = await network.start { try await client.subscribe(to: "d") }
            _ = try await peer.receiveJSON()
            try await peer.send(["channel": "a", "n": 1])
            await network.settle()
            await peer.drop()
            await network.settle()
            var events = EventReader(client)
            let second = try await network.reconnected()
            var ids: [JSONValue] = []
            for channel in ["a", "b", "c", "d"] {
                let request = try await second.receiveJSON()
                #expect(request["type"] == "subscribe" && request["channel"] == .string(channel))
                ids.append(request["id"] ?? .null)
            }
            // Before the others are confirmed, the first one has news already.
            try await second.send(["type": "subscribed", "id": ids[0]])
            try await second.send(["channel": "a", "n": 2])
            await network.advance(by: .seconds(2))
            #expect(client.socket == nil)
            for id in ids.dropFirst() { try await second.send(["type": "subscribed", "id": id]) }
            let gap = try await events.next { if case .reconnected(_, let gap) = $0 { gap } else { nil } }
            #expect(gap.duration == .seconds(1) && gap.attempts == 1)
            let restored = events.seen.compactMap { kind -> String? in
                if case .subscriptionRestored(let channel, nil) = kind { channel } else { nil }
            }
            #expect(restored == ["a", "b", "c", "d"])
            _ = try await pending.value
            var updates = subscriptions[0].makeAsyncIterator()
            #expect(try await updates.number() == 1)
            #expect(try await updates.next() == .gap(gap))
            #expect(try await updates.number() == 2)
            try await second.expectNothing(but: "mark", from: client)
            let told = metrics.journal.value.events.filter { $0.name == "websocketnova.subscription.restored" }
            #expect(told.map(\.measurements) == [["duration": 0], ["duration": 2], ["duration": 2], ["duration": 2]])
            #expect(told.first?.metadata["channel"] == "a" && told.first?.metadata["subscription_id"] == "sub_5")
            try await client.close()
        }
    }

    @Test("F50: they are restored once each after every loss, and not twice as many each time")
    func manyTimes() async throws {
        try await withInMemoryNetwork { network in
            var (client, peer, subscriptions) = try await self.client(["a", "b"], in: network)
            for _ in 0..<10 {
                await peer.drop()
                peer = try await network.reconnected()
                #expect(try await peer.confirmSubscription()["channel"] == "a")
                #expect(try await peer.confirmSubscription()["channel"] == "b")
                try await peer.expectNothing(but: "mark", from: client)
            }
            var updates: Subscription.Iterator? = subscriptions[1].makeAsyncIterator()
            for _ in 0..<10 { #expect(try await updates?.next()?.gap != nil) }
            (updates, subscriptions) = (nil, [])
            _ = try await peer.receiveJSON()
            _ = try await peer.receiveJSON()
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F50: one that is asked for again when the connection is lost once more is asked for on the next")
    func lostWhileRestoring() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer, subscriptions) = try await self.client(["a", "b"], in: network)
            await peer.drop()
            let second = try await network.reconnected()
            try await second.confirmSubscription()
            _ = try await second.receiveJSON()
            await network.settle()
            await second.drop()
            let third = try await network.reconnected()
            try await third.confirmSubscription()
            try await third.confirmSubscription()
            try await third.expectNothing(but: "mark", from: client)
            withExtendedLifetime(subscriptions) {}
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F50: a refusal ends that one, silence those that wait for it, which the peer is told; the others stand")
    func notRestored() async throws {
        try await withInMemoryNetwork { network in
            let metrics = Puppet()
            let (client, peer, subscriptions) = try await self.client(["a", "b", "c"], in: network) { configuration in
                configuration.requestTimeout = .seconds(5)
                configuration.handlers.metrics = metrics
            }
            await peer.drop()
            await network.settle()
            var events = EventReader(client)
            let second = try await network.reconnected()
            var ids: [JSONValue] = []
            for _ in 0..<3 { ids.append(try await second.receiveJSON()["id"] ?? .null) }
            try await second.send(["type": "error", "subscription_id": ids[0], "reason": "delisted"])
            try await second.send(["type": "subscribed", "id": ids[1]])
            await network.advance(by: .seconds(5))
            _ = try await events.next { if case .reconnected = $0 { true } else { nil } }
            let outcomes = events.seen.compactMap { kind -> String? in
                guard case .subscriptionRestored(let channel, let failure) = kind else { return nil }
                return "\(channel) \(failure?.code.rawValue ?? "ok")"
            }
            #expect(outcomes == ["a subscription_failed", "b ok", "c timed_out"])
            #expect(try await second.receiveJSON() == ["type": "unsubscribe", "id": ids[2], "channel": "c"])
            for (index, expected) in [(0, WebSocketError.Code.subscriptionFailed), (2, .timedOut)] {
                var updates = subscriptions[index].makeAsyncIterator()
                guard case .gap = try await updates.next() else { throw EventReader.Ended() }
                let error = await #expect(throws: WebSocketError.self) { try await updates.next() }
                #expect(error?.code == expected)
            }
            #expect(await client.engine.channels.keys.sorted() == ["b"])
            let failed = metrics.journal.value.events.filter {
                $0.name == "websocketnova.subscription.restoration_failed"
            }
            #expect(failed.map { $0.metadata["reason"] } == ["subscription_failed", "timed_out"])
            #expect(failed.map(\.measurements) == [["duration": 0], ["duration": 5]])
            try await client.close()
        }
    }

    @Test(
        "F50: one that is left while there is no connection is not restored; while they are restored, the peer is told"
    )
    func left() async throws {
        try await withInMemoryNetwork { network in
            var (client, peer, subscriptions) = try await self.client(["a", "b", "c", "d"], in: network)
            await peer.drop()
            await network.settle()
            try await client.unsubscribe(from: "a")
            subscriptions.remove(at: 1)
            await network.settle()
            let second = try await network.reconnected()
            let first = try await second.receiveJSON()
            #expect(first["channel"] == "c")
            let last = try await second.receiveJSON()
            try await client.unsubscribe(from: "c")
            #expect(
                try await second.receiveJSON() == ["type": "unsubscribe", "id": first["id"] ?? .null, "channel": "c"]
            )
            try await second.send(["type": "subscribed", "id": first["id"] ?? .null])
            try await second.send(["type": "subscribed", "id": last["id"] ?? .null])
            try await second.expectNothing(but: "mark", from: client)
            #expect(await client.engine.channels.keys.sorted() == ["d"])
            try await client.close()
            withExtendedLifetime(subscriptions) {}
        }
    }

    @Test("F50: one that is left while the limiter holds its restoration is not asked for, and whoever waits goes on")
    func leftBeforeItsTurn() async throws {
        try await withInMemoryNetwork { network in
            let limiter = try DefaultRateLimitHandler(capacity: 5)
            let (client, peer) = try await network.client { $0.handlers.rateLimit = limiter }
            var subscriptions: [Subscription] = []
            for channel in ["a", "b"] {
                let task = await network.start { try await client.subscribe(to: channel) }
                await network.advance(by: .seconds(6))
                try await peer.confirmSubscription()
                subscriptions.append(try await task.value)
            }
            await peer.drop()
            let second = try await network.reconnected()
            await network.advance(by: .seconds(5))
            #expect(try await second.confirmSubscription()["channel"] == "a")
            var events = EventReader(client)
            try await client.unsubscribe(from: "b")
            await network.advance(by: .seconds(60))
            _ = try await events.next { if case .reconnected = $0 { true } else { nil } }
            try await second.expectNothing(but: "mark", from: client)
            #expect(await client.engine.channels.keys.sorted() == ["a"])
            try await client.close()
            withExtendedLifetime(subscriptions) {}
        }
    }

    @Test("F50, F67: imported ones are asked for on the first connection, stay when nobody listens, and can be joined")
    func imported() async throws {
        try await withInMemoryNetwork { network in
            var handler = DefaultSubscriptionHandler()
            _ = try handler.restore(
                [SubscriptionRequest(channel: "a", parameters: ["depth": 1]), SubscriptionRequest(channel: "b")],
                now: .zero
            )
            let client = try WebSocketClient(
                ClientConfiguration.inMemory(network) { [handler] in $0.handlers.subscription = handler }
            )
            let connecting = await network.start { try await client.connect() }
            let peer = try await network.nextPeer()
            try await peer.accept()
            #expect(try await peer.confirmSubscription()["params"] == ["depth": 1])
            #expect(try await peer.confirmSubscription()["channel"] == "b")
            try await connecting.value
            var joined: Subscription? = try await client.subscribe(to: "a", parameters: ["depth": 1])
            try await peer.send(["channel": "a", "n": 1])
            var updates = joined?.makeAsyncIterator()
            #expect(try await updates?.number() == 1)
            (joined, updates) = (nil, nil)
            await network.settle()
            try await peer.expectNothing(but: "mark", from: client)
            await peer.drop()
            let second = try await network.reconnected()
            #expect(try await second.confirmSubscription()["channel"] == "a")
            #expect(try await second.confirmSubscription()["channel"] == "b")
            try await client.unsubscribe(from: "b")
            #expect(try await second.receiveJSON()["type"] == "unsubscribe")
            #expect(joined == nil)
            try await client.close()
        }
    }

    @Test("F50: pending ones do not run out of time while there is no connection")
    func longOutage() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client { $0.requestTimeout = .seconds(600) }
            let pending = await network.start { try await client.subscribe(to: "a") }
            _ = try await peer.receiveJSON()
            network.refuseConnections()
            await peer.drop()
            await network.settle()
            await network.advance(by: .seconds(100))
            network.admitConnections()
            let second = try await network.reconnected()
            // What is heard before the answer has handlers look at their clocks.
            let id = try await second.receiveJSON()["id"] ?? .null
            try await second.send(["type": "welcome"])
            try await second.send(["type": "subscribed", "id": id])
            let subscription = try await pending.value
            try await second.send(["channel": "a", "n": 1])
            var updates = subscription.makeAsyncIterator()
            #expect(try await updates.next()?.gap?.duration == .seconds(101))
            #expect(try await updates.number() == 1)
            try await client.close()
        }
    }

    @Test("F62: a handler that throws for one channel fails that one alone")
    func handlerThrows() async throws {
        try await withInMemoryNetwork { network in
            var handler = Fussy()
            handler.refused = "b"
            let (client, peer, subscriptions) = try await self.client(["a", "b", "c"], in: network) { configuration in
                configuration.handlers.subscription = handler
            }
            await peer.drop()
            let second = try await network.reconnected()
            #expect(try await second.confirmSubscription()["channel"] == "a")
            #expect(try await second.confirmSubscription()["channel"] == "c")
            try await second.expectNothing(but: "mark", from: client)
            var updates = subscriptions[1].makeAsyncIterator()
            _ = try await updates.next()
            let error = await #expect(throws: WebSocketError.self) { try await updates.next() }
            #expect(error?.code == .handlerFailed && error?.underlying is Puppet.Refusal)
            try await client.close()
        }
    }

    /// Throws when it is asked a second time for a channel.
    struct Fussy: SubscriptionTranslator {
        var subscriptions = DefaultSubscriptionHandler()
        var refused = ""
        var asked: Set<String> = []

        mutating func subscribe(
            to channel: String,
            parameters: JSONValue,
            now: Duration
        ) throws -> (id: SubscriptionID, request: OutgoingMessage) {
            if !self.asked.insert(channel).inserted, channel == self.refused { throw Puppet.Refusal() }
            return try self.subscriptions.subscribe(to: channel, parameters: parameters, now: now)
        }
    }

    @Test("F50: a channel that its handler does not restore ends for those who listen, instead of falling silent")
    func notRestorable() async throws {
        struct Forgetful: SubscriptionTranslator {
            var subscriptions = DefaultSubscriptionHandler()
            var restorable: [SubscriptionRequest] { [] }
        }
        try await withInMemoryNetwork { network in
            let (client, peer, subscriptions) = try await self.client(["a"], in: network) { configuration in
                configuration.handlers.subscription = Forgetful()
            }
            await peer.drop()
            let second = try await network.reconnected()
            try await second.expectNothing(but: "mark", from: client)
            var updates = subscriptions[0].makeAsyncIterator()
            let error = await #expect(throws: WebSocketError.self) { while try await updates.next() != nil {} }
            #expect(error?.code == .subscriptionFailed && error?.message.contains("\"a\"") == true)
            try await client.close()
        }
    }
}
