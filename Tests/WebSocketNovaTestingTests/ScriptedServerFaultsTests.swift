import Testing
import WebSocketCore
import WebSocketNovaTesting

/// The steps that servers need to misbehave.
@Suite struct ScriptedServerFaultsTests {
    private typealias Frame = ScriptedServer.Frame

    @Test func `answers the upgrade with bytes of one's own, in chunks`() async throws {
        let script: [ScriptedServer.Step] = [
            .answerUpgrade(inChunksOf: 1, interval: .milliseconds(1)) { Array("accept \($0)\r\n\r\n".utf8) }
        ]
        try await withScriptedServer(script) { server in
            let client = try RawClient(port: server.port)
            #expect(try client.upgrade() == "accept s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        }
    }

    @Test(arguments: [true, false])
    func `a flood ends at its limit`(isReading: Bool) async throws {
        let script: [ScriptedServer.Step] = [.flood([1, 2, 3], atMost: 10_000, isReading: isReading)]
        try await withScriptedServer(script) { server in
            let client = try RawClient(port: server.port)
            let bytes = try client.readToEnd()
            #expect(bytes.count == 10_002)
            #expect(bytes.starts(with: [1, 2, 3, 1, 2, 3]))
            #expect(server.transcript.first.sentCount == 10_002)
        }
    }

    @Test func `a flood ends when the client leaves, and is no failure`() async throws {
        let script: [ScriptedServer.Step] = [.flood([UInt8](repeating: 1, count: 65_536), atMost: .max)]
        try await withScriptedServer(script) { server in
            let client = try RawClient(port: server.port)
            _ = try client.read(1_000_000)
            client.close()
            let connection = try await server.finished().first
            #expect(connection.clientHasLeft)
            #expect(connection.sentCount >= 1_000_000)
        }
    }

    @Test func `a flood that reads records what comes`() async throws {
        let script: [ScriptedServer.Step] = [
            .acceptUpgrade(), .flood(Frame.text("x").encoded, atMost: .max, isReading: true),
        ]
        try await withScriptedServer(script) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            try client.sendFrame(0x9, [1])
            try client.sendFrame(0x8, [3, 232])
            // Not by closing: with bytes unread that would be a reset, which overtakes what was sent.
            client.shutDownWriting()
            #expect(try await server.finished().first.receivedFrames.map(\.opcode) == [.ping, .close])
        }
    }

    @Test func `steps are played until the client leaves`() async throws {
        let script: [ScriptedServer.Step] = [
            .untilClientLeaves([.receive(1), .send("x")]), .mark("over"),
        ]
        try await withScriptedServer(script) { server in
            let client = try RawClient(port: server.port)
            for _ in 0..<5 {
                try client.send([1])
                #expect(try client.read(1) == Array("x".utf8))
            }
            client.close()
            try await server.reached("over")
            #expect(try await server.finished().first.clientHasLeft)
        }
    }

    @Test func `frames are read up to the Close frame`() async throws {
        try await withScriptedServer([.acceptUpgrade(), .receiveClose, .send(Frame.close(1000))]) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            for opcode: UInt8 in [0x1, 0x9, 0xA, 0x8] { try client.sendFrame(opcode, [3, 232]) }
            #expect(try client.readFrame().opcode == 0x8)
            #expect(try await server.finished().first.frames.map(\.opcode) == [.text, .ping, .pong, .close])
        }
    }
}
