import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A handler on the event loop", .timeLimit(.minutes(1)))
    struct HandlerTests {
        typealias Frame = ScriptedServer.Frame

        private static let echo: WebSocket.MessageHandler = { context, kind, payload in
            do { try context.send(kind, payload) } catch { Issue.record(error) }
        }

        private func handler(
            _ script: [ScriptedServer.Step],
            _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
            _ handler: @escaping WebSocket.MessageHandler = Self.echo,
            _ body: (WebSocket, ScriptedServer) async throws -> Void
        ) async throws {
            try await withScriptedServer(script) { server in
                let socket = try await WebSocket.connect(
                    to: server.url,
                    configuration: configuration,
                    onMessage: handler
                )
                defer { socket.abort() }
                try await body(socket, server)
            }
        }

        private static func numbers(_ count: Int) -> [UInt8] { (0..<count).flatMap { Frame.text("\($0)").encoded } }

        @Test func `it gets every message in order, and its answers go out in order`() async throws {
            try await self.handler([.acceptUpgrade(), .send(Self.numbers(5_000)), .receiveFrames(5_000)]) { _, server in
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.text) == (0..<5_000).map { "\($0)" })
            }
        }

        @Test func `large messages and messages of many frames`() async throws {
            let large = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
            let frames =
                Frame.binary(large).encoded + Frame(.text, Array("ab".utf8), isFinal: false).encoded
                + Frame(.ping, [9]).encoded + Frame(.continuation, Array("cd".utf8)).encoded
                + Frame.binary(large).encoded
            try await self.handler([.acceptUpgrade(), .send(frames), .receiveFrames(4)]) { _, server in
                let answers = try await server.finished().first.frames
                #expect(answers.filter { $0.opcode == .binary }.map(\.payload) == [large, large])
                #expect(answers.filter { $0.opcode == .text }.map(\.text) == ["abcd"])
                #expect(answers.filter { $0.opcode == .pong }.map(\.payload) == [[9]])
            }
        }

        /// Its answers fill the queue: the connection stops reading, and goes on when the peer reads.
        @Test(arguments: [1, 1_000, 100_000])
        func `a peer that does not read its answers is not read from`(mark: Int) async throws {
            let count = 3_000
            let handled = Locked(0)
            let message = [UInt8](repeating: 0x33, count: 10_000)
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send([UInt8]((0..<300).flatMap { _ in Frame.binary(message).encoded })),
                .mark("first"),
                .pause(until: "read"), .receiveFrames(300),
                .send(Self.numbers(count)), .receiveFrames(count),
            ]
            let configuration = WebSocketConfiguration.with { $0.limits.outboundHighWaterMark = mark }
            let handler: WebSocket.MessageHandler = { context, kind, payload in
                handled.withLock { $0 += 1 }
                try? context.send(kind, payload)
            }
            try await self.handler(script, configuration, handler) { _, server in
                // All of it may fit into the kernel's buffers; then there is nothing to hold back.
                try await server.reached("first")
                server.proceed("read")
                let frames = try await server.finished().first.frames
                #expect(frames.count == 300 + count)
                #expect(frames.dropFirst(300).map(\.text) == (0..<count).map { "\($0)" })
                #expect(handled.value == 300 + count)
            }
        }

        /// One call within the other for each message would end with the stack.
        @Test func `many tiny messages and a low mark`() async throws {
            let count = 100_000
            let bytes = [UInt8]((0..<count).flatMap { _ in Frame(.binary).encoded })
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .send(bytes), .receive(count * 6), .receiveFrame]
            try await self.handler(script, .with { $0.limits.outboundHighWaterMark = 1 }) { socket, server in
                let reader = Task { try await server.finished() }
                await eventually("all are answered", within: .seconds(30)) {
                    server.transcript.first.received.count >= count * 6
                }
                try await socket.send("end")
                _ = try await reader.value
            }
        }

        @Test func `it can close`() async throws {
            let handler: WebSocket.MessageHandler = { context, _, _ in
                do {
                    try context.send("bye")
                    try context.close(code: 4000, reason: "enough")
                } catch {
                    Issue.record(error)
                }
            }
            try await self.handler(
                [.acceptUpgrade(), .send(Frame.text("go")), .receiveFrame, .echoFrames(1)],
                .init(),
                handler
            ) {
                socket,
                server in
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.text, .close])
                #expect(frames.last?.closeCode == 4000)
                #expect(try await socket.ended().wasClean)
            }
        }

        @Test func `bad input is refused, and nothing of it goes out`() async throws {
            let errors = Locked<[WebSocketError]>([])
            let handler: WebSocket.MessageHandler = { context, _, _ in
                func note(_ body: () throws(WebSocketError) -> Void) {
                    do throws(WebSocketError) { try body() } catch { errors.withLock { [error] in $0.append(error) } }
                }
                let bad: [UInt8] = [0x61, 0xFF]
                note { () throws(WebSocketError) in try context.send(.text, bad.span.bytes) }
                note { () throws(WebSocketError) in try context.send(String(repeating: "x", count: 101)) }
                note { () throws(WebSocketError) in try context.close(code: 1005) }
                note { () throws(WebSocketError) in try context.close(reason: String(repeating: "x", count: 124)) }
                note { () throws(WebSocketError) in try context.send("good") }
            }
            let configuration = WebSocketConfiguration.with { $0.limits.outboundMessageSize = 100 }
            try await self.handler([.acceptUpgrade(), .send(Frame.text("go")), .receiveFrame], configuration, handler) {
                _,
                server in
                let texts = try await server.finished().first.frames.map(\.text)
                #expect(texts == ["good"])
                #expect(
                    errors.value.map(\.code) == [
                        .invalidUTF8, .messageTooLarge, .invalidCloseCode, .invalidCloseReason,
                    ]
                )
            }
        }

        @Test func `its answers do not get into another task's fragments`() async throws {
            try await withEchoServer { server in
                let received = Locked<[String]>([])
                let socket = try await WebSocket.connect(to: server.url) { context, _, payload in
                    let text = payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                    received.withLock { $0.append(text) }
                    if text.hasPrefix("question") { try? context.send("answer to \(text)") }
                }
                let (stream, continuation) = AsyncStream<String>.makeStream()
                async let sent: Void = socket.send(text: stream)
                continuation.yield("first, ")
                continuation.yield("second, ")
                // A question would have to be asked by the server: it echoes one that another connection cannot send. So the
                // loop answers to what this connection has sent before.
                continuation.yield("last")
                continuation.finish()
                try await sent
                for number in 0..<50 {
                    let parts = AsyncStream<String> { continuation in
                        for part in ["a\(number)", "b", "c", "d"] { continuation.yield(part) }
                        continuation.finish()
                    }
                    try await socket.send("question \(number)")
                    try await socket.send(text: parts)
                }
                await eventually("all came back") { received.value.count == 151 }
                #expect(received.value.first == "first, second, last")
                #expect(Set(received.value).count == 151)
                #expect(try await socket.close().wasClean)
            }
        }

        @Test func `the sequence of its connection ends at once`() async throws {
            try await self.handler([.acceptUpgrade(), .waitForEndOfStream]) { socket, _ in
                let message = try await socket.nextMessage()
                #expect(message == nil)
                let fragment = try await socket.nextFragment()
                #expect(fragment == nil)
            }
        }
    }
}
