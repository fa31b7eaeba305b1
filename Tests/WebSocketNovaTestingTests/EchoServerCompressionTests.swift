import Testing
import WebSocketCore
import WebSocketNovaTesting

@Suite struct EchoServerCompressionTests {
    private static let offer = "permessage-deflate; client_max_window_bits"

    @Test(arguments: [
        ("permessage-deflate", "permessage-deflate\r\n"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate\r\n"),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
        ),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10\r\n"),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate\r\n"),
        ("permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9", "server_max_window_bits=9\r\n"),
        ("permessage-deflate; unknown", nil),
        ("permessage-deflate, permessage-deflate", nil),
        ("x-other", nil),
    ])
    func answersAnOffer(offer: String, answer: String?) async throws {
        try await withEchoServer(configuration: .init(permessageDeflate: .init())) { server in
            let client = try RawClient(port: server.port)
            let head = try client.upgrade(headers: ["Sec-WebSocket-Extensions: \(offer)"])
            #expect(head.hasPrefix("HTTP/1.1 101 "))
            #expect(head.contains("Sec-WebSocket-Extensions") == (answer != nil))
            if let answer { #expect(head.contains(answer), "\(head)") }
        }
    }

    @Test func demandsItsOwnParameters() async throws {
        let deflate = EchoServer.PermessageDeflate(
            serverNoContextTakeover: true,
            clientNoContextTakeover: true,
            serverMaxWindowBits: 11,
            clientMaxWindowBits: 9
        )
        try await withEchoServer(configuration: .init(permessageDeflate: deflate)) { server in
            let client = try RawClient(port: server.port)
            let head = try client.upgrade(headers: ["Sec-WebSocket-Extensions: \(Self.offer)"])
            #expect(
                head.contains(
                    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                        + "server_max_window_bits=11; client_max_window_bits=9\r\n"
                )
            )
            // A server that forgets its window can be read by a client that has never seen the message before.
            for _ in 0..<3 {
                try client.sendFrame(0x1, RawDeflate(windowBits: 9).compress(Self.text(5_000)), rsv: 0x40)
                let echo = try client.readFrame()
                #expect(echo.rsv == 0x40)
                #expect(RawDeflate(inflateWindowBits: 11).decompress(echo.payload) == Self.text(5_000))
            }
        }
    }

    @Test func declinesWhenNotConfigured() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            let head = try client.upgrade(headers: ["Sec-WebSocket-Extensions: \(Self.offer)"])
            #expect(head.hasPrefix("HTTP/1.1 101 "))
            #expect(!head.contains("Sec-WebSocket-Extensions"))
        }
    }

    @Test(arguments: [false, true]) func echoesCompressed(isTLS: Bool) async throws {
        try await withEchoServer(configuration: .init(isTLS: isTLS, permessageDeflate: .init())) { server in
            let client = try RawClient(port: server.port, trusting: isTLS ? server.certificatePEM : nil)
            try client.upgrade(headers: ["Sec-WebSocket-Extensions: \(Self.offer)"])
            let deflate = RawDeflate()
            // One window through all of it, both ways; sizes around lws's buffers, compressible and not.
            for size in [0, 1, 125, 126, 1_023, 1_024, 1_025, 32_767, 32_768, 32_769, 65_536, 1 << 20] {
                for message in [Self.text(size), noise(size)] {
                    try client.sendFrame(0x2, deflate.compress(message), rsv: 0x40)
                    let echo = try client.readFrame()
                    #expect(echo.isFinal && echo.rsv == 0x40 && echo.opcode == 0x2)
                    #expect(deflate.decompress(echo.payload) == message, "\(size) bytes")
                }
            }
        }
    }

    @Test func echoesACompressedMessageInFragments() async throws {
        try await withEchoServer(configuration: .init(permessageDeflate: .init())) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(path: "/fragments?size=100", headers: ["Sec-WebSocket-Extensions: \(Self.offer)"])
            let deflate = RawDeflate()
            let compressed = deflate.compress(noise(1_000))
            try client.sendFrame(0x2, Array(compressed.prefix(300)), isFinal: false, rsv: 0x40)
            try client.sendFrame(0x9, Array("ping".utf8))
            try client.sendFrame(0x0, Array(compressed.dropFirst(300)))
            var frames: [RawClient.Frame] = []
            var pongs: [RawClient.Frame] = []
            while pongs.isEmpty || frames.last?.isFinal != true {
                let frame = try client.readFrame()
                if frame.opcode == 0xA { pongs.append(frame) } else { frames.append(frame) }
            }
            #expect(pongs == [.init(isFinal: true, opcode: 0xA, payload: Array("ping".utf8))])
            // RSV1 stands on the first frame only (RFC 7692 section 6.1).
            #expect(frames.map(\.rsv) == [0x40] + [UInt8](repeating: 0, count: frames.count - 1))
            #expect(deflate.decompress(frames.flatMap(\.payload)) == noise(1_000))
        }
    }

    @Test func takesUncompressedMessagesAndPongsToo() async throws {
        // Both send lws's own implementation into an endless loop.
        try await withEchoServer(configuration: .init(permessageDeflate: .init(threshold: 100))) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(headers: ["Sec-WebSocket-Extensions: \(Self.offer)"])
            try client.sendFrame(0xA, Array("unasked".utf8))
            try client.sendFrame(0x1, Self.text(99))
            #expect(try client.readFrame() == .init(isFinal: true, opcode: 0x1, payload: Self.text(99)))
            try client.sendFrame(0x1, Self.text(100))
            let echo = try client.readFrame()
            #expect(echo.rsv == 0x40 && RawDeflate().decompress(echo.payload) == Self.text(100))
        }
    }

    @Test func stopsABomb() async throws {
        let configuration = EchoServer.Configuration(permessageDeflate: .init(), maximumMessageSize: 1 << 20)
        try await withEchoServer(configuration: configuration) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(headers: ["Sec-WebSocket-Extensions: \(Self.offer)"])
            try client.sendFrame(0x2, RawDeflate().compress([UInt8](repeating: 0, count: 64 << 20)), rsv: 0x40)
            #expect(try client.readFrame().payload.prefix(2) == [0x03, 0xF1])
        }
    }

    @Test func refusesWhatIsNoDeflateStream() async throws {
        try await withEchoServer(configuration: .init(permessageDeflate: .init())) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade(headers: ["Sec-WebSocket-Extensions: \(Self.offer)"])
            try client.sendFrame(0x2, [0xFF, 0xFF, 0xFF, 0xFF], rsv: 0x40)
            #expect(try client.readFrame().payload.prefix(2) == [0x03, 0xEF])
        }
    }

    private static func text(_ count: Int) -> [UInt8] {
        Array(
            String(repeating: "All work and no play makes Jack a dull boy. ", count: count / 44 + 1).utf8.prefix(count)
        )
    }
}
