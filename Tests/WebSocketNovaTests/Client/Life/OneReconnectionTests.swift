import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

@Suite("One reconnection at a time, and always the same request", .timeLimit(.minutes(1)))
struct OneReconnectionTests {
    @Test("F49: the transport's loss, a handler's wish and a dead keepalive at once make one new connection")
    func concurrentTriggers() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.webSocket.keepalive = .init(interval: .seconds(5), timeout: .seconds(5))
            var handler = StagedConnectionHandler()
            // Each of these asks for another connection: a message, the end of the old one, and the peer's Close frame.
            handler.onFrame = { _, _ in .reconnect(after: .milliseconds(10)) }
            handler.onDisconnect = { _ in .reconnect(after: .milliseconds(10)) }
            configuration.handlers.connection = handler
            let (client, peer) = try await network.client(configuration)
            peer.answersPings = false
            // The ping has gone, and its time runs out in the same moment in which all the others act.
            await network.advance(by: .milliseconds(9_999))
            let others = Locked(0)
            let racing = network.task {
                try await network.sleep(for: .milliseconds(1))
                // Two messages and a Close frame with 1012, in one read, and the reset.
                // The keepalive may have been first.
                try? await peer.send(raw: [0x81, 1, 0x31, 0x81, 1, 0x32, 0x88, 2, 0x03, 0xF4])
                await peer.drop()
                others.withLock { $0 += 1 }
            }
            await network.settle()
            await network.advance(by: .milliseconds(10))
            try await racing.value
            #expect(others.value == 1)
            await network.settle()
            #expect(log.count(of: "again") == 1 && log.count(of: "down") == 1)
            await network.advance(by: .milliseconds(10))
            #expect(await network.openingCount == 2)
            _ = try await network.acceptNext()
            // What the old transport still has to say changes nothing.
            await network.advance(by: .seconds(4))
            #expect(await network.openingCount == 2 && client.stream.generation == 2)
            #expect(client.status == .websocketConnected && log.count(of: "up") == 2)
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F49: many wishes of handlers in one read make one new connection")
    func manyWishes() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            var handler = StagedConnectionHandler()
            handler.onFrame = { _, _ in .reconnect() }
            configuration.handlers.connection = handler
            let (client, peer) = try await network.client(configuration)
            // In one read.
            try await peer.send(raw: (0..<50).flatMap { _ in [0x81, 1, UInt8(ascii: "x")] })
            await network.settle()
            #expect(log.words.filter { $0.hasPrefix("again") } == ["again 1 1000"])
            #expect(log.count(of: "frame") == 1, "nothing is heard of a stream that was given up")
            await network.advance(by: .seconds(5))
            #expect(await network.openingCount == 2)
            #expect(client.status == .connected)
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }

    @Test("F81, F44: a peer that answers no pings is given up, and the next one is connected to")
    func deadPeer() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.webSocket.keepalive = .init(interval: .seconds(20), timeout: .seconds(10))
            let (client, peer) = try await network.client(configuration)
            peer.answersPings = false
            await network.advance(by: .seconds(19))
            #expect(client.status == .websocketConnected)
            await network.advance(by: .seconds(12))
            #expect(log.words.dropFirst(2).prefix(3) == ["down", "error timed_out", "again 1 1000"])
            #expect(try await peer.waitUntilClosed() == .clientReset)
            let second = try await network.acceptNext()
            // This one answers.
            await network.advance(by: .seconds(300))
            #expect(client.status == .websocketConnected && second.number == 2)
            try await client.close()
        }
    }

    @Test("F47: each request is the same as the first one, byte for byte, but for its key")
    func sameRequest() async throws {
        try await withInMemoryNetwork { network in
            var configuration = ClientConfiguration.life(network)
            configuration.url = "wss://user:secret@example.com:8443/v2/feed?token=a%20b&depth=5"
            configuration.webSocket.headers = ["X-Client": "nova", "Authorization": "Bearer 1", "x-many": "1"]
            configuration.webSocket.headers.append(name: "x-many", value: "2")
            configuration.webSocket.subprotocols = ["v2.feed", "v1.feed"]
            configuration.webSocket.compression = CompressionConfiguration()
            let client = try WebSocketClient(configuration)
            let connecting = network.task { try await client.connect() }
            var requests: [InMemoryPeer.Request] = []
            for round in 0..<4 {
                let peer = try await network.nextPeer()
                requests.append(peer.request)
                try await peer.accept(subprotocol: "v1.feed")
                if round == 0 { try await connecting.value }
                await network.settle()
                #expect(client.socket?.subprotocol == "v1.feed")
                await peer.drop()
                await network.advance(by: .seconds(1))
            }
            let keys = requests.map { $0.headers["Sec-WebSocket-Key"] ?? "" }
            #expect(Set(keys).count == 4 && !keys.contains(""))
            let heads = zip(requests, keys).map { request, key in
                String(decoding: request.head, as: UTF8.self).split(separator: key, maxSplits: 1).map(String.init)
            }
            #expect(Set(heads).count == 1, "\(heads)")
            let first = try #require(requests.first)
            #expect(first.target == "/v2/feed?token=a%20b&depth=5")
            #expect(first.subprotocols == ["v2.feed", "v1.feed"] && first.headers["X-Client"] == "nova")
            #expect(first.headers[values: "x-many"] == ["1", "2"])
            #expect(first.headers["Sec-WebSocket-Extensions"]?.contains("permessage-deflate") == true)
            #expect(first.host == "example.com" && first.port == 8443 && first.isSecure)
            try await client.close()
        }
    }

    @Test(
        "F40: a redirected opening is one attempt, and its first transport's end does not end the second one's stream"
    )
    func redirected() async throws {
        try await withInMemoryNetwork { network in
            let log = EventLog()
            var configuration = ClientConfiguration.life(network, log)
            configuration.webSocket.redirects = .follow(limit: 3)
            let client = try WebSocketClient(configuration)
            let connecting = network.task { try await client.connect() }
            try await network.nextPeer().refuse(status: 302, headers: ["Location": "ws://example.com/elsewhere"])
            let peer = try await network.nextPeer()
            #expect(peer.request.target == "/elsewhere")
            try await peer.accept()
            try await connecting.value
            await network.settle()
            #expect(client.status == .websocketConnected && log.words == ["up", "upgraded 1"])
            // The next time it begins at the beginning.
            await peer.drop()
            await network.advance(by: .seconds(1))
            #expect(try await network.acceptNext().request.target == "/feed?x=1")
            try await client.close()
        }
    }

    @Test("F21: an error handler's wish to retry sets the delay, the connection handler is told, and the count goes on")
    func errorHandlerRetries() async throws {
        struct Eager: ErrorHandler {
            mutating func handleError(_ error: WebSocketError, context: ErrorContext) throws -> ErrorDecision {
                .retry(after: .milliseconds(250))
            }
        }
        try await withInMemoryNetwork { network in
            let log = EventLog()
            let losses = Locked(0)
            var configuration = ClientConfiguration.life(network, log)
            configuration.handlers.error = Eager()
            var handler = StagedConnectionHandler()
            handler.onDisconnect = { _ in
                losses.withLock { $0 += 1 }
                return .ok
            }
            configuration.handlers.connection = handler
            let (client, peer) = try await network.client(configuration)
            await peer.drop()
            await network.settle()
            network.refuseConnections()
            await network.advance(by: .milliseconds(600))
            #expect(log.words.filter { $0.hasPrefix("again") } == ["again 1 250", "again 2 250", "again 3 250"])
            #expect(losses.value == 3)
            try await client.close()
            #expect(await network.remainingTimers() == 0)
        }
    }
}
