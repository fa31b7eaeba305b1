import Testing
import WebSocketCore
import WebSocketNovaTesting

@Suite struct EchoServerUpgradeTests {
    @Test func greetsAndStillEchoes() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(path: "/greet")
            #expect(try client.readFrame() == .init(isFinal: true, opcode: 0x1, payload: Array("hello".utf8)))
            try client.sendFrame(0x1, Array("hi".utf8))
            #expect(try client.readFrame().payload == Array("hi".utf8))
        }
    }

    @Test(arguments: [("x-custom", "some value"), ("User-Agent", "raw/1"), ("x-absent", "")])
    func tellsARequestHeader(name: String, value: String) async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(path: "/header?name=\(name)", headers: ["X-Custom: some value", "User-Agent: raw/1"])
            #expect(try client.readFrame().payload == Array(value.utf8))
        }
    }

    @Test func echoesInFragments() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(path: "/fragments?size=400")
            let payload = pattern(1_000)
            try client.sendFrame(0x2, payload)
            let frames = try (0..<3).map { _ in try client.readFrame() }
            #expect(frames.map(\.opcode) == [0x2, 0x0, 0x0])
            #expect(frames.map(\.isFinal) == [false, false, true])
            #expect(frames.map(\.payload.count) == [400, 400, 200])
            #expect(frames.flatMap(\.payload) == payload)
        }
    }

    @Test func echoesManyFragmentsToAClientThatReadsLate() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(path: "/fragments?size=1000")
            let (_, received) = try client.pipeline(RawClient.frame(0x2, pattern(8_000_000)), expecting: 8_000 * 1_004)
            var payload: [UInt8] = []
            for index in 0..<8_000 { payload += received[(index * 1_004 + 4)..<((index + 1) * 1_004)] }
            #expect(payload == pattern(8_000_000))
        }
    }

    @Test func closesOnRequest() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(path: "/close?code=4001&reason=so%20long")
            let frame = try client.readFrame()
            #expect(frame == .init(isFinal: true, opcode: 0x8, payload: [0x0F, 0xA1] + Array("so long".utf8)))
            try client.sendFrame(0x8, [0x0F, 0xA1])
            #expect(try client.readToEnd() == [])
        }
    }

    @Test func dropsOnRequest() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(path: "/drop")
            try client.sendFrame(0x1, Array("cut".utf8))
            #expect(try client.readToEnd() == [])
        }
    }

    @Test(arguments: [0, 12, 1 << 20]) func refusesAPath(bodySize: Int) async throws {
        let body = String(repeating: "n", count: bodySize)
        let refusal = EchoServer.Refusal(status: 401, body: body, headers: ["WWW-Authenticate": "Bearer"])
        try await withEchoServer(configuration: .init(refusals: ["/private": refusal])) { server in
            let client = try RawClient(port: server.port)
            let head = try client.upgrade(path: "/private?token=1")
            #expect(head.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
            #expect(head.contains("\r\nWWW-Authenticate: Bearer\r\n"))
            #expect(head.contains("\r\nContent-Length: \(bodySize)\r\n"))
            #expect(try client.readToEnd() == Array(body.utf8))
            let other = try RawClient(port: server.port)
            #expect(try other.upgrade().hasPrefix("HTTP/1.1 101 "))
        }
    }

    @Test(arguments: [
        (["Sec-WebSocket-Protocol: other, v2.chat, v1.chat"], "HTTP/1.1 101 ", "Sec-WebSocket-Protocol: v2.chat\r\n"),
        (["Sec-WebSocket-Protocol: v1.chat"], "HTTP/1.1 101 ", "Sec-WebSocket-Protocol: v1.chat\r\n"),
        (["Sec-WebSocket-Protocol: other"], "HTTP/1.1 400 ", ""),
        ([], "HTTP/1.1 101 ", ""),
    ])
    func selectsASubprotocol(headers: [String], status: String, field: String) async throws {
        try await withEchoServer(configuration: .init(subprotocols: ["v1.chat", "v2.chat"])) { server in
            let client = try RawClient(port: server.port)
            let head = try client.upgrade(headers: headers)
            #expect(head.hasPrefix(status))
            #expect(field.isEmpty ? !head.contains("Sec-WebSocket-Protocol") : head.contains(field))
            guard status.contains("101") else { return }
            try client.sendFrame(0x1, Array("x".utf8))
            #expect(try client.readFrame().payload == Array("x".utf8))
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 "),
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "HTTP/1.1 400 "),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
            "HTTP/1.1 426 "
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
            "HTTP/1.1 400 "
        ),
    ])
    func refusesWhatIsNoUpgrade(request: String, status: String) async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.send(request)
            #expect(try String(decoding: client.readToEnd(), as: UTF8.self).hasPrefix(status))
        }
    }

    @Test func refusesAConfigurationOutOfRange() {
        #expect(throws: TestServerError.self) { try EchoServer(configuration: .init(subprotocols: ["a b"])) }
        #expect(throws: TestServerError.self) {
            try EchoServer(configuration: .init(permessageDeflate: .init(serverMaxWindowBits: 8)))
        }
    }
}
