import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("The scope of a connection", .timeLimit(.minutes(1)))
    struct ScopeTests {
        struct Oops: Error {}

        /// A server that answers the Close frame.
        private static let script: [ScriptedServer.Step] = [.acceptUpgrade(), .echoFrames(1)]

        private func closeCode(_ server: ScriptedServer) async throws -> WebSocketCloseCode? {
            try await server.finished().first.frames.last?.closeCode
        }

        @Test func `returning closes with 1000`() async throws {
            try await withScriptedServer(Self.script) { server in
                let closed = try await withWebSocket(to: server.url) { _ in }
                #expect(closed == WebSocketCloseInfo(code: 1000, initiator: .local, wasClean: true))
                #expect(try await self.closeCode(server) == 1000)
            }
        }

        @Test func `a value is passed on`() async throws {
            try await withScriptedServer(Self.script) { server in
                let value = try await withWebSocket(to: server.url) { _ in 42 }
                #expect(value == 42)
                let code = try await self.closeCode(server)
                #expect(code == 1000)
            }
        }

        @Test func `throwing closes with 1011, and the error is passed on`() async throws {
            try await withScriptedServer(Self.script) { server in
                await #expect(throws: Oops.self) {
                    try await withWebSocket(to: server.url) { _ in throw Oops() }
                }
                let code = try await self.closeCode(server)
                #expect(code == 1011)
            }
        }

        @Test func `a cancelled body closes with 1001`() async throws {
            try await withScriptedServer(Self.script) { server in
                let url = server.url
                let isIn = Locked(false)
                let task = Task {
                    try await withWebSocket(to: url) { socket in
                        isIn.value = true
                        _ = try await socket.nextMessage()
                    }
                }
                await eventually("it is open") { isIn.value }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                let code = try await self.closeCode(server)
                #expect(code == 1001)
            }
        }

        @Test func `a body that does not heed the cancellation is closed under it`() async throws {
            try await withScriptedServer(Self.script) { server in
                let url = server.url
                let isIn = Locked(false)
                let (stream, release) = AsyncStream<Void>.makeStream()
                let task = Task {
                    try await withWebSocket(to: url) { socket in
                        isIn.value = true
                        // A task of its own is not cancelled with this one.
                        await Task { for await _ in stream {} }.value
                        let closed = try await Task { try await socket.ended() }.value
                        #expect(closed.code == 1001)
                        return "late"
                    }
                }
                await eventually("it is open") { isIn.value }
                task.cancel()
                let code = try await self.closeCode(server)
                #expect(code == 1001)
                release.finish()
                #expect(try await task.value == "late")
            }
        }

        @Test func `F55 a peer that does not answer is left at the close deadline`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .waitForEndOfStream]
            try await withScriptedServer(script) { server in
                let stopwatch = Stopwatch()
                let configuration = WebSocketConfiguration.with { $0.deadlines.close = .milliseconds(200) }
                let closed = try await withWebSocket(to: server.url, configuration: configuration) { _ in }
                let duration = stopwatch.elapsed
                #expect(duration >= .milliseconds(200))
                #expect(stopwatch.elapsedInMotion < .seconds(3))
                #expect(!closed.wasClean)
                #expect(closed.code == 1006)
                #expect(closed.initiator == .local)
                #expect(
                    closed.failure?.contains("did not answer the Close frame within 0.2 seconds") == true,
                    "\(closed)"
                )
                #expect(try await server.finished().first.wasReset)
            }
        }

        @Test func `a connection that nobody holds closes with 1001`() async throws {
            try await withScriptedServer(Self.script) { server in
                var socket: WebSocket? = try await WebSocket.connect(to: server.url)
                try #require(socket != nil)
                socket = nil
                let code = try await self.closeCode(server)
                #expect(code == 1001)
            }
        }

        @Test func `the reader's task may be the last to hold it`() async throws {
            try await withScriptedServer(Self.script) { server in
                let task = Task { [socket = try await WebSocket.connect(to: server.url)] in
                    _ = try await socket.nextMessage()
                }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                let code = try await self.closeCode(server)
                #expect(code == 1001)
            }
        }
    }
}
