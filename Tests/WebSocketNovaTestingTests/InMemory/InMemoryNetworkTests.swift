import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// Connections over a network in memory, as a user of the test kit has them.
@Suite("A network in memory", .timeLimit(.minutes(1)))
struct InMemoryNetworkTests {
    private static let url = "wss://example.com/feed?key=1"

    /// An open connection and its peer.
    private func connect(
        _ network: InMemoryNetwork,
        _ configuration: WebSocketConfiguration? = nil
    ) async throws -> (socket: WebSocket, peer: InMemoryPeer) {
        let configuration = configuration ?? .inMemory(network)
        async let opening = WebSocket.connect(to: Self.url, configuration: configuration)
        let peer = try await network.nextPeer()
        try await peer.accept()
        return (try await opening, peer)
    }

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
            #expect(!"\(peer.request)".contains("some value"))
            try await peer.accept(subprotocol: "a", headers: ["X-Answer": "42"])
            let socket = try await opening
            #expect(socket.subprotocol == "a")
            #expect(socket.responseHeaders["X-Answer"] == "42")
            await #expect(throws: TestServerError.self) { try await peer.accept() }
        }
    }

    @Test("F87: messages, fragments and pings go both ways")
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
}
