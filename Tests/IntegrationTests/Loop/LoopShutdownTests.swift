import Glibc
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

@testable import LWSTransport

extension Serial {
    /// In processes of their own: threads and descriptors are counted.
    @Suite("Shutting a loop down", .timeLimit(.minutes(1)))
    struct LoopShutdownTests {
        /// What an opening connection waits for.
        enum Phase: String, CaseIterable, Codable {
            case resolve, connect, tls, upgrade
        }

        private static func configuration(
            _ backend: EventLoopBackend?,
            _ resolver: Resolver = .shared
        ) throws -> (WebSocketConfiguration, EventLoopGroup) {
            var loop = EventLoop.Configuration()
            loop.resolver = resolver
            if let backend { loop.backends = [backend] }
            let group = try EventLoopGroup(configuration: loop)
            return (.with { $0.eventLoopGroup = group }, group)
        }

        /// Shuts the group down, and checks that it leaves nothing. One descriptor more may be a timer of the tasks' runtime,
        /// which has one for each clock and makes it when it is first needed.
        private static func shutDown(_ group: EventLoopGroup, _ before: ProcessCensus) async {
            await group.shutDown()
            #expect(group.loops.map(\.liveTunnels) == [0])
            await eventually("threads and descriptors are as before: \(before)") {
                ProcessCensus.threads(named: "nova-loop") == 0
                    && ProcessCensus.take().descriptors <= before.descriptors + 1
            }
            let descriptors = ProcessCensus.openDescriptors
            #expect(descriptors.count <= before.descriptors + 1, "\(before) before, now \(descriptors)")
        }

        /// The first use of a loop takes some descriptors for good: libuv a pipe, the first sleep a timer.
        private static func warmUp(_ backend: EventLoopBackend? = nil) async throws {
            let (configuration, group) = try Self.configuration(backend)
            _ = await openingError("ws://127.0.0.1:1/", configuration)
            await group.shutDown()
            try await openRuntimeTimers()
            await eventually("it is gone") { ProcessCensus.threads(named: "nova-") == 0 }
        }

        @Test(arguments: Phase.allCases)
        func `while connections are being opened`(phase: Phase) async {
            await #expect(processExitsWith: .success) { [phase] in
                try await Self.warmUp()
                // Keeps the resolver busy; its one thread is left behind until it is done.
                let gate = Gate()
                let resolver = Resolver { _, _ in
                    gate.wait()
                    return .success(["127.0.0.1"])
                }
                _ = resolver.resolve("localhost") { _ in }
                await eventually("its thread has begun") { ProcessCensus.threads(named: "nova-resolve") == 1 }
                let port = try SilentPort()
                let server = try ScriptedServer(scripts: (0..<5).map { _ in [.waitForEndOfStream] })
                let url =
                    switch phase {
                    case .resolve: "ws://localhost:1/"
                    case .connect: port.url
                    case .tls: server.url.replacing("ws:", with: "wss:")
                    case .upgrade: server.url
                    }
                let before = ProcessCensus.take()
                let (configuration, group) = try Self.configuration(nil, resolver)
                let attempts = (0..<5).map { _ in Task { await openingError(url, configuration) } }
                await eventually("all are under way") { group.loops[0].liveTunnels == 5 }
                // Into the phase, mostly; the outcome has to be the same earlier.
                try await Task.sleep(for: .milliseconds(50))
                await Self.shutDown(group, before)
                for attempt in attempts { #expect(await attempt.value?.code == .loopShutDown) }
                gate.open()
                await server.stop()
            }
        }

        @Test(arguments: [EventLoopBackend.libev, .libuv, .poll].map(\.rawValue))
        func `while connections are open, idle, held back and closing`(backend: String) async {
            await #expect(processExitsWith: .success) { [backend] in
                try await Self.warmUp(EventLoopBackend(rawValue: backend))
                try await withEchoServer { server in
                    let before = ProcessCensus.take()
                    var (configuration, group) = try Self.configuration(EventLoopBackend(rawValue: backend))
                    configuration.limits.inboundHighWaterMark = 1
                    let idle = try await WebSocket.connect(to: server.url, configuration: configuration)
                    let paused = try await WebSocket.connect(to: server.url, configuration: configuration)
                    for _ in 0..<10 { try await paused.send([UInt8](repeating: 1, count: 100_000)) }
                    let handled = try await WebSocket.connect(to: server.url, configuration: configuration) { _, _, _ in
                    }
                    try await withScriptedServer([
                        .acceptUpgrade(), .receiveFrame, .mark("closing"), .waitForEndOfStream,
                    ]) { silent in
                        let closing = try await WebSocket.connect(to: silent.url, configuration: configuration)
                        async let closed = closing.close()
                        try await silent.reached("closing")
                        let reader = Task { await idle.readToEnd() }
                        await group.shutDown()
                        #expect(try await closed.wasClean == false)
                        let end = await reader.value
                        #expect(
                            (end.error as? WebSocketError)?.code == .loopShutDown,
                            "\(String(describing: end.error))"
                        )
                        for socket in [idle, paused, handled, closing] {
                            #expect(socket.closeInfo?.code == 1006)
                            let error = await #expect(throws: WebSocketError.self) { try await socket.send("late") }
                            #expect(error?.code == .connectionClosed)
                            // All that is asked of them still has an answer.
                            #expect(try await socket.close() == socket.closeInfo)
                        }
                    }
                    await eventually("the server has no connection") { server.connectionCount == 0 }
                    await Self.shutDown(group, before)
                }
            }
        }

        @Test(arguments: [EventLoopBackend.libev, .libuv, .poll].map(\.rawValue))
        func `again and again leaves nothing`(backend: String) async {
            await #expect(processExitsWith: .success) { [backend] in
                try await Self.warmUp(EventLoopBackend(rawValue: backend))
                try await withEchoServer { server in
                    let before = ProcessCensus.take()
                    let kept = try Self.configuration(nil).1
                    let cycles = Cycles(warm: 20, measured: 40, heapAllowance: 512 << 10)
                    try await cycles.expectNothingIsLeft(of: kept) { _ in
                        let (configuration, group) = try Self.configuration(EventLoopBackend(rawValue: backend))
                        try await withWebSocket(to: server.url, configuration: configuration) { socket in
                            try await socket.send("x")
                            _ = try await socket.nextMessage()
                        }
                        await group.shutDown()
                    }
                    await Self.shutDown(kept, before)
                }
            }
        }
    }
}
