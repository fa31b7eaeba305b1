import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

@Suite("Random lives of a client", .timeLimit(.minutes(2)))
struct RandomLifeTests {
    /// What a peer does with a request that comes.
    enum Mood: CaseIterable, Sendable {
        case accepts, acceptsAndWelcomes, refuses, isSilent, breaksOff
    }

    /// A network with peers of changing moods, and a client that users ask for all kinds of things.
    final class Life: Sendable {
        let network: InMemoryNetwork
        let client: WebSocketClient
        let log = EventLog()
        let mood = Locked(Mood.acceptsAndWelcomes)
        let peers = Locked<[InMemoryPeer]>([])
        let calls = Locked((begun: 0, ended: 0))

        init(_ network: InMemoryNetwork, _ random: inout SeededGenerator) throws {
            self.network = network
            var configuration = ClientConfiguration.life(network, self.log, retries: .limit(4))
            configuration.reconnection =
                ClientConfiguration.Reconnection.allCases.randomElement(using: &random) ?? .always
            configuration.webSocket.keepalive = .init(interval: .seconds(7), timeout: .seconds(5))
            configuration.disconnectedSends = .wait(upTo: .seconds(Int.random(in: 1...40, using: &random)))
            configuration.requestTimeout = .seconds(Int.random(in: 1...20, using: &random))
            configuration.listenerBuffer.count = 50
            if Bool.random(using: &random) {
                configuration.handlers.auth = StagedAuthHandler()
                configuration.authenticatesOnConnect = true
            }
            if Bool.random(using: &random) { configuration.handlers.rateLimit = DefaultRateLimitHandler() }
            var handler = StagedConnectionHandler()
            handler.onFrame = { frame, _ in
                switch frame {
                case .text("again"): .reconnect(after: .milliseconds(300))
                case .text("again later"): .reconnect()
                case .text("close"): .close()
                case .text("stop"): .stop(reason: "the peer says so")
                case .text("fail"): throw CancellationError()
                case .text("reply"): .replyMany([.text("1"), .ping(), .close()])
                default: .ok
                }
            }
            configuration.handlers.connection = handler
            self.client = try WebSocketClient(configuration)
            let (peers, mood) = (self.peers, self.mood)
            network.onConnection { peer in
                peers.withLock { $0.append(peer) }
                switch mood.value {
                case .refuses: return try await peer.refuse(status: 503)
                case .isSilent: break
                case .breaksOff: return await peer.drop()
                case .accepts: try await peer.accept()
                case .acceptsAndWelcomes:
                    try await peer.accept()
                    try await peer.send(#"{"type":"welcome"}"#)
                }
                _ = try await peer.waitUntilClosed()
            }
        }

        /// A call of a user's, of which nothing but its end is wanted.
        func call(cancelledAfter delay: Duration?, _ body: @escaping @Sendable (WebSocketClient) async throws -> Void) {
            let (client, calls, network) = (self.client, self.calls, self.network)
            calls.withLock { $0.begun += 1 }
            let call = network.task {
                _ = try? await body(client)
                calls.withLock { $0.ended += 1 }
            }
            guard let delay else { return }
            _ = network.task {
                try await network.sleep(for: delay)
                call.cancel()
            }
        }

        /// One thing that happens.
        func step(_ random: inout SeededGenerator) async {
            let delay: Duration? =
                Int.random(in: 0...3, using: &random) == 0
                ? .milliseconds(Int.random(in: 0...3000, using: &random)) : nil
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<30: await self.fault(&random)
            case 30..<40: self.mood.value = Mood.allCases.randomElement(using: &random) ?? .accepts
            case 40..<42: self.network.refuseConnections()
            case 42..<50: self.network.admitConnections()
            case 50..<58: self.call(cancelledAfter: delay) { try await $0.send("hello") }
            case 58..<62: self.call(cancelledAfter: delay) { _ = try await $0.upgrade(path: "/more") }
            case 62..<67: self.call(cancelledAfter: delay) { try await $0.authenticate() }
            case 67..<72: self.call(cancelledAfter: delay) { _ = try await $0.subscribe(to: "news") }
            case 72..<78:
                self.call(cancelledAfter: delay) { _ = try await $0.request(.json(["id": 1]), correlatedBy: \.id) }
            case 78..<80: self.call(cancelledAfter: delay) { try await $0.ping() }
            case 80..<83: self.call(cancelledAfter: delay) { try await $0.send([.text("a"), .ping()], on: $0.stream) }
            case 83..<84: self.call(cancelledAfter: delay) { _ = try await $0.waitUntilEnded() }
            case 84: self.call(cancelledAfter: delay) { _ = try await $0.close() }
            default: await self.network.advance(by: .milliseconds(Int.random(in: 0...5000, using: &random)))
            }
        }

        private func fault(_ random: inout SeededGenerator) async {
            guard let peer = self.peers.value.suffix(3).randomElement(using: &random) else { return }
            let words = ["again", "again later", "close", "stop", "fail", "reply", "{}", #"{"type":"unwelcome"}"#]
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<3: await peer.drop()
            case 3..<5: await peer.end()
            case 5..<7:
                try? await peer.close(code: [.goingAway, .serviceRestart].randomElement(using: &random) ?? .goingAway)
            case 7: try? await peer.close()
            case 8: try? await peer.send(raw: [0xFF])
            case 9: peer.answersPings.toggle()
            case 10: peer.answersClose.toggle()
            case 11: await peer.stopReading()
            case 12: await peer.resumeReading()
            default:
                // Words that end the client are rare, so that lives are long.
                let word = words.randomElement(using: &random) ?? ""
                if word == "stop" || word == "close", Int.random(in: 0...4, using: &random) > 0 { return }
                try? await peer.send(word)
            }
        }
    }

    @Test(
        "F49, F54: one end, nothing after it, no timer and no connection left, and every call has ended",
        arguments: 0..<60 as Range<UInt64>
    )
    func lives(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let network = try InMemoryNetwork()
        let life = try Life(network, &random)
        let events = life.client.events(withFrames: false)
        life.call(cancelledAfter: Int.random(in: 0...9, using: &random) == 0 ? .seconds(1) : nil) {
            try await $0.connect()
        }
        for _ in 0..<Int.random(in: 5...120, using: &random) { await life.step(&random) }
        let ending = network.task { try await life.client.close() }
        // The longest that anything may take: an answer to the Close frame that does not come.
        await network.advance(by: .seconds(25))
        let end = try await ending.value
        await network.settle()
        let words = life.log.words
        #expect(words.last == "ended" && words.count { $0 == "ended" } == 1, "seed \(seed): \(words.suffix(5))")
        #expect(life.client.status.isTerminal, "seed \(seed)")
        #expect((life.client.status == .closed) == (end == .local), "seed \(seed): \(end)")
        var heard: [String] = []
        for await event in events { heard.append(event.words) }
        #expect(heard == words.filter { !$0.hasPrefix("frame") }, "seed \(seed)")
        // Cancellations of the test's own may be to come.
        await network.advance(by: .seconds(10))
        #expect(life.calls.value.begun == life.calls.value.ended, "seed \(seed): \(life.calls.value)")
        #expect(await network.remainingTimers() == 0, "seed \(seed)")
        #expect(await network.connectionCount == 0, "seed \(seed)")
        #expect(life.log.words.count == words.count, "seed \(seed): something came after the end")
        #expect(await life.client.state.activeStreams.isEmpty, "seed \(seed)")
        // Each reconnection was announced, and each is another stream.
        let upgraded = words.filter { $0.hasPrefix("upgraded") }
        #expect(Set(upgraded).count == upgraded.count, "seed \(seed)")
        await network.shutDown()
    }
}
