import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

@Suite("A client that loses its connection", .timeLimit(.minutes(1)))
struct ReconnectionTests {
    @Test("F21, F44, F45, F46: it comes back by itself, under its name, and its handle sends on")
    func comesBack() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, first) = try await network.client(.life(network, log))
            let id = client.id
            try await client.send("before")
            #expect(try await first.receive() == .text("before"))
            await first.drop()
            await network.settle()
            #expect(client.status == .reconnecting)
            await network.advance(by: .milliseconds(999))
            #expect(await network.openingCount == 1)
            await network.advance(by: .milliseconds(1))
            let second = try await network.acceptNext()
            #expect(client.status == .websocketConnected && client.id == id)
            #expect(client.stream == StreamRef(connection: id, generation: 2))
            try await client.send("after")
            #expect(try await second.receive() == .text("after"))
            #expect(
                log.words == [
                    "up", "upgraded 1", "down", "error transport_failed", "again 1 1000", "up", "upgraded 2", "back 2",
                ]
            )
            #expect(WebSocketClient.find(id) === client)
            #expect(try await client.close() == .local)
        }
    }

    @Test("F48: the handler learns that it is a reconnection and which attempt it was, listeners how long the gap was")
    func gap() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let infos = Locked<[ConnectionInfo]>([])
            var configuration = ClientConfiguration.life(network, log)
            var handler = StagedConnectionHandler()
            handler.onConnect = { info in
                infos.withLock { $0.append(info) }
                return .ok
            }
            configuration.handlers.connection = handler
            let (client, first) = try await network.client(configuration)
            await first.drop()
            await network.settle()
            // Two attempts fail, the third one has the peer.
            network.refuseConnections()
            await network.advance(by: .milliseconds(2_500))
            network.admitConnections()
            await network.advance(by: .milliseconds(500))
            _ = try await network.acceptNext()
            #expect(infos.value.map(\.isReconnection) == [false, true])
            #expect(infos.value.map(\.attempt) == [1, 3])
            #expect(infos.value.map(\.stream.generation) == [1, 4])
            let gaps = log.all.compactMap { event -> ClientEvent.Gap? in
                if case .reconnected(_, let gap) = event.kind { gap } else { nil }
            }
            #expect(gaps == [ClientEvent.Gap(duration: .seconds(3), attempts: 3)])
            #expect(log.words.filter { $0.hasPrefix("again") } == ["again 1 1000", "again 2 1000", "again 3 1000"])
            // A second gap is counted anew.
            try await client.close()
        }
    }

    @Test("F48: a connection that is lost before it is authenticated does not end the gap")
    func gapGoesOn() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.handlers.auth = StagedAuthHandler()
            configuration.authenticatesOnConnect = true
            let client = try WebSocketClient(configuration)
            let connecting = network.task { try await client.connect() }
            let first = try await network.acceptNext()
            #expect(client.socket == nil)
            try await first.send(#"{"type":"welcome"}"#)
            try await connecting.value
            await first.drop()
            await network.advance(by: .seconds(1))
            let second = try await network.acceptNext()
            #expect(client.status == .websocketConnected && client.socket == nil)
            await second.drop()
            await network.advance(by: .seconds(1))
            let third = try await network.acceptNext()
            #expect(try await third.receive() == .text(#"{"type":"login"}"#))
            #expect(log.count(of: "back") == 0)
            try await third.send(#"{"type":"welcome"}"#)
            await network.settle()
            let gaps = log.all.compactMap { event -> ClientEvent.Gap? in
                if case .reconnected(_, let gap) = event.kind { gap } else { nil }
            }
            #expect(gaps == [ClientEvent.Gap(duration: .seconds(2), attempts: 2)])
            try await client.close()
        }
    }

    @Test("F20: when the policy says no the client ends in error, with the reason, and no timer runs")
    func givesUp() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let (client, peer) = try await network.client(.life(network, log, retries: .limit(2)))
            network.refuseConnections()
            await peer.drop()
            await network.advance(by: .seconds(60))
            #expect(client.status == .error)
            #expect(await network.openingCount == 3)
            #expect(await network.remainingTimers() == 0)
            guard case .failed(let error) = try await client.waitUntilEnded() else {
                Issue.record("no reason")
                return
            }
            #expect(error.code == .connectFailed)
            #expect(log.words.last == "ended" && log.count(of: "ended") == 1)
            #expect(log.count(of: "again") == 2)
            await #expect(throws: WebSocketError.self) { try await client.send("x") }
        }
    }

    @Test("F19, F52: more reconnections than the limit succeed if each connection was stable")
    func stable() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var (client, peer) = try await network.client(.life(network, log, retries: .limit(1)))
            for generation in 2...8 as ClosedRange<UInt64> {
                await network.advance(by: .seconds(30))
                await peer.drop()
                await network.advance(by: .seconds(1))
                peer = try await network.acceptNext()
                #expect(client.status == .websocketConnected && client.stream.generation == generation)
            }
            #expect(log.count(of: "back") == 7)
            #expect(log.words.filter { $0.hasPrefix("again") } == Array(repeating: "again 1 1000", count: 7))
            // One that was not is the end.
            await network.advance(by: .milliseconds(29_999))
            await peer.drop()
            await network.settle()
            #expect(client.status == .error)
            #expect(await network.remainingTimers() == 0)
        }
    }

    // MARK: Policies

    @Test(
        "Whether a first connection that fails is tried again is a matter of configuration",
        arguments: ClientConfiguration.Reconnection.allCases
    )
    func firstFails(policy: ClientConfiguration.Reconnection) async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            configuration.reconnection = policy
            let client = try WebSocketClient(configuration)
            network.refuseConnections()
            let connecting = network.task { try await client.connect() }
            await network.settle()
            if policy == .always {
                #expect(client.status == .reconnecting)
                network.admitConnections()
                await network.advance(by: .seconds(1))
                _ = try await network.acceptNext()
                try await connecting.value
                try await client.close()
            } else {
                #expect(await connecting.errorCode == .connectFailed)
                #expect(client.status == .error)
            }
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("A first connection that is tried again fails with the last attempt's error, and tells of no gap")
    func firstFailsInTheEnd() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.reconnection = .always
            let client = try WebSocketClient(configuration)
            let connecting = network.task { try await client.connect() }
            for status in [500, 502, 503, 401] {
                try await network.nextPeer().refuse(status: status)
                await network.advance(by: .seconds(1))
            }
            guard case .failure(let error) = await connecting.result else {
                Issue.record("connected")
                return
            }
            #expect((error as? WebSocketError)?.handshake?.status == 401)
            #expect(log.count(of: "back") == 0 && log.count(of: "again") == 3)
        }
    }

    @Test("F61: a handler's own wish to reconnect does not go beyond a configuration that says never")
    func never() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            configuration.reconnection = .never
            var handler = StagedConnectionHandler()
            handler.onFrame = { _, _ in .reconnect(after: .zero) }
            configuration.handlers.connection = handler
            let (client, peer) = try await network.client(configuration)
            try await peer.send("x")
            await network.advance(by: .seconds(100))
            #expect(client.status == .error)
            #expect(await network.openingCount == 1)
        }
    }
}
