import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// A connection that is gone again before those who waited for it have taken notice.
@Suite("A connection that is lost as soon as it is there", .timeLimit(.minutes(1)))
struct LostAgainTests {
    @Test("F46: who waited for it waits for the next one, and what he sends goes out once")
    func waitsOn() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network, retries: .unlimited)
            configuration.disconnectedSends = .wait(upTo: .seconds(30))
            let (client, first) = try await network.client(configuration)
            await first.drop()
            await network.settle()
            let sending = network.task { try await client.send("once") }
            let asking = network.task {
                try await client.request(.json(["id": 7]), correlatedBy: \.id, timeout: .seconds(30)).json
            }
            await network.settle()
            for _ in 0..<3 {
                await network.advance(by: .seconds(1))
                try await network.nextPeer().acceptAndDrop()
                await network.settle()
            }
            await network.advance(by: .seconds(1))
            let peer = try await network.acceptNext()
            var texts: Set<String> = []
            for _ in 0..<2 {
                guard case .text(let text)? = try await peer.receive() else { break }
                texts.insert(text)
            }
            #expect(texts == ["once", #"{"id":7}"#])
            try await peer.send(#"{"id":7,"ok":true}"#)
            try await sending.value
            #expect(try await asking.value == ["id": 7, "ok": true])
            try await client.close()
        }
    }

    @Test("A wait for it has one time limit, however often it comes and goes")
    func limit() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network, retries: .unlimited)
            configuration.disconnectedSends = .wait(upTo: .milliseconds(2_500))
            let (client, first) = try await network.client(configuration)
            await first.drop()
            await network.settle()
            let sending = network.task { try await client.send("late") }
            await network.settle()
            for _ in 0..<2 {
                await network.advance(by: .seconds(1))
                try await network.nextPeer().acceptAndDrop()
                await network.settle()
            }
            await network.advance(by: .milliseconds(500))
            #expect(await sending.errorCode == .notConnected)
            try await client.close()
        }
    }
}

extension LostAgainTests {
    @Test("F50, F53: a peer that closes while subscriptions are restored is judged by its close code")
    func closedWhileRestoring() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.handlers.auth = StagedAuthHandler()
            let (client, first) = try await network.client(configuration)
            let authenticating = network.task { try await client.authenticate() }
            #expect(try await first.receive() == .text(#"{"type":"login"}"#))
            try await first.send(#"{"type":"welcome"}"#)
            try await authenticating.value
            let subscribing = network.task { try await client.subscribe(to: "news") }
            _ = try await first.receive()
            try await first.send(#"{"type":"subscribed","id":"sub_1"}"#)
            let news = try await subscribing.value

            await first.drop()
            await network.settle()
            await network.advance(by: .seconds(1))
            let second = try await network.acceptNext()
            #expect(try await second.receive() == .text(#"{"type":"login"}"#))
            // The answer comes, and with it the end: the subscription cannot be asked for any more.
            try await second.send(#"{"type":"welcome"}"#, thenClose: .serviceRestart)
            await network.settle()
            #expect(client.status == .reconnecting, "\(log.words)")

            await network.advance(by: .seconds(1))
            let third = try await network.acceptNext()
            #expect(try await third.receive() == .text(#"{"type":"login"}"#))
            try await third.send(#"{"type":"welcome"}"#)
            guard case .text(let text)? = try await third.receive() else {
                Issue.record("nothing is asked for")
                return
            }
            #expect(text.contains(#""channel":"news""#))
            withExtendedLifetime(news) {}
            _ = network.task { try await client.close() }
            await network.settle()
        }
    }
}

extension InMemoryPeer {
    /// In one turn of the loop: nobody else runs in between.
    fileprivate func send(_ text: String, thenClose code: WebSocketCloseCode) throws {
        try self.send(text)
        try self.close(code: code)
    }

    /// In one turn of the loop: nobody else runs in between.
    fileprivate func acceptAndDrop() throws {
        try self.accept()
        self.drop()
    }
}
