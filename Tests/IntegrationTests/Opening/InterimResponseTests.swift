import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Interim responses", .timeLimit(.minutes(1)))
    struct InterimResponseTests {
        private typealias Step = ScriptedServer.Step

        private static let hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
        private static let following =
            "X-Unheard-Of: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nFolded: a\r\n\tb\r\nA: b\r\n"

        private static func switching(_ accept: String) -> String {
            """
            HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: \(accept)\r\n\(Self.following)\r\n
            """
        }

        /// Reads a message from a connection that the answer opens, and sends one.
        private func check(_ answer: ScriptedServer.Step) async throws {
            try await withScript([answer, .receiveFrame, .waitForEndOfStream]) { socket, server in
                let message = try await socket.first()
                #expect(message == .text("hello"))
                // Behind an interim response the head is read by our own parser, which knows all names.
                #expect(socket.responseHeaders["X-Unheard-Of"] == "1")
                #expect(socket.responseHeaders[values: "Set-Cookie"] == ["a=1", "b=2"])
                #expect(socket.responseHeaders["Folded"] == "a b")
                #expect(!socket.responseHeaders.contains("Link"))
                try await socket.send("there")
                socket.abort()
                let frames = try await server.finished().first.frames
                #expect(frames.first?.text == "there")
            }
        }

        @Test(arguments: [1, 3])
        func `they are passed over in the same segment as the 101 and the first message`(count: Int) async throws {
            try await self.check(
                .answerUpgrade { accept in
                    Array((String(repeating: Self.hints, count: count) + Self.switching(accept)).utf8)
                        + ScriptedServer.Frame.text("hello").encoded
                }
            )
        }

        @Test func `they are passed over one byte at a time`() async throws {
            try await self.check(
                .answerUpgrade(inChunksOf: 1, interval: .milliseconds(1)) { accept in
                    Array(("HTTP/1.1 100 Continue\r\n\r\n" + Self.hints + Self.switching(accept)).utf8)
                        + ScriptedServer.Frame.text("hello").encoded
                }
            )
        }

        @Test func `a large message in the same segment is whole`() async throws {
            let payload = [UInt8](repeating: 7, count: 300_000)
            let answer = Step.answerUpgrade { accept in
                Array((Self.hints + Self.switching(accept)).utf8) + ScriptedServer.Frame.binary(payload).encoded
            }
            try await withScript([answer, .waitForEndOfStream]) { socket, _ in
                let message = try await socket.first()
                #expect(message == .binary(payload))
            }
        }

        private func error(
            _ answer: [ScriptedServer.Step],
            _ configuration: WebSocketConfiguration = .with { $0.deadlines.open = .seconds(25) }
        ) async throws -> WebSocketError {
            try await withScriptedServer([.expectUpgrade] + answer) { server in
                let stopwatch = Stopwatch()
                let error = try #require(await openingError(server.url, configuration))
                #expect(stopwatch.elapsedInMotion < .seconds(10), "\(error)")
                return error
            }
        }

        @Test(arguments: [
            "Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n3;x=y\r\nody\r\n0\r\nTrailer: x\r\n\r\n",
        ])
        func `a refusal behind them has status, headers and body`(rest: String) async throws {
            for chunk in [1_000, 7] {
                let answer = Array((Self.hints + "HTTP/1.1 403 No\r\nX-Why: because\r\n" + rest).utf8)
                let error = try await self.error([.send(answer, inChunksOf: chunk), .waitForEndOfStream])
                #expect(error.code == .upgradeRefused)
                #expect(error.handshake?.status == 403)
                #expect(error.handshake?.headers["x-why"] == "because")
                #expect(error.handshake?.bodyPrefix == Array("body".utf8))
            }
        }

        @Test func `a body behind them that ends with the stream`() async throws {
            let error = try await self.error([.send(Self.hints + "HTTP/1.1 403 No\r\n\r\nbo"), .send("dy"), .close])
            #expect(error.handshake?.bodyPrefix == Array("body".utf8))
        }

        @Test func `a redirection behind them is followed`() async throws {
            try await withEchoServer { target in
                let answer = Self.hints + "HTTP/1.1 302 There\r\nLocation: \(target.url)\r\n\r\n"
                try await withScriptedServer([.expectUpgrade, .send(answer), .waitForEndOfStream]) { server in
                    let socket = try await WebSocket.connect(
                        to: server.url,
                        configuration: .with { $0.redirects = .follow() }
                    )
                    #expect(socket.url == target.url)
                    try await socket.close()
                }
            }
        }

        @Test(arguments: ["garbage\r\n\r\n", "HTTP/1.1 101\r\nno colon\r\n\r\n", "HTTP/1.0 101 Old\r\n\r\n", "\u{0}"])
        func `something else behind them is no answer`(rest: String) async throws {
            let error = try await self.error([.send(Self.hints + rest), .waitForEndOfStream])
            #expect(error.code == .invalidUpgradeResponse)
        }

        @Test(arguments: ["", "HTTP/1.1 10", "HTTP/1.1 101 Switching Protocols\r\n"])
        func `the end of the stream behind them`(rest: String) async throws {
            let error = try await self.error([.send(Self.hints + rest), .close])
            #expect(error.code == .transportFailed)
            #expect(error.isRetryable)
        }

        @Test func `a silence behind them ends at the deadline`() async throws {
            let error = try await self.error(
                [.send(Self.hints), .waitForEndOfStream],
                .with { $0.deadlines.open = .milliseconds(200) }
            )
            #expect(error.code == .timedOut)
            #expect(error.message.contains("upgrade"))
        }

        @Test func `the limit holds for all heads behind the first together`() async throws {
            let error = try await self.error(
                [.send(String(repeating: Self.hints, count: 200)), .waitForEndOfStream],
                .with { $0.limits.responseHeadSize = 4_096 }
            )
            #expect(error.code == .invalidUpgradeResponse)
            #expect(error.message.contains("bytes"), "\(error)")
        }
    }
}
