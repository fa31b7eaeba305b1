import TestSupport
import Testing
import WebSocketCore
import WebSocketNovaTesting

@testable import WebSocketNova

/// What four hands have set, seen at the peer.
@Suite("The precedence of what is configured, through connect", .timeLimit(.minutes(1)))
struct PrecedenceThroughClientTests {
    struct ServiceAdapter: Adapter, ConnectionHandler, MessageHandler {
        var network: InMemoryNetwork?

        init() {}
        init(_ network: InMemoryNetwork) { self.network = network }

        func configure(_ configuration: inout ClientConfiguration) throws {
            guard let network else { throw Puppet.Refusal() }
            configuration.url = "wss://adapter.example/adapter"
            configuration.webSocket.use(network)
            configuration.webSocket.subprotocols = ["adapter"]
            configuration.webSocket.headers = ["X-Hand": "adapter"]
            configuration.requestTimeout = .seconds(7)
        }

        mutating func handleConnect(_ connection: ConnectionInfo) -> HandlerDecision { .reply(.text("adapter")) }

        mutating func encode(_ message: OutgoingMessage) -> WebSocketFrame { .text("adapter's encoding") }
    }

    /// Greets in the name of whoever has installed it.
    struct Greeter: ConnectionHandler {
        var name = ""
        init() {}
        init(_ name: String) { self.name = name }
        mutating func handleConnect(_ connection: ConnectionInfo) -> HandlerDecision { .reply(.text(self.name)) }
    }

    @Test("F75: user, client's defaults, adapter, library: the last one who sets a value or a handler has it")
    func precedence() async throws {
        try await withInMemoryNetwork { network in
            let adapter = ServiceAdapter(network)
            let connecting = await network.start {
                try await WebSocketClient.connect(using: adapter) { defaults in
                    defaults.url = "wss://client.example/client"
                    defaults.webSocket.headers = ["X-Hand": "client"]
                    defaults.handlers.connection = Greeter("client")
                } configuration: { user in
                    user.webSocket.headers = ["X-Hand": "user"]
                    user.handlers.connection = Greeter("user")
                }
            }
            let peer = try await network.nextPeer()
            #expect(peer.request.host == "client.example" && peer.request.path == "/client")
            #expect(peer.request.headers["X-Hand"] == "user")
            #expect(peer.request.subprotocols == ["adapter"])
            try await peer.accept(subprotocol: "adapter")
            let client = try await connecting.value
            #expect(try await peer.receive() == .text("user"))
            // The adapter's value against the library's, and its handler where nobody else has installed one.
            let request = await network.start { try await client.request(.json(["id": 1]), correlatedBy: \.id) }
            #expect(try await peer.receive() == .text("adapter's encoding"))
            await network.advance(by: .seconds(7))
            #expect(await request.errorCode == .timedOut)
            #expect(await client.state.handlers.error is DefaultErrorHandler)
            try await client.close()
        }
    }

    @Test("F75: what a hand throws is thrown by connect, and nothing is opened")
    func throwing() async throws {
        try await withInMemoryNetwork { network in
            await #expect(throws: Puppet.Refusal.self) {
                _ = try await WebSocketClient.connect(using: ServiceAdapter())
            }
            let adapter = ServiceAdapter(network)
            await #expect(throws: Puppet.Refusal.self) {
                _ = try await WebSocketClient.connect(using: adapter) { _ in throw Puppet.Refusal() }
            }
            let error = await #expect(throws: WebSocketError.self) {
                _ = try await WebSocketClient.connect(using: adapter) { $0.requestTimeout = .zero }
            }
            #expect(error?.code == .invalidConfiguration && error?.message.contains("requestTimeout") == true)
            #expect(await network.openingCount == 0)
        }
    }

    @Test("F13, F75: two clients of one configuration have handlers of their own state")
    func separate() async throws {
        try await withInMemoryNetwork { network in
            var puppet = Puppet()
            puppet.wantsFrames = true
            let configuration = ClientConfiguration.inMemory(network) { $0.handlers.install(puppet) }
            let (first, peer) = try await network.client(configuration)
            let (second, _) = try await network.client(configuration)
            try await peer.send("x")
            await network.settle()
            let counts = (
                await first.state.handlers.adapter(as: Puppet.self)?.counts["handleFrame.text"],
                await second.state.handlers.adapter(as: Puppet.self)?.counts["handleFrame.text"]
            )
            #expect(counts.0 == 1 && counts.1 == nil)
            #expect(configuration.handlers.adapter(as: Puppet.self)?.counts == [:])
            try await first.close()
            try await second.close()
        }
    }
}
