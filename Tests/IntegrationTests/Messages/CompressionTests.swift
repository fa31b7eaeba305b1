import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("permessage-deflate", .timeLimit(.minutes(1)))
    struct CompressionTests {
        struct Agreement: CustomTestStringConvertible, Sendable {
            var name: String
            var server = EchoServer.PermessageDeflate()
            var client = CompressionConfiguration.defaults

            var testDescription: String { self.name }
        }

        static let agreements = [
            Agreement(name: "plain"),
            Agreement(
                name: "nothing is kept",
                server: EchoServer.PermessageDeflate(serverNoContextTakeover: true, clientNoContextTakeover: true)
            ),
            Agreement(
                name: "small windows",
                server: EchoServer.PermessageDeflate(serverMaxWindowBits: 9, clientMaxWindowBits: 9)
            ),
            Agreement(
                name: "a window that this side cannot use",
                server: EchoServer.PermessageDeflate(clientMaxWindowBits: 8)
            ),
            Agreement(
                name: "the best compression",
                client: CompressionConfiguration(level: 9, memoryLevel: 9, threshold: 0)
            ),
            Agreement(name: "stored", client: CompressionConfiguration(level: 0)),
        ]

        private func with(_ agreement: Agreement, _ body: (WebSocket) async throws -> Void) async throws {
            let configuration = EchoServer.Configuration(permessageDeflate: agreement.server)
            try await withEchoServer(configuration: configuration) { server in
                let closed = try await withWebSocket(
                    to: server.url,
                    configuration: .with { $0.compression = agreement.client }
                ) {
                    #expect($0.compression != nil)
                    try await body($0)
                }
                #expect(closed.wasClean)
            }
        }

        @Test(arguments: agreements)
        func `messages come back as they went`(agreement: Agreement) async throws {
            try await self.with(agreement) { socket in
                var random = SeededGenerator(seed: 7)
                for size in [0, 1, 2, 63, 64, 125, 126, 1_000, 32_768, 65_535, 65_536, 1 << 20] {
                    let noise = random.bytes(size)
                    let text =
                        String(repeating: "0123456789abcdef", count: size / 16)
                        + String(repeating: "z", count: size % 16)
                    try await socket.send(noise)
                    #expect(try await socket.nextMessage() == .binary(noise), "\(size) random bytes")
                    try await socket.send(text)
                    #expect(try await socket.nextMessage() == .text(text), "\(size) characters")
                }
            }
        }

        @Test(arguments: [agreements[0], agreements[1]])
        func `F90 many senders`(agreement: Agreement) async throws {
            try await self.with(agreement) { socket in
                let senders = 6
                let each = 100
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<senders {
                        group.addTask {
                            for number in 0..<each {
                                let tail = String(repeating: "abcd", count: number * 7 % 400)
                                if number % 5 == 0 {
                                    try await socket.send(
                                        text: AsyncStream { continuation in
                                            for part in ["\(sender) ", "\(number) ", tail] { continuation.yield(part) }
                                            continuation.finish()
                                        }
                                    )
                                } else {
                                    try await socket.send("\(sender) \(number) \(tail)")
                                }
                            }
                        }
                    }
                    group.addTask {
                        var next = [Int](repeating: 0, count: senders)
                        for _ in 0..<(senders * each) {
                            guard case .text(let text) = try await socket.nextMessage() else { break }
                            let words = text.split(separator: " ", omittingEmptySubsequences: false)
                            let sender = try #require(words.count == 3 ? Int(words[0]) : nil)
                            #expect(Int(words[1]) == next[sender])
                            #expect(words[2].count == next[sender] * 7 % 400 * 4)
                            next[sender] += 1
                        }
                        #expect(next == [Int](repeating: each, count: senders))
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test func `what is below the threshold goes out as it is`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(extensions: "permessage-deflate"), .receiveFrames(3), .echoFrames(1),
            ]
            let configuration = WebSocketConfiguration.with {
                $0.compression = CompressionConfiguration(threshold: 100)
            }
            try await withScript(script, configuration) { socket, server in
                try await socket.send(String(repeating: "x", count: 99))
                try await socket.send(String(repeating: "x", count: 100))
                try await socket.send(String(repeating: "x", count: 1_000))
                _ = try await socket.close()
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.reservedBits) == [0, 4, 4, 0])
                #expect(frames[0].payload.count == 99)
                #expect(frames[1].payload.count < 20)
                #expect(frames[2].payload.count < 20)
            }
        }

        @Test func `fragments share one stream of compression`() async throws {
            try await self.with(Self.agreements[0]) { socket in
                for _ in 0..<5 {
                    let parts = (0..<50).map { "part \($0) " + String(repeating: "z", count: 500) }
                    try await socket.send(
                        text: AsyncStream { continuation in
                            for part in parts { continuation.yield(part) }
                            continuation.finish()
                        }
                    )
                    #expect(try await socket.nextMessage() == .text(parts.joined()))
                    // Read in pieces.
                    try await socket.send(parts.joined())
                    var text = ""
                    for try await fragment in socket.fragmentsOfNextMessage {
                        text += String(decoding: fragment.bytes, as: UTF8.self)
                    }
                    #expect(text == parts.joined())
                }
            }
        }

        @Test func `a handler's answers are compressed, in the order of all`() async throws {
            let configuration = EchoServer.Configuration(permessageDeflate: EchoServer.PermessageDeflate())
            try await withEchoServer(configuration: configuration) { server in
                let received = Locked(0)
                let socket = try await WebSocket.connect(
                    to: server.url,
                    configuration: .with { $0.compression = .defaults }
                ) {
                    context,
                    kind,
                    payload in
                    let isQuestion = payload.withUnsafeBytes { $0.first == UInt8(ascii: "q") }
                    received.withLock { $0 += 1 }
                    if isQuestion { try? context.send("answer " + String(repeating: "y", count: 300)) }
                }
                for number in 0..<100 {
                    if number % 2 == 0 {
                        try await socket.send("q" + String(repeating: "x", count: number * 10))
                    } else {
                        try await socket.send(
                            text: AsyncStream { continuation in
                                for _ in 0..<5 { continuation.yield("q" + String(repeating: "w", count: 200)) }
                                continuation.finish()
                            }
                        )
                    }
                }
                await eventually("all came back") { received.value == 200 }
                #expect(try await socket.close().wasClean)
            }
        }

        @Test func `a bomb ends with 1009`() async throws {
            // 10 MiB of zeros, as one block: length 2, distance 1 again and again would do; the echo server makes it for us.
            let configuration = EchoServer.Configuration(permessageDeflate: EchoServer.PermessageDeflate())
            try await withEchoServer(configuration: configuration) { server in
                let socket = try await WebSocket.connect(
                    to: server.url,
                    configuration: .with {
                        $0.compression = .defaults
                        $0.limits.messageSize = 1 << 20
                    }
                )
                try await socket.send([UInt8](repeating: 0, count: 10 << 20))
                let error = await #expect(throws: WebSocketError.self) { try await socket.nextMessage() }
                #expect(error?.code == .messageTooLarge)
                #expect(try await socket.ended().code == 1009)
            }
        }
    }
}
