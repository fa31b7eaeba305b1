import Testing
import WebSocketNovaTesting

@Suite struct ScriptedServerTLSTests {
    private typealias Frame = ScriptedServer.Frame

    private func with(
        _ steps: (ScriptedServer.Identity) -> [ScriptedServer.Step],
        _ body: (ScriptedServer, [UInt8]) async throws -> Void
    ) async throws {
        let identity = try ScriptedServer.Identity.make()
        try await withScriptedServer(steps(identity)) { server in
            try await body(server, identity.authority.certificatePEM)
        }
    }

    @Test func `a session over TLS`() async throws {
        try await self.with {
            [.startTLS($0), .acceptUpgrade(), .echoFrames(2), .waitForEndOfStream]
        } _: {
            server,
            authority in
            let client = try RawClient(port: server.port, trusting: authority)
            try client.upgrade()
            let bytes = [UInt8](repeating: 7, count: 100_000)
            try client.sendFrame(0x2, bytes)
            #expect(try client.readFrame().payload == bytes)
            try client.sendFrame(0x8, [3, 232])
            #expect(try client.readFrame().payload == [3, 232])
            client.close()
            let connection = try await server.finished().first
            #expect(connection.frames.map(\.opcode) == [.binary, .close])
            #expect(connection.request.hasPrefix("GET / HTTP/1.1\r\n"))
            #expect(connection.sentCount > 100_000)
        }
    }

    @Test func `a handshake that is cut short`() async throws {
        try await self.with {
            [.startTLS($0, sendingAtMost: 100), .close]
        } _: { server, authority in
            #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port, trusting: authority) }
            let transcript = try await server.finished()
            #expect(transcript.first.sentCount == 100)
        }
    }

    @Test func `a record that is cut short, and garbage in place of one`() async throws {
        for step: ScriptedServer.Step in [
            .sendPartOfRecord([1, 2, 3], count: 10), .sendBeneathTLS([23, 3, 3, 0, 1, 0xFF]),
        ] {
            try await self.with {
                [.startTLS($0), .send("a"), step, .close]
            } _: { server, authority in
                let client = try RawClient(port: server.port, trusting: authority)
                #expect(try client.read(1) == Array("a".utf8))
                // An error or an end, but no bytes.
                let rest = try? client.readSome(10)
                #expect(rest?.isEmpty != false)
            }
        }
    }

    @Test func `a client that speaks no TLS is left, and named`() async throws {
        try await self.with {
            [.startTLS($0)]
        } _: { server, _ in
            let client = try RawClient(port: server.port)
            try client.requestUpgrade()
            #expect(try client.readToEnd().isEmpty)
            let error = await #expect(throws: TestServerError.self) { try await server.finished() }
            #expect(error?.message.contains("step 1 (startTLS): the TLS handshake failed") == true)
        }
    }

    @Test func `the client's own end of TLS is noted`() async throws {
        try await self.with {
            [.startTLS($0), .sendCloseNotify, .waitForEndOfStream]
        } _: { server, authority in
            let client = try RawClient(port: server.port, trusting: authority)
            #expect(try client.readToEnd() == [])
            client.shutDownTLS()
            client.close()
            #expect(try await server.finished().first.sawCloseNotify)
        }
    }
}
