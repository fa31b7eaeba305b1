import InMemoryLogging
import Logging
import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

@Suite("Authentication", .timeLimit(.minutes(1)))
struct AuthenticationTests {
    private static let key = DefaultAuthHandler(.key("account", secret: "swordfish-secret"))

    private func client(
        _ network: InMemoryNetwork,
        _ configure: (inout ClientConfiguration) -> Void = { _ in }
    ) async throws -> (client: WebSocketClient, peer: InMemoryPeer) {
        try await network.client { configuration in
            configuration.handlers.auth = Self.key
            configure(&configuration)
        }
    }

    private func handler(_ client: WebSocketClient) async throws -> DefaultAuthHandler {
        try #require(await client.state.handlers.auth as? DefaultAuthHandler)
    }

    @Test("F68: authenticate sends the request with the wall clock's time, and returns when the peer is content")
    func authenticates() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let task = await network.start { try await client.authenticate() }
            let request = try await peer.receiveJSON()
            #expect(request["type"] == "auth" && request["api_key"] == "account")
            #expect(request["timestamp"] == .integer(1_767_225_600))
            #expect(request["signature"]?.string?.utf8.count == 64)
            try await peer.send(["type": "auth_success", "expires_in": 600])
            try await task.value
            let handler = try await self.handler(client)
            #expect(handler.status == .authenticated && handler.expiry == 1_767_226_200)
            #expect(await client.engine.waiting == [:])
            try await client.close()
        }
    }

    @Test("F68: a refusal is thrown with the peer's reason; the next attempt may succeed")
    func refused() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let task = await network.start { try await client.authenticate() }
            _ = try await peer.receiveJSON()
            try await peer.send(["type": "auth_error", "reason": "wrong signature"])
            let error = await #expect(throws: WebSocketError.self) { try await task.value }
            #expect(error?.code == .authenticationFailed && error?.message.contains("wrong signature") == true)
            let again = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await again.value
            try await client.close()
        }
    }

    @Test("F68: without an answer it times out for all who wait; without credentials nothing is sent")
    func timeout() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network) { $0.requestTimeout = .seconds(5) }
            let first = await network.start { try await client.authenticate() }
            _ = try await peer.receiveJSON()
            await network.advance(by: .seconds(3))
            let second = await network.start { try await client.authenticate() }
            await network.advance(by: .seconds(2))
            #expect(await first.errorCode == .timedOut)
            #expect(await second.errorCode == .timedOut)
            #expect(await client.engine.waiting == [:])
            // The next one asks anew.
            let third = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await third.value
            try await client.close()
        }
        try await withInMemoryNetwork { network in
            let (client, peer) = try await network.client()
            #expect(await code { try await client.authenticate() } == .missingCredentials)
            try await peer.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test("F68: concurrent calls share one request; cancelling one of them, the first too, leaves the others")
    func shared() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            var tasks: [Task<Void, any Error>] = []
            for _ in 0..<5 { tasks.append(await network.start { try await client.authenticate() }) }
            tasks[0].cancel()
            tasks[3].cancel()
            #expect(await tasks[0].wasCancelled)
            #expect(await tasks[3].wasCancelled)
            try await peer.grantAuthentication()
            for index in [1, 2, 4] { try await tasks[index].value }
            try await peer.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test("F68: calls that wait for the connection share what is done on it anyway")
    func sharedWithRestoration() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let first = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await first.value
            await peer.drop()
            await network.settle()
            let waiting = await network.start { try await client.authenticate() }
            let second = try await network.reconnected()
            try await second.grantAuthentication()
            try await waiting.value
            try await second.expectNothing(but: "mark", from: client)
            try await client.close()
        }
    }

    @Test("F68: one that is cancelled, and never answered, is in nobody's way for longer than its time")
    func cancelledUnanswered() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let first = await network.start { try await client.authenticate() }
            _ = try await peer.receiveJSON()
            first.cancel()
            #expect(await first.wasCancelled)
            await network.advance(by: .seconds(30))
            let second = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await second.value
            try await client.close()
        }
    }

    @Test("F51: the loss of the connection fails a call that waits, and its timer goes with it")
    func lost() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let task = await network.start { try await client.authenticate() }
            _ = try await peer.receiveJSON()
            await peer.drop()
            #expect(await task.errorCode == .connectionClosed)
            // It has not succeeded, so it is not the client's to repeat.
            let second = try await network.reconnected()
            try await second.expectNothing(but: "mark", from: client)
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F51: authenticatesOnConnect does so before connect returns; a refusal ends the client")
    func onConnect() async throws {
        try await withInMemoryNetwork { network in
            for isGranted in [true, false] {
                let configuration = ClientConfiguration.inMemory(network) { configuration in
                    configuration.handlers.auth = Self.key
                    configuration.authenticatesOnConnect = true
                }
                let client = try WebSocketClient(configuration)
                var events = EventReader(client)
                let connecting = await network.start { try await client.connect() }
                let peer = try await network.nextPeer()
                try await peer.accept()
                _ = try await peer.receiveJSON()
                #expect(client.socket == nil)
                if isGranted {
                    try await peer.send(["type": "auth_success"])
                    try await connecting.value
                    #expect(client.socket != nil)
                    try await client.close()
                } else {
                    try await peer.send(["type": "auth_error", "reason": "no"])
                    #expect(await connecting.errorCode == .authenticationFailed)
                    let error = try await events.failure()
                    #expect(error.code == .authenticationFailed)
                    await network.advance(by: .seconds(3600))
                    #expect(await network.connectionCount == 0)
                }
            }
            #expect(await network.openingCount == 2)
        }
    }

    @Test("F69: it is repeated before it ends, by the wall clock, again and again")
    func refreshes() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let task = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication(["expires_in": 600, "token": "t1"])
            try await task.value
            await network.advance(by: .seconds(539))
            try await peer.expectNothing(but: "mark", from: client)
            // 60 s before the end, and the second that keeps a client from being kept busy.
            await network.advance(by: .seconds(2))
            let request = try await peer.grantAuthentication(["expires_in": 300, "token": "t2"])
            #expect(request["token"] == "t1")
            await network.advance(by: .seconds(242))
            #expect(try await peer.grantAuthentication()["token"] == "t2")
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F69: a refusal of it is reported, and the client goes on; a timeout is tried again")
    func refreshRefused() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network) { $0.requestTimeout = .seconds(5) }
            let task = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication(["expires_in": 100])
            try await task.value
            var events = EventReader(client)
            await network.advance(by: .seconds(42))
            _ = try await peer.receiveJSON()
            await network.advance(by: .seconds(5))
            #expect(try await events.error().code == .timedOut)
            await network.advance(by: .seconds(1))
            _ = try await peer.receiveJSON()
            try await peer.send(["type": "auth_error", "message": "account closed"])
            let error = try await events.error()
            #expect(error.code == .authenticationFailed && error.message.contains("account closed"))
            await network.advance(by: .seconds(3600))
            try await peer.expectNothing(but: "mark", from: client)
            #expect(try await self.handler(client).status == .failed)
            try await client.close()
        }
    }

    @Test("F51: after a reconnection it is done again, before subscriptions, and before anything that users send")
    func restoredFirst() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let task = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await task.value
            let subscribing = await network.start { try await client.subscribe(to: "x") }
            try await peer.confirmSubscription()
            let subscription = try await subscribing.value
            await peer.drop()
            // What is sent before the client knows of it is lost with the connection.
            await network.settle()
            let send = network.task { try await client.send("waiting") }
            let second = try await network.reconnected()
            let request = try await second.receiveJSON()
            #expect(request["type"] == "auth")
            await network.settle()
            #expect(client.socket == nil)
            try await second.send(["type": "auth_success"])
            #expect(try await second.confirmSubscription()["channel"] == "x")
            try await send.value
            #expect(try await second.receive() == .text("waiting"))
            withExtendedLifetime(subscription) {}
            try await client.close()
        }
    }

    @Test("F51: when it fails after a reconnection, policy decides: a refusal is the end, silence another attempt")
    func restorationFails() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network) { $0.requestTimeout = .seconds(5) }
            let task = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication()
            try await task.value
            var events = EventReader(client)
            await peer.drop()
            let second = try await network.reconnected()
            _ = try await second.receiveJSON()
            await network.advance(by: .seconds(5))
            #expect(try await second.waitUntilClosed() == .clientReset)
            let third = try await network.reconnected()
            _ = try await third.receiveJSON()
            try await third.send(["type": "auth_error", "reason": "account closed"])
            let error = try await events.failure()
            #expect(error.code == .authenticationFailed)
            let causes = events.seen.compactMap { kind -> WebSocketError.Code? in
                if case .reconnecting(_, _, .failed(let error)) = kind { error.code } else { nil }
            }
            #expect(causes == [.transportFailed, .timedOut])
            #expect(await network.openingCount == 3)
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F69: the time for a refresh that comes while subscriptions are restored is not missed")
    func refreshWhileRestoring() async throws {
        try await withInMemoryNetwork { network in
            let (client, peer) = try await self.client(network)
            let task = await network.start { try await client.authenticate() }
            try await peer.grantAuthentication(["expires_in": 70])
            try await task.value
            let subscribing = await network.start { try await client.subscribe(to: "x") }
            try await peer.confirmSubscription()
            let subscription = try await subscribing.value
            await peer.drop()
            let second = try await network.reconnected()
            try await second.grantAuthentication(["expires_in": 70])
            let restoring = try await second.receiveJSON()
            await network.advance(by: .seconds(12))
            #expect(try await second.grantAuthentication(["expires_in": 3600])["type"] == "auth")
            try await second.send(["type": "subscribed", "id": restoring["id"] ?? .null])
            try await second.expectNothing(but: "mark", from: client)
            withExtendedLifetime(subscription) {}
            try await client.close()
        }
    }

    @Test("F68, F85: no secret is in any event, error, log, metric, state or export")
    func secrets() async throws {
        let log = InMemoryLogHandler()
        var logger = Logger(label: "secrets") { _ in log }
        logger.logLevel = .trace
        try await TemporaryDirectory.with { [logger] directory in
            try await withInMemoryNetwork { network in
                let words = Locked<[String]>([])
                var puppet = Puppet()
                puppet.wantsMessages = true
                let (client, peer) = try await self.client(network) { configuration in
                    configuration.webSocket.logger = logger
                    configuration.webSocket.headers = ["Authorization": "Bearer header-secret"]
                    configuration.url = "wss://service.example/feed?key=query-secret"
                    configuration.handlers.logging = DefaultLoggingHandler(level: .trace, format: .json, logger: logger)
                    configuration.handlers.metrics = puppet
                    configuration.exportDirectory = ExportDirectory(directory)
                    configuration.listeners = [
                        EventListener(wantsFrames: false) { event in words.withLock { $0.append("\(event)") } }
                    ]
                }
                try await self.liveWithSecrets(client, peer, in: network, noting: words)
                try await client.exportHistory(to: "\(directory)/history.json")
                words.withLock { words in
                    words += log.entries.map { "\($0.message) \($0.metadata)" }
                    let journal = puppet.journal.value
                    words += journal.events.map { "\($0) \($0.name) \($0.metadata)" } + journal.logged
                }
                let export = try TemporaryDirectory.text("\(directory)/history.json")
                #expect(log.entries.count > 5 && words.value.count > 20 && export.utf8.count > 100)
                for secret in ["swordfish-secret", "session-secret", "header-secret", "query-secret"] {
                    for word in words.value + [export] {
                        // Who prints the state gets its path as it is.
                        if secret == "query-secret", word.contains("activeStreams") || word.contains("HandlerSet") {
                            continue
                        }
                        #expect(!word.contains(secret), "\(secret) in \(word.prefix(1_000))")
                    }
                }
                try await client.close()
            }
        }
    }

    /// Everything in which a secret is used, and what can be printed meanwhile.
    private func liveWithSecrets(
        _ client: WebSocketClient,
        _ peer: InMemoryPeer,
        in network: InMemoryNetwork,
        noting words: Locked<[String]>
    ) async throws {
        func look() async {
            let state = await client.state
            words.withLock { words in
                words += ["\(state)", String(reflecting: state), String(reflecting: state.handlers), "\(client)"]
                var dumped = ""
                dump(state, to: &dumped)
                words.append(dumped)
            }
        }
        let task = await network.start { try await client.authenticate() }
        try await peer.grantAuthentication(["expires_in": 100, "token": "session-secret"])
        try await task.value
        await look()
        await network.advance(by: .seconds(42))
        #expect(try await peer.grantAuthentication(["expires_in": 100])["token"] == "session-secret")
        await network.advance(by: .seconds(42))
        _ = try await peer.receiveJSON()
        try await peer.send(["type": "auth_error", "reason": "no"])
        await network.settle()
        let lost = await network.start { try await client.authenticate() }
        #expect(try await peer.receiveJSON()["signature"] != nil)
        await look()
        await peer.drop()
        let error = try #require(await #expect(throws: WebSocketError.self) { try await lost.value })
        words.withLock { $0 += ["\(error)", String(reflecting: error)] }
        let second = try await network.reconnected()
        _ = try await second.receiveJSON()
        try await second.send(["type": "auth_error", "reason": "no"])
        _ = try await client.waitUntilEnded()
        await look()
    }
}
