import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Reading", .timeLimit(.minutes(1)))
    struct ReadingTests {
        typealias Frame = ScriptedServer.Frame

        @Test func `a second reader is refused, and the first one goes on`() async throws {
            try await withEchoServer { server in
                try await withWebSocket(to: server.url) { socket in
                    // Whichever task comes second is the one that is refused.
                    try await withThrowingTaskGroup(of: WebSocketMessage?.self) { group in
                        for _ in 0..<2 { group.addTask { try await socket.nextMessage() } }
                        let error = await #expect(throws: WebSocketError.self) { try await group.next() }
                        #expect(error?.code == .concurrentRead)
                        try await socket.send("for the first")
                        #expect(try await group.next() == .text("for the first"))
                    }
                }
            }
        }

        @Test func `an iteration that was cancelled can be taken up by another`() async throws {
            let count = 3_000
            let bytes = (0..<count).flatMap { Frame.text("\($0)").encoded }
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(bytes, inChunksOf: 1_000, interval: .microseconds(200)),
                .send(Frame.close(1000)), .receiveFrame,
            ]
            try await withScript(script) { socket, _ in
                let received = Locked<[String]>([])
                var isAtEnd = false
                while !isAtEnd {
                    let reader = Task {
                        for try await message in socket.messages {
                            if case .text(let text) = message { received.withLock { $0.append(text) } }
                        }
                    }
                    for _ in 0..<Int.random(in: 1...40) { await Task.yield() }
                    reader.cancel()
                    isAtEnd = await reader.result.isSuccess
                }
                #expect(received.value == (0..<count).map { "\($0)" })
            }
        }

        @Test func `a cancelled task stops in the midst of a flood`() async throws {
            let block = [UInt8]((0..<1_000).flatMap { _ in Frame.text("again").encoded })
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .repeated(1_000_000, [.send(block)])]
            try await withScript(script) { socket, _ in
                let count = Locked(0)
                let reader = Task { for try await _ in socket.messages { count.withLock { $0 += 1 } } }
                await eventually("it reads") { count.value > 1_000 }
                reader.cancel()
                await #expect(throws: CancellationError.self) { try await reader.value }
            }
        }

        @Test func `a ping that is given up, and its late pong`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrame, .mark("pinged"), .pause(until: "answer"),
                .send(Frame(.pong, Array("unasked".utf8))), .send(Frame(.pong)), .echoFrames(3),
            ]
            try await withScript(script) { socket, server in
                let ping = Task { try await socket.ping() }
                try await server.reached("pinged")
                ping.cancel()
                await #expect(throws: CancellationError.self) { try await ping.value }
                server.proceed("answer")
                #expect(try await socket.ping() > .zero)
                try await socket.send("still open")
                #expect(try await socket.nextMessage() == .text("still open"))
                #expect(try await socket.close().wasClean)
                let payloads = try await server.finished().first.frames.filter { $0.opcode == .ping }.map(\.payload)
                #expect(payloads.map(\.count) == [8, 8])
                #expect(Set(payloads).count == 2)
            }
        }
    }
}

extension Result {
    fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
