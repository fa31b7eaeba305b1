import Glibc
import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

@testable import LWSTransport

extension Serial {
    @Suite("The addresses of a name", .timeLimit(.minutes(1)))
    struct AddressTests {
        /// Runs the body with connections for which every name has these addresses.
        private func with(
            _ addresses: [String],
            backend: EventLoopBackend = .libev,
            _ body: (WebSocketConfiguration, EventLoop) async throws -> Void
        ) async throws {
            var loop = EventLoop.Configuration()
            loop.backends = [backend]
            loop.resolver = Resolver { _, _ in .success(addresses) }
            let group = try EventLoopGroup(configuration: loop)
            do {
                try await body(.with { $0.eventLoopGroup = group }, group.loops[0])
                await group.shutDown()
            } catch {
                await group.shutDown()
                throw error
            }
        }

        private func echo(_ url: String, _ configuration: WebSocketConfiguration) async throws {
            try await withWebSocket(to: url, configuration: configuration) { socket in
                try await socket.send("there?")
                #expect(try await socket.nextMessage() == .text("there?"))
            }
        }

        @Test(arguments: EventLoopBackend.allCases)
        func `a silent address costs the delay`(backend: EventLoopBackend) async throws {
            try await withEchoServer { server in
                let silent = try SilentPort(host: 2, port: server.port)
                let before = ClientSocket.connectingCount(host: 2, port: silent.port)
                try await self.with(["127.0.0.2", "127.0.0.1"], backend: backend) { base, _ in
                    var configuration = base
                    configuration.network.attemptDelay = .milliseconds(100)
                    let stopwatch = Stopwatch()
                    try await withWebSocket(
                        to: "ws://name.example:\(server.port)/",
                        configuration: configuration
                    ) { socket in
                        #expect(stopwatch.elapsed >= .milliseconds(100))
                        #expect(stopwatch.elapsedInMotion < .seconds(5))
                        // The attempt that lost has been dropped.
                        await eventually("nobody else waits for the silent one") {
                            ClientSocket.connectingCount(host: 2, port: silent.port) == before
                        }
                        try await socket.send("there?")
                        #expect(try await socket.nextMessage() == .text("there?"))
                    }
                }
            }
        }

        @Test func `an address that refuses is followed by the next at once`() async throws {
            try await withEchoServer { server in
                try await self.with(["127.0.0.2", "::1", "127.0.0.3", "127.0.0.1"]) { base, _ in
                    var configuration = base
                    configuration.network.attemptDelay = .seconds(2)
                    let stopwatch = Stopwatch()
                    try await self.echo("ws://name.example:\(server.port)/", configuration)
                    #expect(stopwatch.elapsedInMotion < .seconds(2))
                }
            }
        }

        @Test func `the failure names each address with its reason`() async throws {
            let port = try unusedPort()
            try await self.with(["127.0.0.1", "::1", "255.255.255.255", "127.0.0.2"]) { configuration, loop in
                let error = await openingError("ws://name.example:\(port)/", configuration)
                #expect(error?.code == .connectFailed)
                let message = try #require(error?.message)
                #expect(message.hasPrefix("no connection to name.example:\(port): "), "\(message)")
                for host in ["127.0.0.1", "127.0.0.2"] {
                    #expect(message.contains("\(host): Connection refused"), "\(message)")
                }
                for host in ["::1", "255.255.255.255"] { #expect(message.contains("\(host): "), "\(message)") }
                #expect(loop.liveTunnels == 0)
            }
        }

        @Test(arguments: [EventLoopBackend.libuv, .poll])
        func `without libev, too, each address is named`(backend: EventLoopBackend) async throws {
            let port = try unusedPort()
            try await self.with(["127.0.0.1", "127.0.0.2"], backend: backend) { configuration, _ in
                let error = await openingError("ws://name.example:\(port)/", configuration)
                #expect(error?.code == .connectFailed)
                for host in ["127.0.0.1", "127.0.0.2"] {
                    #expect(error?.message.contains("\(host): ") == true, "\(String(describing: error))")
                }
            }
        }

        @Test func `the deadline's error names each address with what came of it`() async throws {
            let silent = try SilentPort(host: 2)
            try await self.with(["127.0.0.3", "127.0.0.2"]) { base, _ in
                var configuration = base
                configuration.deadlines.open = .milliseconds(300)
                let error = await openingError("ws://name.example:\(silent.port)/", configuration)
                #expect(error?.code == .timedOut)
                let tried = "; tried 127.0.0.3: Connection refused; 127.0.0.2: no answer"
                #expect(error?.message.hasSuffix(tried) == true, "\(String(describing: error))")
            }
        }

        @Test func `one family can be asked for`() async throws {
            try await withEchoServer { server in
                try await self.with(["::1", "127.0.0.1"]) { base, _ in
                    var configuration = base
                    configuration.network.addressFamily = .ipv4
                    let url = "ws://name.example:\(server.port)/"
                    try await self.echo(url, configuration)
                    configuration.network.addressFamily = .ipv6
                    let error = await openingError(url, configuration)
                    #expect(error?.code == .connectFailed)
                    #expect(error?.message.contains("127.0.0.1: not tried, network.addressFamily is ipv6") == true)
                }
            }
        }

        @Test func `a name without an address of the family`() async throws {
            var network = NetworkConfiguration()
            network.addressFamily = .ipv6
            let configuration = WebSocketConfiguration.with { $0.network = network }
            let error = await openingError("ws://127.0.0.1:1/", configuration)
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("not tried") == true)
        }

        @Test func `of two connections that come up together, one is used, and the other sees nothing`() async throws {
            let head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            for _ in 0..<20 {
                let server = try Listener()
                let group = try EventLoopGroup()
                let loop = group.loops[0]
                let delegate = Delegate()
                let request = TransportRequest(
                    endpoint: Endpoint(host: "127.0.0.1", port: UInt16(server.port)),
                    tls: nil,
                    head: Array(head.utf8),
                    maximumResponseHeadSize: 1_024,
                    maximumRefusalBodySize: 0
                )
                loop.wake(
                    Work {
                        let tunnel = Tunnel(request: request, loop: loop, delegate: delegate)
                        delegate.tunnel.value = tunnel
                        tunnel.begin()
                        // Beside the one that `begin` has put off to the next turn.
                        tunnel.start("127.0.0.1")
                    }
                )
                await eventually("one has won") { delegate.phases.value.last == .upgrade }
                await eventually("the other is gone") { ClientSocket.all(to: server.port).count == 1 }
                loop.wake(Work { delegate.tunnel.value?.close() })
                await eventually("the end is told") { delegate.closures.value == 1 }
                #expect([server.receive(), server.receive()].sorted() == ["", head])
                await group.shutDown()
                #expect(delegate.closures.value == 1)
            }
        }
    }
}

/// Hears of a tunnel.
private final class Delegate: TransportDelegate {
    let tunnel = Locked<Tunnel?>(nil)
    let phases = Locked<[TransportPhase]>([])
    let closures = Locked(0)

    func channelDidEnter(_ phase: TransportPhase) { self.phases.withLock { $0.append(phase) } }
    func channelWasRefused(_ error: WebSocketError) {}
    func channelDidReceiveHead(_ head: HTTPResponseHead) -> Bool { false }
    func channelIsReadable() {}
    func channelIsWritable() {}

    func channelDidClose(_ closure: TransportClosure) {
        self.tunnel.value = nil
        self.closures.withLock { $0 += 1 }
    }
}

/// Keeps the connections that come in, until a test takes them.
private final class Listener: Sendable {
    private let descriptor: Int32
    let port: Int

    init() throws {
        self.port = try unusedPort()
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(truncatingIfNeeded: self.port).bigEndian
        let descriptor = self.descriptor
        let isListening = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(descriptor, 8) == 0
            }
        }
        try #require(isListening)
    }

    deinit { close(self.descriptor) }

    /// All that one client has sent, which has ended its side.
    func receive() -> String {
        let client = accept(self.descriptor, nil, nil)
        defer { close(client) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1_024)
        while true {
            let count = recv(client, &chunk, chunk.count, 0)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk.prefix(count)
        }
    }
}

/// Something to be done on a loop.
private final class Work: TransportLoopWork {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func runOnLoop() { self.body() }
}
