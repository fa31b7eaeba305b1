import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// Connections over a network in memory, as a user of the test kit has them.
@Suite("A network in memory", .timeLimit(.minutes(1)))
struct InMemoryNetworkTests {
    private static let url = "wss://example.com/feed?key=1"

    // MARK: Opening

    @Test("F87: a connection opens without a socket, and the peer sees its request")
    func opens() async throws {
        try await withInMemoryNetwork { network in
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.subprotocols = ["b", "a"]
            configuration.headers["X-Custom"] = "some value"
            async let opening = WebSocket.connect(to: Self.url, configuration: configuration)
            let peer = try await network.nextPeer()
            #expect(peer.number == 1)
            #expect(peer.request.target == "/feed?key=1")
            #expect(peer.request.path == "/feed")
            #expect(peer.request.host == "example.com")
            #expect(peer.request.port == 443)
            #expect(peer.request.isSecure)
            #expect(peer.request.subprotocols == ["b", "a"])
            #expect(peer.request.headers["x-custom"] == "some value")
            #expect(peer.request.head.starts(with: Array("GET /feed?key=1 HTTP/1.1\r\n".utf8)))
            #expect("\(peer.request)" == "GET /feed")
            try await peer.accept(subprotocol: "a", headers: ["X-Answer": "42"])
            let socket = try await opening
            #expect(socket.subprotocol == "a")
            #expect(socket.responseHeaders["X-Answer"] == "42")
            await #expect(throws: TestServerError.self) { try await peer.accept() }
        }
    }

    @Test("F87: messages and pings go both ways")
    func echoes() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                try await peer.accept()
                try await peer.echo()
            }
            let configuration = WebSocketConfiguration.inMemory(network)
            let closed = try await withWebSocket(to: Self.url, configuration: configuration) { socket in
                try await socket.send("hello")
                #expect(try await socket.nextMessage() == .text("hello"))
                let large = [UInt8](repeating: 7, count: 900_000)
                try await socket.send(large)
                #expect(try await socket.nextMessage() == .binary(large))
                #expect(try await socket.ping() == .zero)
            }
            #expect(closed.wasClean)
            #expect(closed.initiator == .local)
            #expect(await network.scriptErrors.isEmpty)
        }
    }

    @Test func `a refusal comes with its status, headers and the beginning of its body`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                let body = String(repeating: "no", count: 50)
                try await peer.refuse(status: 403, headers: ["Retry-After": "7"], body: body)
            }
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.limits.refusalBodySize = 10
            let error = await self.openingError(configuration)
            #expect(error?.code == .upgradeRefused)
            #expect(error?.handshake?.status == 403)
            #expect(error?.handshake?.headers["retry-after"] == "7")
            #expect(error?.handshake?.headers["content-length"] == "100")
            #expect(error?.handshake?.bodyPrefix == Array("nononono".utf8) + Array("no".utf8))
            #expect(await network.scriptErrors.isEmpty)
        }
    }

    @Test func `redirections are followed from peer to peer`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                if peer.number == 1 {
                    try await peer.refuse(status: 307, headers: ["Location": "/elsewhere"])
                } else {
                    try await peer.accept()
                    try await peer.send(peer.request.path)
                    try await peer.echo()
                }
            }
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.redirects = .follow(limit: 1)
            try await withWebSocket(to: Self.url, configuration: configuration) { socket in
                let message = try await socket.nextMessage()
                #expect(message == .text("/elsewhere"))
            }
        }
    }

    @Test func `an answer that is wrong, or too long, is refused by the client`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                if peer.number == 1 {
                    try await peer.accept(headers: ["sec-websocket-accept": "wrong"])
                } else {
                    try await peer.accept(headers: ["X-Long": String(repeating: "x", count: 100_000)])
                }
            }
            let configuration = WebSocketConfiguration.inMemory(network)
            #expect(await self.openingError(configuration)?.code == .invalidUpgradeResponse)
            #expect(await self.openingError(configuration)?.code == .invalidUpgradeResponse)
        }
    }

    @Test func `a peer that leaves before it answers, or makes the transport fail, fails the opening`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                switch peer.number {
                case 1: break
                case 2: await peer.drop()
                case 3: await peer.end()
                default: try await peer.fail(WebSocketError(.tlsFailed, "a certificate that is not trusted"))
                }
            }
            let configuration = WebSocketConfiguration.inMemory(network)
            for _ in 0..<3 { #expect(await self.openingError(configuration)?.code == .transportFailed) }
            #expect(await self.openingError(configuration)?.code == .tlsFailed)
            #expect(await network.connectionCount == 0)
            #expect(await network.openingCount == 4)
        }
    }

    @Test func `a server that is down refuses connections until it is up again`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                try await peer.accept()
                try await peer.echo()
            }
            let configuration = WebSocketConfiguration.inMemory(network)
            network.refuseConnections()
            #expect(await self.openingError(configuration)?.code == .connectFailed)
            network.refuseConnections(with: WebSocketError(.resolveFailed, "no such name"))
            #expect(await self.openingError(configuration)?.code == .resolveFailed)
            network.admitConnections()
            try await withWebSocket(to: Self.url, configuration: configuration) { socket in
                try await socket.send("up")
                #expect(try await socket.nextMessage() == .text("up"))
            }
        }
    }

    // MARK: Deadlines, without waiting for them

    @Test("F87: the open deadline passes when the clock is advanced, and not before")
    func openDeadline() async throws {
        try await withInMemoryNetwork { network in
            let configuration = WebSocketConfiguration.inMemory(network)
            async let failure = self.openingError(configuration)
            let peer = try await network.nextPeer()
            await network.advance(by: .milliseconds(9_999))
            #expect(await network.connectionCount == 1)
            await network.advance(by: .milliseconds(1))
            #expect(await failure?.deadline == WebSocketError.Deadline(.open, phase: .upgrade, limit: .seconds(10)))
            #expect(try await peer.waitUntilClosed() == .clientReset)
            await #expect(throws: TestServerError.self) { try await peer.accept() }
        }
    }

    @Test(arguments: ["resolve", "connect", "tls", "upgrade"])
    func `a phase that takes long meets its deadline`(phase: String) async throws {
        try await withInMemoryNetwork { network in
            let kind = WebSocketError.Deadline.Kind(rawValue: phase)
            network.delayOpenings(by: .seconds(5), in: kind)
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.deadlines.resolve = .seconds(2)
            configuration.deadlines.connect = .seconds(2)
            configuration.deadlines.tls = .seconds(2)
            configuration.deadlines.upgrade = .seconds(2)
            // On the loop, so that the clock waits for what it does.
            let opening = Task(executorPreference: network.taskExecutor) { [configuration] in
                await self.openingError(configuration)
            }
            await network.advance(by: .seconds(5))
            #expect(await opening.value?.deadline == .init(kind, phase: kind, limit: .seconds(2)))
        }
    }

    @Test("F87: pings keep a connection for an hour, and one that is not answered ends it")
    func keepalive() async throws {
        try await withInMemoryNetwork { network in
            var configuration = WebSocketConfiguration.inMemory(network)
            configuration.keepalive = .init(interval: .seconds(10), timeout: .seconds(5))
            let (socket, peer) = try await connect(network, configuration)
            await network.advance(by: .seconds(3_600))
            #expect(socket.closeInfo == nil)
            peer.answersPings = false
            await network.advance(by: .seconds(15))
            #expect(socket.closeInfo?.cause == .timedOut)
            guard case .ping = try await peer.receive() else {
                Issue.record("no ping")
                return
            }
            #expect(try await peer.waitUntilClosed() == .clientReset)
        }
    }

    @Test("F87: the close deadline ends a connection whose peer does not answer the Close frame")
    func closeDeadline() async throws {
        try await withInMemoryNetwork { network in
            let (socket, peer) = try await connect(network)
            peer.answersClose = false
            async let closing = socket.close(code: .goingAway, reason: "bye")
            #expect(try await peer.receive() == .close(.goingAway, reason: "bye"))
            await network.advance(by: .seconds(10))
            let closed = try await closing
            #expect(!closed.wasClean)
            #expect(closed.cause == .timedOut)
            #expect(try await peer.receive() == nil)
        }
    }

    // MARK: Several connections

    @Test func `a script knows a first connection from the next`() async throws {
        try await withInMemoryNetwork { network in
            network.onConnection { peer in
                try await peer.accept()
                if peer.number == 1 {
                    try await peer.send("first")
                    throw TestServerError("the first one breaks")
                }
                try await peer.echo()
            }
            let configuration = WebSocketConfiguration.inMemory(network)
            let first = try await WebSocket.connect(to: Self.url, configuration: configuration)
            #expect(try await first.nextMessage() == .text("first"))
            await #expect(throws: WebSocketError.self) { try await first.nextMessage() }
            #expect(first.closeInfo?.cause == .reset)
            let second = try await WebSocket.connect(to: Self.url, configuration: configuration)
            try await second.send("x")
            #expect(try await second.nextMessage() == .text("x"))
            #expect(await network.scriptErrors.count == 1)
        }
    }

    @Test func `networks do not meddle with each other`() async throws {
        try await withThrowingTaskGroup { group in
            for number in 0..<40 {
                group.addTask {
                    try await withInMemoryNetwork { network in
                        await network.advance(by: .seconds(number))
                        let (socket, peer) = try await connect(network)
                        try await peer.send("\(number)")
                        #expect(try await socket.nextMessage() == .text("\(number)"))
                        #expect(network.now == .seconds(number))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: The end

    @Test func `shutting the network down ends connections, openings and every wait`() async throws {
        let network = try InMemoryNetwork()
        let configuration = WebSocketConfiguration.inMemory(network)
        let (socket, peer) = try await connect(network)
        async let opening = self.openingError(configuration)
        let silent = try await network.nextPeer()
        let next = Task { try await network.nextPeer() }
        async let received = peer.receive()
        await network.shutDown()
        #expect(try await received == nil)
        #expect(try await silent.waitUntilClosed() == .network)
        #expect(await opening?.code == .loopShutDown)
        #expect(socket.closeInfo?.cause == .local)
        await #expect(throws: TestServerError.self) { _ = try await next.value }
        #expect(await self.openingError(configuration)?.code == .loopShutDown)
        await network.shutDown()
    }

    @Test func `who waits for a peer can be cancelled`() async throws {
        try await withInMemoryNetwork { network in
            let waiting = Task { try await network.nextPeer() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { _ = try await waiting.value }
            let (_, peer) = try await connect(network)
            #expect(peer.number == 1)
        }
    }

    private func openingError(_ configuration: WebSocketConfiguration) async -> WebSocketError? {
        do {
            _ = try await WebSocket.connect(to: Self.url, configuration: configuration)
            return nil
        } catch {
            return error as? WebSocketError
        }
    }
}

/// An open connection and its peer.
func connect(
    _ network: InMemoryNetwork,
    _ configuration: WebSocketConfiguration? = nil
) async throws -> (socket: WebSocket, peer: InMemoryPeer) {
    let configuration = configuration ?? .inMemory(network)
    async let opening = WebSocket.connect(to: "ws://example.com/", configuration: configuration)
    let peer = try await network.nextPeer()
    try await peer.accept()
    return (try await opening, peer)
}
