import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("The closing handshake", .timeLimit(.minutes(1)))
    struct ClosingHandshakeTests {
        typealias Frame = ScriptedServer.Frame

        // MARK: The peer closes

        struct PeerClose: CustomTestStringConvertible, Sendable {
            var frame: Frame
            var code: WebSocketCloseCode
            var reason = ""
            /// Whether the sequence of messages ends without an error.
            var isQuiet: Bool

            var testDescription: String { "\(self.code.rawValue)" }
        }

        @Test(arguments: [
            PeerClose(frame: .close(1000, reason: "done"), code: 1000, reason: "done", isQuiet: true),
            PeerClose(frame: .close(1001), code: 1001, isQuiet: true),
            PeerClose(frame: Frame(.close), code: 1005, isQuiet: true),
            PeerClose(frame: .close(3000, reason: "é"), code: 3000, reason: "é", isQuiet: false),
            PeerClose(frame: .close(1008, reason: "policy"), code: 1008, reason: "policy", isQuiet: false),
            PeerClose(frame: .close(1011), code: 1011, isQuiet: false),
            PeerClose(frame: .close(1012), code: 1012, isQuiet: false),
        ])
        func `the peer's code decides how the messages end, and is echoed`(close: PeerClose) async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("last")), .send(close.frame), .receiveFrame,
            ]
            try await withScript(script) { socket, server in
                let (messages, error) = await socket.readToEnd()
                #expect(messages == [.text("last")])
                let expected = WebSocketCloseInfo(
                    code: close.code,
                    reason: close.reason,
                    initiator: .peer,
                    wasClean: true
                )
                #expect(try await socket.ended() == expected)
                if close.isQuiet {
                    #expect(error == nil)
                } else {
                    #expect((error as? WebSocketError)?.code == .connectionClosed)
                    #expect((error as? WebSocketError)?.close == expected)
                }
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.close])
                #expect(frames.first?.payload == Array(close.frame.payload.prefix(2)))
            }
        }

        /// Many servers end the TCP connection with their Close frame; the messages end as the frame says.
        @Test func `a peer that ends the stream behind its Close frame`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("last").encoded + Frame.close(1000).encoded), .close,
            ]
            for _ in 0..<10 {
                try await withScript(script) { socket, server in
                    _ = try await server.finished()
                    #expect(try await socket.nextMessage() == .text("last"))
                    #expect(try await socket.nextMessage() == nil)
                    let closed = try await socket.ended()
                    #expect(closed.code == 1000)
                    #expect(closed.initiator == .peer)
                }
            }
        }

        @Test func `the answers still go out to a peer that has ended its side of the stream`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("last").encoded + Frame.close(1000).encoded), .shutdownWrite,
                .mark("ended"), .receiveFrames(2),
            ]
            for _ in 0..<10 {
                try await withScript(script) { socket, server in
                    try await server.reached("ended")
                    #expect(try await socket.nextMessage() == .text("last"))
                    await Task.yield()
                    try await socket.send("answer")
                    #expect(try await socket.nextMessage() == nil)
                    #expect(try await server.finished().first.frames.map(\.opcode) == [.text, .close])
                    #expect(try await socket.ended().wasClean)
                }
            }
        }

        @Test func `an answer to the last message goes out before the Close frame`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("question").encoded + Frame.close(1000).encoded), .receiveFrames(2),
            ]
            for _ in 0..<20 {
                try await withScript(script) { socket, server in
                    for try await message in socket.messages {
                        #expect(message == .text("question"))
                        await Task.yield()
                        try await socket.send("answer")
                    }
                    let frames = try await server.finished().first.frames
                    #expect(frames.map(\.opcode) == [.text, .close])
                }
            }
        }

        @Test func `a peer's Close frame is answered though nobody reads`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("unread").encoded + Frame.close(1000).encoded), .receiveFrame,
            ]
            try await withScript(script) { socket, server in
                let stopwatch = Stopwatch()
                let closed = try await socket.ended()
                #expect(stopwatch.elapsedInMotion < .seconds(4))
                #expect(closed.wasClean)
                // And what came before it can still be read.
                #expect(try await socket.nextMessage() == .text("unread"))
                #expect(try await socket.nextMessage() == nil)
            }
        }

        @Test func `a waiting reader does not hold up the answer`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .pause(until: "reading"), .send(Frame.close(1000)), .receiveFrame,
            ]
            for _ in 0..<20 {
                try await withScript(script) { socket, server in
                    let reader = Task { try await socket.nextMessage() }
                    if Bool.random() { await Task.yield() }
                    let stopwatch = Stopwatch()
                    server.proceed("reading")
                    let message = try await reader.value
                    #expect(message == nil)
                    // The grace for readers that have something to read is a second.
                    #expect(stopwatch.elapsedInMotion < .milliseconds(900))
                }
            }
        }

        @Test func `data behind the Close frame is ignored`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.close(1000).encoded + Frame.text("ghost").encoded + [0xFF, 0xFF]),
                .send(Frame.text("ghost")), .receiveFrame,
            ]
            try await withScript(script) { socket, server in
                let (messages, error) = await socket.readToEnd()
                #expect(messages.isEmpty)
                #expect(error == nil)
                let closed = try await socket.ended()
                #expect(closed.wasClean)
                #expect(try await server.finished().first.frames.map(\.closeCode) == [1000])
            }
        }

        // MARK: This side closes

        @Test func `everything that was accepted goes out before the Close frame`() async throws {
            let count = 2_000
            try await withScript([.acceptUpgrade(), .receiveFrames(count), .echoFrames(1)]) { socket, server in
                for number in 0..<count { try await socket.send("message \(number)") }
                let closed = try await socket.close(code: 3001, reason: "bye")
                #expect(closed == WebSocketCloseInfo(code: 3001, reason: "bye", initiator: .local, wasClean: true))
                let frames = try await server.finished().first.frames
                #expect(frames.dropLast().map(\.text) == (0..<count).map { "message \($0)" })
                #expect(frames.last?.closeCode == 3001)
                #expect(frames.last?.payload.dropFirst(2).elementsEqual("bye".utf8) == true)
            }
        }

        @Test func `messages that cross the Close frame can be read`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrame, .send(Frame.text("crossing")), .send(Frame.close(1000)),
            ]
            try await withScript(script) { socket, _ in
                let closed = try await socket.close()
                #expect(closed.wasClean)
                #expect(try await socket.nextMessage() == .text("crossing"))
                #expect(try await socket.nextMessage() == nil)
            }
        }

        @Test func `both sides close at once`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .pause(until: "now"), .send(Frame.close(4002)), .receiveFrame,
            ]
            for _ in 0..<10 {
                try await withScript(script) { socket, server in
                    server.proceed("now")
                    let closed = try await socket.close(code: 4001)
                    #expect(closed.wasClean)
                    #expect(closed.code == 4002)
                    let frames = try await server.finished().first.frames
                    #expect(frames.count == 1)
                    // Ours if it was first, else the echo of the peer's.
                    #expect([4001, 4002].contains(frames.first?.closeCode))
                }
            }
        }

        @Test func `closing again waits for the same end`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .echoFrames(1)]
            try await withScript(script) { socket, server in
                let ends = try await withThrowingTaskGroup(of: WebSocketCloseInfo.self) { group in
                    for code: UInt16 in 4000..<4010 {
                        group.addTask { try await socket.close(code: WebSocketCloseCode(rawValue: code)) }
                    }
                    var ends: Set<WebSocketCloseInfo> = []
                    for try await end in group { ends.insert(end) }
                    return ends
                }
                #expect(ends.count == 1)
                #expect(try await socket.close() == ends.first)
                #expect(try await server.finished().first.frames.count == 1)
            }
        }

        @Test func `F34 after the end nothing can be sent, and the error says how it ended`() async throws {
            try await withScript([.acceptUpgrade(), .echoFrames(1)]) { socket, _ in
                let closed = try await socket.close(code: 4000)
                for operation: @Sendable () async throws -> Void in [
                    { try await socket.send("late") }, { try await socket.send([1]) }, { _ = try await socket.ping() },
                    { try await socket.send(text: AsyncStream<String> { $0.finish() }) },
                ] {
                    let error = await #expect(throws: WebSocketError.self) { try await operation() }
                    #expect(error?.code == .connectionClosed)
                    #expect(error?.close == closed)
                }
            }
        }

        @Test func `F34 while closing nothing can be sent`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrame, .mark("closing"), .pause(until: "go on"), .send(Frame.close(1000)),
            ]
            try await withScript(script) { socket, server in
                async let closed = socket.close()
                try await server.reached("closing")
                let error = await #expect(throws: WebSocketError.self) { try await socket.send("late") }
                #expect(error?.code == .connectionClosed)
                server.proceed("go on")
                #expect(try await closed.wasClean)
                #expect(try await server.finished().first.frames.count == 1)
            }
        }

        @Test func `a server that leaves the TCP connection open is left`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .echoFrames(1), .waitForEndOfStream]
            try await withScript(script, .with { $0.deadlines.close = .milliseconds(300) }) { socket, server in
                let stopwatch = Stopwatch()
                let closed = try await socket.close()
                #expect(closed.wasClean)
                #expect(stopwatch.elapsedInMotion < .seconds(3))
                #expect(try await server.finished().first.sawEndOfStream)
            }
        }

        /// Its Close frame does not free it of reading ours.
        @Test func `a peer that closes and does not read is left`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .pause(until: "full"), .send(Frame.close(1000)), .stopReading,
            ]
            let configuration = WebSocketConfiguration.with { $0.deadlines.close = .milliseconds(300) }
            for closesFirst in [true, false] {
                try await withScript(script, configuration) { socket, server in
                    // More than the kernel takes.
                    let sender = Task {
                        for _ in 0..<200 { try await socket.send([UInt8](repeating: 1, count: 200_000)) }
                    }
                    let stopwatch = Stopwatch()
                    // Time in which the kernel's buffers fill up: nothing tells that the sender has come to a halt. If it
                    // had not, the close would only be easier.
                    if closesFirst {
                        try await Task.sleep(for: .milliseconds(100))
                        async let closed = socket.close()
                        try await Task.sleep(for: .milliseconds(50))
                        server.proceed("full")
                        _ = try await closed
                    } else {
                        try await Task.sleep(for: .milliseconds(100))
                        server.proceed("full")
                        _ = try await socket.ended()
                    }
                    #expect(stopwatch.elapsedInMotion < .seconds(6))
                    _ = await sender.result
                }
            }
        }

        // MARK: Without a handshake

        @Test func `the end of the stream without a Close frame`() async throws {
            try await withScript([.acceptUpgrade(), .send(Frame.text("last")), .close]) { socket, _ in
                let (messages, error) = await socket.readToEnd()
                #expect(messages == [.text("last")])
                let failure = try #require(error as? WebSocketError)
                #expect(failure.code == .transportFailed)
                let expected = WebSocketCloseInfo(
                    code: 1006,
                    initiator: .transport,
                    wasClean: false,
                    cause: .endOfStream,
                    failure: "the peer ended the TCP connection without a Close frame"
                )
                #expect(failure.close == expected)
                #expect(try await socket.close() == expected)
            }
        }

        @Test(arguments: [1, 2, 5, 9, 100, 40_000])
        func `the end of the stream inside a frame`(count: Int) async throws {
            let bytes = Frame.binary([UInt8](repeating: 7, count: 100_000)).encoded.prefix(count)
            try await withScript([.acceptUpgrade(), .send(Array(bytes)), .close]) { socket, _ in
                let (messages, error) = await socket.readToEnd()
                #expect(messages.isEmpty)
                #expect((error as? WebSocketError)?.code == .transportFailed)
                let closed = try await socket.ended()
                #expect(closed.code == 1006)
            }
        }

        @Test func `a reset`() async throws {
            try await withScript([.acceptUpgrade(), .receiveFrame, .reset]) { socket, _ in
                try await socket.send("go")
                let (_, error) = await socket.readToEnd()
                #expect((error as? WebSocketError)?.code == .transportFailed)
                let closed = try await socket.ended()
                #expect(closed.code == 1006)
                #expect(closed.failure?.contains("reset by peer") == true, "\(closed)")
            }
        }

        @Test func `an abort sends no Close frame, and resets`() async throws {
            try await withScript([.acceptUpgrade(), .waitForEndOfStream]) { socket, server in
                let reader = Task { await socket.readToEnd() }
                let ping = Task { try await socket.ping() }
                socket.abort()
                let closed = try await socket.ended()
                #expect(closed.code == 1006)
                #expect(closed.initiator == .local)
                #expect(!closed.wasClean)
                #expect(closed.failure == "aborted by this side")
                #expect(await reader.value.error == nil, "this side wanted it")
                _ = await ping.result
                let transcript = try await server.finished()
                #expect(transcript.first.wasReset)
                #expect(transcript.first.frames.isEmpty)
            }
        }

        @Test func `close and abort while reading is paused`() async throws {
            let flood = Frame.binary([UInt8](repeating: 1, count: 10_000)).encoded
            for aborts in [false, true] {
                let script: [ScriptedServer.Step] = [
                    .acceptUpgrade(), .repeated(200, [.send(flood)]), .receiveFrame, .send(Frame.close(1000)),
                ]
                let configuration = WebSocketConfiguration.with { $0.limits.inboundHighWaterMark = 20_000 }
                try await withScript(
                    aborts ? [.acceptUpgrade(), .send(flood + flood + flood), .waitForEndOfStream] : script,
                    configuration
                ) {
                    socket,
                    server in
                    // The first message has come; by then, or soon, the mark is passed.
                    let first = try await socket.nextMessage()
                    #expect(first != nil)
                    if aborts {
                        socket.abort()
                        #expect(try await socket.ended().failure == "aborted by this side")
                    } else {
                        #expect(try await socket.close().wasClean)
                        #expect(try await server.finished().first.frames.map(\.closeCode) == [1000])
                    }
                }
            }
        }

        @Test func `a pong that never comes ends with the connection`() async throws {
            try await withScript([.acceptUpgrade(), .receiveFrame, .close]) { socket, _ in
                let error = await #expect(throws: WebSocketError.self) { try await socket.ping() }
                #expect(error?.code == .connectionClosed)
                #expect(error?.close?.code == 1006)
            }
        }
    }
}
