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

    @Test func echoesOverIPv6() async throws {
        try await withEchoServer(configuration: .init(isIPv6: true)) { server in
            #expect(server.url == "ws://[::1]:\(server.port)/")
            let client = try RawClient(port: server.port, isIPv6: true)
            try client.upgrade()
            try client.sendFrame(0x1, Array("six".utf8))
            #expect(try client.readFrame().payload == Array("six".utf8))
        }
    }

    @Test func echoesAFragmentedMessageWhole() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            // "ü" is cut by a frame's end; a ping, and fragments without a byte, stand between.
            try client.sendFrame(0x1, Array("gr".utf8) + [0xC3], isFinal: false)
            try client.sendFrame(0x9, Array("between".utf8))
            try client.sendFrame(0x0, [], isFinal: false)
            try client.sendFrame(0x0, [0xBC] + Array("ße".utf8), isFinal: false)
            try client.sendFrame(0x0, [])
            // lws sends the pong at its next turn, perhaps after the echo.
            let frames = [try client.readFrame(), try client.readFrame()].sorted { $0.opcode > $1.opcode }
            #expect(frames.first == .init(isFinal: true, opcode: 0xA, payload: Array("between".utf8)))
            #expect(frames.last == .init(isFinal: true, opcode: 0x1, payload: Array("grüße".utf8)))
        }
    }

    @Test func keepsTheOrderOfManyMessages() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            let messages = (0..<2_000).map { Array("message \($0)".utf8) }
            try client.send(messages.flatMap { RawClient.frame(0x1, $0) })
            for message in messages { #expect(try client.readFrame().payload == message) }
        }
    }

    @Test(arguments: [false, true]) func stopsReadingFromAClientThatDoesNotRead(isTLS: Bool) async throws {
        try await withEchoServer(configuration: .init(isTLS: isTLS)) { server in
            let client = try RawClient(port: server.port, trusting: isTLS ? server.certificatePEM : nil)
            try client.upgrade()
            let payload = pattern(100_000)
            let messages = repeated(RawClient.frame(0x2, payload), 640)
            let echo: [UInt8] = [0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xA0] + payload
            let (sentAlone, received) = try client.pipeline(messages, expecting: 640 * echo.count)
            // What the kernel's buffers hold of both ways, and one message in the server.
            #expect(sentAlone < 32 << 20, "the server took \(sentAlone) bytes")
            #expect(received == repeated(echo, 640), "\(received.count) bytes")
        }
    }

    @Test func answersPings() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            for size in [0, 1, 125] {
                try client.sendFrame(0x9, pattern(size))
                #expect(try client.readFrame() == .init(isFinal: true, opcode: 0xA, payload: pattern(size)))
            }
        }
    }

    @Test func answersAClose() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            try client.sendFrame(0x8, [0x0F, 0xA0] + Array("bye".utf8))
            #expect(
                try client.readFrame() == .init(isFinal: true, opcode: 0x8, payload: [0x0F, 0xA0] + Array("bye".utf8))
            )
            #expect(try client.readToEnd() == [])
        }
    }

    @Test func echoesWhatCameBeforeAClose() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            let payload = pattern(4 << 20)
            let sent = RawClient.frame(0x2, payload) + RawClient.frame(0x8, [0x03, 0xE8])
            let (_, received) = try client.pipeline(sent, expecting: 10 + payload.count + 4)
            #expect(received[10..<(10 + payload.count)].elementsEqual(payload))
            #expect(received.suffix(4) == [0x88, 0x02, 0x03, 0xE8])
        }
    }

    @Test func refusesAMessageOverTheLimit() async throws {
        try await withEchoServer(configuration: .init(maximumMessageSize: 1_000)) { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            try client.sendFrame(0x2, pattern(1_000))
            #expect(try client.readFrame().payload.count == 1_000)
            try client.sendFrame(0x2, pattern(1_001))
            #expect(try client.readFrame().payload.prefix(2) == [0x03, 0xF1])
        }
    }

    @Test func refusesTextThatIsNotUTF8() async throws {
        try await withEchoServer { server in
            let client = try RawClient(port: server.port)
            try client.upgrade()
            try client.sendFrame(0x1, [0xC3, 0x28])
            #expect(try client.readFrame().payload.prefix(2) == [0x03, 0xEF])
        }
    }
}
