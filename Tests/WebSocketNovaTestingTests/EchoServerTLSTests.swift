import Testing
import WebSocketCore
import WebSocketNovaTesting

@Suite struct EchoServerTLSTests {
    @Test(arguments: ["localhost", "127.0.0.1", "::1"])
    func certificateIsValidFor(name: String) async throws {
        try await withEchoServer(configuration: .init(isTLS: true)) { server in
            #expect(server.url == "wss://127.0.0.1:\(server.port)/")
            let client = try RawClient(port: server.port, trusting: server.certificatePEM, name: name)
            #expect(try client.upgrade().hasPrefix("HTTP/1.1 101 "))
        }
    }

    @Test func certificateIsValidForNoOtherNameAndNoOtherAuthority() async throws {
        try await withEchoServer(configuration: .init(isTLS: true)) { server in
            #expect(throws: RawClient.Failure.self) {
                try RawClient(port: server.port, trusting: server.certificatePEM, name: "example.com")
            }
            try await withEchoServer(configuration: .init(isTLS: true)) { other in
                #expect(throws: RawClient.Failure.self) {
                    try RawClient(port: server.port, trusting: other.certificatePEM)
                }
                // Two servers at once: the handshakes of one do not disturb those of the other.
                let first = try RawClient(port: server.port, trusting: server.certificatePEM)
                let second = try RawClient(port: other.port, trusting: other.certificatePEM)
                #expect(try first.upgrade().hasPrefix("HTTP/1.1 101 "))
                #expect(try second.upgrade().hasPrefix("HTTP/1.1 101 "))
            }
        }
    }

    @Test(arguments: [0, 125, 16_383, 16_384, 16_385, 65_536, 1 << 20, 16 << 20])
    func echoes(size: Int) async throws {
        try await withEchoServer(configuration: .init(isTLS: true)) { server in
            let client = try RawClient(port: server.port, trusting: server.certificatePEM)
            try client.upgrade()
            try client.sendFrame(0x2, pattern(size))
            #expect(try client.readFrame().payload == pattern(size))
            try client.sendFrame(0x8, [0x03, 0xE8])
            #expect(try client.readFrame().payload == [0x03, 0xE8])
        }
    }
}
