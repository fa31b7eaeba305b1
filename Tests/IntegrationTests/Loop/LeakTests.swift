import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// In processes of their own, apart from their servers: memory, descriptors, threads and objects are counted.
    @Suite("What is left behind", .timeLimit(.minutes(3)))
    struct LeakTests {
        enum Cycle: String, CaseIterable, Codable {
            case echo, handler, compressed, tls, refused, reset, cancelled, timedOut, unreachable

            /// How many are made, and how many before that, after which memory has to be flat.
            var count: (warm: Int, measured: Int) {
                let count = self == .echo ? 10_000 : 1_000
                return SlowLane.isOn ? (1_000, count) : (200, count / 10)
            }
        }

        /// How many more bytes may be in use. Not none: pools and caches of the runtime fill slowly, in the short version
        /// still within what is measured. In the long one it is some bytes for each connection.
        private static var heapAllowance: Int { SlowLane.isOn ? 128 << 10 : 512 << 10 }

        /// What the process of the client needs to know of the servers.
        struct Servers: Codable {
            var echo: String
            var certificate: [UInt8]
            var script: String
            /// Nobody listens there.
            var unreachable: String
        }

        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"), arguments: Cycle.allCases)
        func `F25, F89 nothing is left of connections`(cycle: Cycle) async throws {
            var configuration = EchoServer.Configuration(
                isTLS: cycle == .tls,
                refusals: ["/refused": EchoServer.Refusal(status: 403, body: "no")]
            )
            configuration.permessageDeflate = cycle == .compressed ? EchoServer.PermessageDeflate() : nil
            let unreachable = "ws://127.0.0.1:\(try unusedPort())/"
            try await withEchoServer(configuration: configuration) { echo in
                let script = try ScriptedServer(scripts: Self.scripts(for: cycle), deadline: .seconds(170))
                let servers = Servers(
                    echo: echo.url,
                    certificate: echo.certificatePEM,
                    script: script.url,
                    unreachable: unreachable
                )
                await #expect(processExitsWith: .success) { [cycle = cycle as Cycle, servers = servers as Servers] in
                    try await Self.measure(cycle, servers)
                }
                await script.stop()
            }
        }

        private static func scripts(for cycle: Cycle) -> [[ScriptedServer.Step]] {
            let numbers = 0..<(cycle.count.warm + Cycles.mostRuns * cycle.count.measured)
            return switch cycle {
            case .reset: numbers.map { $0 % 2 == 0 ? [.expectUpgrade, .reset] : [.reset] }
            case .cancelled, .timedOut: numbers.map { _ in [.waitForEndOfStream] }
            default: []
            }
        }

        // MARK: In the client's process

        private static func measure(_ cycle: Cycle, _ servers: Servers) async throws {
            let group = try EventLoopGroup()
            let configuration = WebSocketConfiguration.with {
                $0.eventLoopGroup = group
                $0.tls.trustRoots = .pem(servers.certificate)
                $0.deadlines.open = cycle == .timedOut ? .milliseconds(5) : .seconds(10)
                $0.compression = cycle == .compressed ? .defaults : nil
            }
            let (warm, measured) = cycle.count
            let cycles = Cycles(warm: warm, measured: measured, heapAllowance: Self.heapAllowance)
            try await cycles.expectNothingIsLeft(of: group) { number in
                try await Self.perform(cycle, number, servers, configuration)
            }
            await group.shutDown()
        }

        private static func perform(
            _ cycle: Cycle,
            _ number: Int,
            _ servers: Servers,
            _ configuration: WebSocketConfiguration
        ) async throws {
            switch cycle {
            case .echo, .compressed, .tls:
                try await withWebSocket(to: servers.echo, configuration: configuration) { socket in
                    let text = "message \(number) " + String(repeating: "x", count: number % 700)
                    try await socket.send(text)
                    #expect(try await socket.nextMessage() == .text(text))
                }
            case .handler:
                try await Self.echoToHandler(servers, configuration)
            case .refused:
                #expect(await openingError(servers.echo + "refused", configuration)?.code == .upgradeRefused)
            case .reset:
                #expect(await openingError(servers.script, configuration) != nil)
            case .unreachable:
                #expect(await openingError(servers.unreachable, configuration)?.code == .connectFailed)
            case .cancelled:
                let attempt = Task { try await WebSocket.connect(to: servers.script, configuration: configuration) }
                for _ in 0..<(number % 50) { await Task.yield() }
                attempt.cancel()
                await #expect(throws: CancellationError.self) { try await attempt.value }
            case .timedOut:
                #expect(await openingError(servers.script, configuration)?.code == .timedOut)
            }
        }

        private static func echoToHandler(_ servers: Servers, _ configuration: WebSocketConfiguration) async throws {
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            let socket = try await WebSocket.connect(to: servers.echo, configuration: configuration) { _, _, _ in
                continuation.finish()
            }
            try await socket.send("x")
            for await _ in stream {}
            try await socket.close()
        }
    }
}
