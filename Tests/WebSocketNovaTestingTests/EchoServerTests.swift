import Testing
import WebSocketCore
import WebSocketNovaTesting

@Suite struct EchoServerTests {
    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20])
    func echoesBinary(size: Int) async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            let head = try client.upgrade()
            #expect(head.hasPrefix("HTTP/1.1 101 "))
            #expect(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
            let payload = pattern(size)
            try client.sendFrame(0x2, payload)
            let frame = try client.readFrame()
            #expect(frame.opcode == 0x2 && frame.isFinal && frame.rsv == 0)
            #expect(frame.payload == payload)
        }
    }

    @Test func echoesTextAsText() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            try client.sendFrame(0x1, Array("grüße 🌍".utf8))
            #expect(try client.readFrame() == .init(isFinal: true, opcode: 0x1, payload: Array("grüße 🌍".utf8)))
        }
    }
}

/// Bytes that are the same nowhere near each other.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ $0 >> 16) }
}
