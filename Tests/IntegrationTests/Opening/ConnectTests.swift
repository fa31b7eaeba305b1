import Glibc
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

@testable import LWSTransport

extension Serial {
    @Suite("Getting to the server", .timeLimit(.minutes(1)))
    struct ConnectTests {
        @Test func `F25 a port on which nobody listens`() async throws {
            let port = try unusedPort()
            let group = try EventLoopGroup()
            let stopwatch = Stopwatch()
            let error = await openingError("ws://127.0.0.1:\(port)/", .with { $0.eventLoopGroup = group })
            // The deadline of the opening is ten seconds.
            #expect(stopwatch.elapsedInMotion < .seconds(3))
            #expect(error?.code == .connectFailed)
            #expect(error?.message == "no connection to 127.0.0.1:\(port): 127.0.0.1: Connection refused")
            #expect(error?.isRetryable == true)
            await eventually("no connection is left", within: .seconds(2)) { group.loops[0].liveTunnels == 0 }
            #expect(await group.loops[0].pendingTimers() == 0)
            await group.shutDown()
        }

        @Test func `every address of a name is tried`() async throws {
            let port = try unusedPort()
            let error = await openingError("ws://localhost:\(port)/")
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("127.0.0.1") == true, "\(String(describing: error))")
        }

        @Test func `a name without an address`() async throws {
            let configuration = WebSocketConfiguration.with { $0.deadlines.open = .seconds(30) }
            let error = await openingError("ws://nonexistent.invalid/", configuration)
            #expect(error?.code == .resolveFailed)
            #expect(error?.message.contains("nonexistent.invalid") == true)
        }

        @Test(arguments: StalledPhase.allCases)
        func `F27 the deadline names the phase`(phase: StalledPhase) async throws {
            try await phase.withURL { url in
                // For a body the head has to have come, and for TLS the system's roots have to be read, on a busy machine too.
                let deadline = Duration.milliseconds(phase == .body || phase == .tls ? 1_000 : 150)
                let stopwatch = Stopwatch()
                let error = await openingError(url, .with { $0.deadlines.open = deadline })
                let duration = stopwatch.elapsed
                #expect(duration >= deadline)
                #expect(stopwatch.elapsedInMotion < deadline + .seconds(5))
                if phase == .body {
                    #expect(error?.code == .upgradeRefused)
                } else {
                    #expect(error?.code == .timedOut)
                    #expect(error?.message.contains("\"\(phase.rawValue)\"") == true, "\(String(describing: error))")
                    #expect(error?.message.contains("\(deadline)") == true, "\(String(describing: error))")
                    #expect(error?.isRetryable == true)
                }
            }
        }

        @Test(arguments: StalledPhase.allCases)
        func `a cancellation ends the attempt at once`(phase: StalledPhase) async throws {
            let group = try EventLoopGroup()
            try await phase.withURL { url in
                let configuration = WebSocketConfiguration.with { $0.eventLoopGroup = group }
                let attempt = Task { try await WebSocket.connect(to: url, configuration: configuration) }
                await eventually("the attempt is under way") { group.loops[0].liveTunnels == 1 }
                // Into the phase, mostly; the outcome has to be the same earlier.
                try await Task.sleep(for: .milliseconds(20))
                let stopwatch = Stopwatch()
                attempt.cancel()
                await #expect(throws: CancellationError.self) { try await attempt.value }
                #expect(stopwatch.elapsedInMotion < .seconds(2))
                await eventually("no connection is left", within: .seconds(2)) { group.loops[0].liveTunnels == 0 }
            }
            await group.shutDown()
        }

        @Test func `F27 the deadline and a cancellation while the name is looked up`() async throws {
            let gate = Gate()
            var loop = EventLoop.Configuration()
            loop.resolver = Resolver { _, _ in
                gate.wait()
                return .success(["127.0.0.1"])
            }
            let group = try EventLoopGroup(configuration: loop)
            let url = "ws://name.example:\(try unusedPort())/"
            let error = await openingError(
                url,
                .with {
                    $0.eventLoopGroup = group
                    $0.deadlines.open = .milliseconds(100)
                }
            )
            #expect(error?.code == .timedOut)
            #expect(error?.message.contains("\"resolve\"") == true, "\(String(describing: error))")
            let attempt = Task {
                try await WebSocket.connect(to: url, configuration: .with { $0.eventLoopGroup = group })
            }
            await eventually("it is under way") { group.loops[0].liveTunnels == 1 }
            attempt.cancel()
            await #expect(throws: CancellationError.self) { try await attempt.value }
            await eventually("no connection is left", within: .seconds(2)) { group.loops[0].liveTunnels == 0 }
            // What the resolver has to say now, nobody waits for any more.
            gate.open()
            #expect(await openingError(url, .with { $0.eventLoopGroup = group })?.code == .connectFailed)
            await eventually("no thread is left") { loop.resolver.threadCount == 0 }
            await group.shutDown()
        }

        @Test func `a task that is cancelled already opens nothing`() async throws {
            try await withScriptedServer([.expectUpgrade]) { server in
                let url = server.url
                let attempt = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return try await WebSocket.connect(to: url)
                }
                await #expect(throws: CancellationError.self) { try await attempt.value }
                #expect(server.transcript.connections.isEmpty)
            }
        }

        @Test func `a loop that was shut down opens nothing`() async throws {
            let group = try EventLoopGroup()
            await group.shutDown()
            let error = await openingError("ws://127.0.0.1:1/", .with { $0.eventLoopGroup = group })
            #expect(error?.code == .loopShutDown)
            #expect(group.loops[0].liveTunnels == 0)
        }

        @Test(arguments: ["http_proxy", "HTTP_PROXY", "all_proxy"])
        func `a proxy of the environment is not asked`(name: String) async throws {
            // In a process of its own: the environment belongs to all of it.
            await #expect(processExitsWith: .success) { [name] in
                setenv(name, "http://127.0.0.1:1", 1)
                try await withEchoServer { server in
                    let closed = try await withWebSocket(to: server.url) { socket in
                        try await socket.send("direct")
                        #expect(try await socket.nextMessage() == .text("direct"))
                    }
                    #expect(closed.wasClean)
                }
            }
        }
    }
}
