import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("Sends of a client that has no connection", .timeLimit(.minutes(1)))
struct DisconnectedSendsTests {
    private func lost(
        _ network: InMemoryNetwork,
        _ policy: ClientConfiguration.DisconnectedSendPolicy
    ) async throws -> WebSocketClient {
        var configuration = ClientConfiguration.life(network)
        configuration.disconnectedSends = policy
        let (client, peer) = try await network.client(configuration)
        await peer.drop()
        await network.settle()
        return client
    }

    @Test("F46: a send that waits goes out on the next connection, in the order of its sender")
    func waits() async throws {
        try await withInMemoryNetwork { network in
            let client = try await self.lost(network, .wait(upTo: .seconds(30)))
            let senders = (0..<4).map { sender in
                network.task {
                    for number in 0..<25 { try await client.send("\(sender) \(number)") }
                }
            }
            await network.advance(by: .seconds(1))
            let peer = try await network.acceptNext()
            for sender in senders { try await sender.value }
            var seen: [Substring: Int] = [:]
            for _ in 0..<100 {
                guard case .text(let text)? = try await peer.receive() else {
                    Issue.record("too few")
                    return
                }
                let words = text.split(separator: " ")
                #expect(seen[words[0], default: 0] == Int(words[1]))
                seen[words[0], default: 0] += 1
            }
            #expect(seen.count == 4)
            try await client.close()
        }
    }

    @Test("A send that waits longer than it may fails then, and is not sent later")
    func waitsTooLong() async throws {
        try await withInMemoryNetwork { network in
            let client = try await self.lost(network, .wait(upTo: .milliseconds(700)))
            let sending = network.task { try await client.send("late") }
            await network.advance(by: .milliseconds(699))
            #expect(client.engine.routeWaiters.count == 1)
            await network.advance(by: .milliseconds(1))
            #expect(await sending.errorCode == .notConnected)
            await network.advance(by: .milliseconds(300))
            let peer = try await network.acceptNext()
            try await client.send("next")
            #expect(try await peer.receive() == .text("next"))
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("The time that a send may wait is that of all its waits together")
    func waitsOnceOnly() async throws {
        try await withInMemoryNetwork { network in
            let client = try await self.lost(network, .wait(upTo: .milliseconds(2_500)))
            // A connection that is full takes nothing, and is lost: the send waits again.
            let big = [UInt8](repeating: 1, count: 4 << 20)
            let sending = network.task { for _ in 0..<8 { try await client.send(big) } }
            await network.advance(by: .seconds(1))
            let peer = try await network.nextPeer()
            await peer.stopReading()
            try await peer.accept()
            await network.settle()
            network.refuseConnections()
            // The one of them that waits for room has begun to wait by now.
            await network.advance(by: .seconds(1))
            #expect(client.engine.routeWaiters.isEmpty)
            await peer.drop()
            await network.advance(by: .milliseconds(1_499))
            #expect(client.engine.routeWaiters.count == 1)
            await network.advance(by: .milliseconds(1))
            #expect(client.engine.routeWaiters.isEmpty)
            #expect(await sending.errorCode == .notConnected)
            try await client.close()
        }
    }

    @Test("A send that may not wait fails at once, and one that is dropped says nothing")
    func failsOrDrops() async throws {
        for policy in [ClientConfiguration.DisconnectedSendPolicy.failFast, .drop] {
            try await withInMemoryNetwork { network in
                let client = try await self.lost(network, policy)
                let sending = network.task { try await client.send("x") }
                #expect(await sending.errorCode == (policy == .failFast ? .notConnected : nil))
                let frame = network.task { try await client.send(WebSocketFrame.binary([1])) }
                #expect(await frame.errorCode == (policy == .failFast ? .notConnected : nil))
                await network.advance(by: .seconds(1))
                let peer = try await network.acceptNext()
                try await client.send("y")
                #expect(try await peer.receive() == .text("y"))
                try await client.close()
            }
        }
    }

    @Test("What waits goes out behind the authentication and the subscriptions, whether or not it names the stream")
    func afterRestoring() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            configuration.handlers.auth = StagedAuthHandler()
            configuration.authenticatesOnConnect = true
            let client = try WebSocketClient(configuration)
            let connecting = network.task { try await client.connect() }
            let first = try await network.acceptNext()
            #expect(try await first.receive() == .text(#"{"type":"login"}"#))
            try await first.send(#"{"type":"welcome"}"#)
            try await connecting.value
            let subscribing = network.task { try await client.subscribe(to: "news") }
            #expect(try await first.receive() != nil)
            try await first.send(#"{"type":"subscribed","id":"sub_1"}"#)
            let subscription = try await subscribing.value
            await first.drop()
            await network.settle()
            let waiting = network.task { try await client.send("waited") }
            await network.advance(by: .seconds(1))
            let second = try await network.acceptNext()
            let named = network.task { try await client.send(.text("named"), on: client.stream) }
            #expect(try await second.receive() == .text(#"{"type":"login"}"#))
            await network.settle()
            try await second.send(#"{"type":"welcome"}"#)
            guard case .text(let request)? = try await second.receive() else {
                Issue.record("nothing came")
                return
            }
            #expect(request.contains("subscribe") && request.contains("sub_2"))
            await network.settle()
            try await second.send(#"{"type":"subscribed","id":"sub_2"}"#)
            try await waiting.value
            try await named.value
            var texts: Set<InMemoryPeer.Message?> = []
            for _ in 0..<2 { texts.insert(try await second.receive()) }
            #expect(texts == [.text("waited"), .text("named")])
            withExtendedLifetime(subscription) {}
            try await client.close()
        }
    }

    @Test("A message that names the present stream is refused when that is lost while it waits")
    func namedAndLost() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            configuration.handlers.auth = StagedAuthHandler()
            configuration.authenticatesOnConnect = true
            let client = try WebSocketClient(configuration)
            let connecting = network.task { try await client.connect() }
            let first = try await network.acceptNext()
            try await first.send(#"{"type":"welcome"}"#)
            try await connecting.value
            await first.drop()
            await network.advance(by: .seconds(1))
            let second = try await network.acceptNext()
            let named = network.task { try await client.send(.text("named"), on: client.stream) }
            await network.settle()
            await second.drop()
            await network.advance(by: .seconds(1))
            let third = try await network.acceptNext()
            try await third.send(#"{"type":"welcome"}"#)
            #expect(await named.errorCode == .streamNotFound)
            try await client.close()
        }
    }

    @Test("Cancelling a send that waits takes it back")
    func cancelled() async throws {
        try await withInMemoryNetwork { network in
            let client = try await self.lost(network, .wait(upTo: .seconds(30)))
            let kept = network.task { try await client.send("kept") }
            let taken = network.task { try await client.send("taken back") }
            await network.settle()
            taken.cancel()
            await #expect(throws: CancellationError.self) { try await taken.value }
            await network.advance(by: .seconds(1))
            let peer = try await network.acceptNext()
            try await kept.value
            try await client.send("last")
            #expect(try await peer.receive() == .text("kept"))
            #expect(try await peer.receive() == .text("last"))
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("Sends that wait fail when the client is closed, or gives up, with the reason", arguments: [true, false])
    func ends(byClose: Bool) async throws {
        try await withInMemoryNetwork { network in
            let client = try await self.lost(network, .wait(upTo: .seconds(3600)))
            let waiting = (0..<5).map { number in network.task { try await client.send("\(number)") } }
            await network.settle()
            if byClose {
                try await client.close()
            } else {
                await network.advance(by: .seconds(1))
                try await network.nextPeer().refuse(status: 403)
            }
            for task in waiting { #expect(await task.errorCode == (byClose ? .connectionClosed : .upgradeRefused)) }
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F31: a list of frames, and one of messages, goes out in order, across a reconnection too")
    func lists() async throws {
        try await withInMemoryNetwork { network in
            let (client, first) = try await network.client(.life(network))
            try await client.send([.text("1"), .ping([2]), .binary([3]), .pong([4]), .text("5")])
            // Control frames may go before messages that wait in the queue, but these do not wait.
            first.answersPings = true
            #expect(try await first.receive() == .text("1"))
            #expect(try await first.receive() == .binary([3]))
            #expect(try await first.receive() == .pong([4]))
            #expect(try await first.receive() == .text("5"))
            await first.drop()
            await network.settle()
            let sending = network.task {
                try await client.send(contentsOf: (0..<50).map { WebSocketMessage.text("\($0)") })
            }
            await network.advance(by: .seconds(1))
            let second = try await network.acceptNext()
            try await sending.value
            for number in 0..<50 { #expect(try await second.receive() == .text("\(number)")) }
            let bad = network.task {
                try await client.send([.text("6"), .ping(Array(repeating: 0, count: 126)), .text("7")])
            }
            #expect(await bad.errorCode == .controlFrameTooLarge)
            #expect(try await second.receive() == .text("6"))
            try await client.send("8")
            #expect(try await second.receive() == .text("8"))
            try await client.close()
        }
    }
}
