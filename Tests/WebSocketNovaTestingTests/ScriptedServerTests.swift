import Glibc
import Testing
import WebSocketCore
import WebSocketNovaTesting

@Suite struct ScriptedServerTests {
    private typealias Frame = ScriptedServer.Frame

    @Test func acceptsAnUpgradeAndRecordsTheRequest() async throws {
        try await withScriptedServer([
            .expectUpgrade, .acceptUpgrade(subprotocol: "a", extensions: "x", headers: ["Server": "scripted"]),
        ]) { server in
            let client = try RawClient(port: server.port)
            let head = try client.upgrade(path: "/p?q", headers: ["X-Mine: 1"])
            #expect(
                head == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: a\r\n"
                    + "Sec-WebSocket-Extensions: x\r\nServer: scripted\r\n\r\n"
            )
            #expect(try client.readToEnd() == [])
            client.close()
            let transcript = try await server.finished()
            #expect(
                transcript.first.request == "GET /p?q HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                    + "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    + "Sec-WebSocket-Version: 13\r\nX-Mine: 1\r\n\r\n"
            )
            #expect(transcript.first.sawEndOfStream)
        }
    }

    @Test func sendsTheUpgradeAndDataInOneSegment() async throws {
        let frame = Frame.text("early")
        try await withScriptedServer([.acceptUpgrade(following: frame.encoded), .waitForEndOfStream]) { server in
            let client = try RawClient(port: server.port)
            try client.requestUpgrade()
            let bytes = try client.readSome(4_096)
            #expect(bytes.starts(with: "HTTP/1.1 101 ".utf8))
            #expect(bytes.suffix(7) == frame.encoded[...])
        }
    }

    @Test func canAnswerWrongly() async throws {
        try await withScriptedServer([
            .acceptUpgrade(headers: ["Sec-WebSocket-Accept": "wrong", "Upgrade": "other"])
        ]) { server in
            let head = try RawClient(port: server.port).upgrade()
            #expect(head.contains("Sec-WebSocket-Accept: wrong\r\n") && !head.contains("s3pPLMBi"))
            #expect(head.contains("Upgrade: other\r\n") && !head.contains("Upgrade: websocket"))
        }
    }

    @Test func sendsBytesOneByOne() async throws {
        let script: [ScriptedServer.Step] = [.send(Array("slow".utf8), inChunksOf: 1, interval: .milliseconds(20))]
        try await withScriptedServer(script) { server in
            let start = ContinuousClock.now
            let client = try RawClient(port: server.port)
            #expect(try client.readSome(100) == Array("s".utf8))
            #expect(try client.readToEnd() == Array("low".utf8))
            #expect(ContinuousClock.now - start >= .milliseconds(60))
        }
    }

    @Test func receivesBytesAndFrames() async throws {
        try await withScriptedServer([.expectUpgrade, .receive(3), .receiveFrame, .receiveFrames(2)]) { server in
            let client = try RawClient(port: server.port)
            try client.requestUpgrade()
            try client.send("abc")
            let frames = RawClient.frame(0x1, Array("one".utf8), isFinal: false) + RawClient.frame(0x9, [])
            try client.send(frames)
            try client.sendFrame(0x2, pattern(70_000), rsv: 0x40)
            client.close()
            let connection = try await server.finished().first
            #expect(connection.frames.map(\.opcode) == [.text, .ping, .binary])
            #expect(connection.frames.map(\.isFinal) == [false, true, true])
            #expect(connection.frames.map(\.reservedBits) == [0, 0, 4])
            #expect(connection.frames.map(\.payload) == [Array("one".utf8), [], pattern(70_000)])
            #expect(connection.frames.allSatisfy { $0.maskingKey == [0x37, 0xFA, 0x21, 0x3D] })
            #expect(connection.received.starts(with: Array("abc".utf8) + frames))
        }
    }

    @Test func echoesFrames() async throws {
        try await withScriptedServer([.acceptUpgrade(), .repeated(2, [.echoFrames(1)]), .echoFrames(1)]) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            try client.sendFrame(0x1, Array("hi".utf8))
            #expect(try client.readFrame() == .init(isFinal: true, opcode: 0x1, payload: Array("hi".utf8)))
            try client.sendFrame(0x9, [7])
            #expect(try client.readFrame() == .init(isFinal: true, opcode: 0xA, payload: [7]))
            try client.sendFrame(0x8, [0x03, 0xE8])
            #expect(try client.readFrame() == .init(isFinal: true, opcode: 0x8, payload: [0x03, 0xE8]))
        }
    }

    @Test(
        arguments: [
            (Frame.text("hi"), [0x81, 2, 0x68, 0x69]),
            (Frame(.binary, [9], isFinal: false, reservedBits: 4), [0x42, 1, 9]),
            (Frame(.init(rawValue: 0xB), lengthForm: .sixteenBits), [0x8B, 126, 0, 0]),
            (Frame(.ping, [1], lengthForm: .sixtyFourBits), [0x89, 127, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
            (Frame(.text, [0x10], maskingKey: [1, 2, 3, 4]), [0x81, 0x81, 1, 2, 3, 4, 0x11]),
            (Frame(.text, declaredLength: 1 << 63), [0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (Frame.close(.goingAway, reason: "x"), [0x88, 3, 0x03, 0xE9, 0x78]),
        ] as [(ScriptedServer.Frame, [UInt8])]
    )
    func encodesFrames(frame: ScriptedServer.Frame, bytes: [UInt8]) async throws {
        #expect(frame.encoded == bytes)
        try await withScriptedServer([.send(frame)]) { server in
            let received = try RawClient(port: server.port).readToEnd()
            #expect(received == bytes)
        }
    }

    @Test func halfCloses() async throws {
        try await withScriptedServer([.expectUpgrade, .shutdownWrite, .receive(4), .waitForEndOfStream]) { server in
            let client = try RawClient(port: server.port)
            try client.requestUpgrade()
            #expect(try client.readToEnd() == [])
            try client.send("more")
            client.close()
            let connection = try await server.finished().first
            #expect(connection.received == Array("more".utf8) && connection.sawEndOfStream && !connection.wasReset)
        }
    }

    @Test func closesAndResets() async throws {
        try await withScriptedServer([.expectUpgrade, .close]) { server in
            let client = try RawClient(port: server.port)
            try client.requestUpgrade()
            #expect(Self.endOfStream(of: client) == 0)
        }
        try await withScriptedServer([.expectUpgrade, .reset]) { server in
            let client = try RawClient(port: server.port)
            try client.requestUpgrade()
            #expect(Self.endOfStream(of: client) == ECONNRESET)
        }
    }

    /// 0 for an orderly end.
    private static func endOfStream(of client: RawClient) -> Int32 {
        var byte: UInt8 = 0
        let count = recv(client.descriptor, &byte, 1, 0)
        return count < 0 ? errno : Int32(count)
    }

    private static func reset(_ client: RawClient) {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        client.close()
    }

    @Test func seesAReset() async throws {
        try await withScriptedServer([.expectUpgrade, .waitForEndOfStream]) { server in
            let client = try RawClient(port: server.port)
            try client.requestUpgrade()
            Self.reset(client)
            let connection = try await server.finished().first
            #expect(connection.wasReset && !connection.sawEndOfStream)
        }
    }

    @Test func stopsReading() async throws {
        try await withScriptedServer([.acceptUpgrade(), .stopReading]) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            #expect(throws: RawClient.Failure.self) {
                // Nothing comes back: this fails when the kernel takes no more.
                _ = fcntl(client.descriptor, F_SETFL, O_NONBLOCK)
                for _ in 0..<256 { try client.send([UInt8](repeating: 0, count: 1 << 20)) }
            }
            Self.reset(client)
            let connection = try await server.finished().first
            #expect(connection.received.isEmpty)
        }
    }

    @Test func pausesUntilToldAndMarksWhereItIs() async throws {
        try await withScriptedServer([
            .acceptUpgrade(), .mark("waiting"), .pause(until: "go"), .send("late"), .mark("sent"),
        ]) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            try await server.reached("waiting")
            var byte: UInt8 = 0
            let count = recv(client.descriptor, &byte, 1, Int32(MSG_DONTWAIT))
            #expect(count == -1)
            server.proceed("go")
            try await server.reached("sent")
            #expect(try client.readToEnd() == Array("late".utf8))
            client.close()
            await #expect(throws: TestServerError.self) { try await server.reached("never") }
        }
    }

    @Test func playsAScriptToEachClient() async throws {
        let server = try ScriptedServer(scripts: [[.send("first")], [.delay(.milliseconds(1)), .send("second")]])
        for text in ["first", "second"] {
            let received = try RawClient(port: server.port).readToEnd()
            #expect(received == Array(text.utf8))
        }
        let transcript = try await server.finished()
        #expect(transcript.connections.count == 2)
        await server.stop()
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }
    }

    @Test(arguments: [
        (
            [ScriptedServer.Step.receive(1)],
            "connection 1, step 1 (receive 1 bytes): the deadline of 0.1 seconds passed"
        ),
        ([.pause(until: "x")], "connection 1, step 1 (pause until \"x\"): the deadline of 0.1 seconds passed"),
        ([.delay(.seconds(60))], "connection 1, step 1 (delay of 60.0 seconds): the deadline of 0.1 seconds passed"),
        ([.stopReading], "connection 1, step 1 (stopReading): the deadline of 0.1 seconds passed"),
        ([.close, .receive(1)], "connection 1, step 2 (receive 1 bytes): Bad file descriptor"),
    ])
    func namesTheStepThatFailed(script: [ScriptedServer.Step], message: String) async throws {
        try await withScriptedServer(script, deadline: .milliseconds(100)) { server in
            let client = try RawClient(port: server.port)
            await #expect(throws: TestServerError(message)) { try await server.finished() }
            client.close()
        }
    }

    @Test func namesAClientThatDidNotComeOrLeft() async throws {
        try await withScriptedServer([.expectUpgrade], deadline: .milliseconds(20)) { server in
            let message = "connection 1, waiting for the client: the deadline of 0.02 seconds passed"
            await #expect(throws: TestServerError(message)) { try await server.finished() }
        }
        try await withScriptedServer([.expectUpgrade]) { server in
            try RawClient(port: server.port).close()
            let message = "connection 1, step 1 (expectUpgrade): the client ended the stream"
            await #expect(throws: TestServerError(message)) { try await server.finished() }
        }
    }

    @Test func stopsInTheMiddle() async throws {
        let server = try ScriptedServer([.acceptUpgrade(), .receive(1)])
        let client = try RawClient(port: server.port)
        try client.upgrade()
        await server.stop()
        #expect(try client.readToEnd() == [])
        let message = "connection 1, step 2 (receive 1 bytes): the server was stopped"
        await #expect(throws: TestServerError(message)) { try await server.finished() }
        await server.stop()
    }

    /// In a process of its own, because other tests open descriptors and threads.
    @Test func leavesNothingBehind() async {
        await #expect(processExitsWith: .success) {
            func cycle(_ index: Int) async throws {
                let server = try ScriptedServer([.acceptUpgrade(), .receiveFrame])
                let client = try RawClient(port: server.port)
                if index % 3 > 0 { try client.upgrade() }
                if index % 3 > 1 {
                    try client.sendFrame(0x1, [0x41])
                    client.close()
                    _ = try await server.finished()
                }
                await server.stop()
            }
            for index in 0..<6 { try await cycle(index) }
            let before = Resources.now
            for index in 0..<300 { try await cycle(index) }
            #expect(Resources.now.descriptors == before.descriptors)
            #expect(Resources.now.threads <= before.threads)
        }
    }
}
