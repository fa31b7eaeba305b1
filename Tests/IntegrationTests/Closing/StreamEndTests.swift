import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// Ends below WebSocket frames: each is told as what it is.
    @Suite("The end of the stream", .timeLimit(.minutes(1)))
    struct StreamEndTests {
        typealias Frame = ScriptedServer.Frame
        typealias Cause = WebSocketCloseInfo.Cause

        struct End: CustomTestStringConvertible, Sendable {
            var name: String
            var steps: [ScriptedServer.Step]
            var isCompressed = false
            var waitsForFrame = false
            var cause: Cause
            /// All of ``WebSocketCloseInfo/failure`` but " without a Close frame".
            var failure: String

            var testDescription: String { self.name }
        }

        private static let large = Frame.binary([UInt8](repeating: 7, count: 100_000)).encoded
        private static let begun = Frame(.text, [65], isFinal: false).encoded
        private static let fin = "the peer ended the TCP connection"

        static let ends = [
            End(name: "between messages", steps: [.close], cause: .endOfStream, failure: fin),
            End(
                name: "in a header",
                steps: [.send([0x82]), .close],
                cause: .truncatedFrame,
                failure: "\(fin) in the middle of a frame's header"
            ),
            End(
                name: "in a long header",
                steps: [.send(Array(large.prefix(9))), .close],
                cause: .truncatedFrame,
                failure: "\(fin) in the middle of a frame's header"
            ),
            End(
                name: "in a frame",
                steps: [.send(Array(large.prefix(40_010))), .close],
                cause: .truncatedFrame,
                failure: "\(fin) in the middle of a frame, 60000 bytes of it missing,"
            ),
            End(
                name: "in a ping",
                steps: [.send([0x89, 5, 1]), .close],
                cause: .truncatedFrame,
                failure: "\(fin) in the middle of a frame, 4 bytes of it missing,"
            ),
            End(
                name: "between fragments",
                steps: [.send(begun), .close],
                cause: .truncatedMessage,
                failure: "\(fin) in the middle of a message, between two of its frames,"
            ),
            End(
                name: "in a frame of a compressed message",
                steps: [.send([0xC2, 5, 1, 0]), .close],
                isCompressed: true,
                cause: .truncatedFrame,
                failure: "\(fin) in the middle of a frame of a compressed message, 3 bytes of it missing,"
            ),
            End(
                name: "between fragments of a compressed message",
                // An empty stored block (RFC 1951 section 3.2.4).
                steps: [.send([0x42, 5, 0, 0, 0, 0xFF, 0xFF]), .close],
                isCompressed: true,
                cause: .truncatedMessage,
                failure: "\(fin) in the middle of a compressed message, between two of its frames,"
            ),
            End(
                name: "a reset between messages",
                steps: [.receiveFrame, .reset],
                waitsForFrame: true,
                cause: .reset,
                failure: "TCP connection reset by peer"
            ),
            End(
                name: "a reset in a frame",
                steps: [.send(Array(large.prefix(40_010))), .receiveFrame, .reset],
                waitsForFrame: true,
                cause: .reset,
                failure: "TCP connection reset by peer in the middle of a frame, 60000 bytes of it missing,"
            ),
        ]

        @Test(arguments: ends)
        func `in the clear`(end: End) async throws {
            let extensions = end.isCompressed ? "permessage-deflate" : nil
            let script: [ScriptedServer.Step] = [.acceptUpgrade(extensions: extensions)] + end.steps
            let configuration = WebSocketConfiguration.with { if end.isCompressed { $0.compression = .defaults } }
            try await withScript(script, configuration) { socket, _ in try await self.check(socket, end) }
        }

        private func check(_ socket: WebSocket, _ end: End) async throws {
            // The others have gone already.
            if end.waitsForFrame { try await socket.send("go") }
            let (messages, error) = await socket.readToEnd()
            #expect(messages.isEmpty)
            let expected = WebSocketCloseInfo(
                code: 1006,
                initiator: .transport,
                wasClean: false,
                cause: end.cause,
                failure: "\(end.failure) without a Close frame"
            )
            let failure = try #require(error as? WebSocketError)
            #expect(failure.code == .transportFailed)
            #expect(failure.close == expected)
            #expect(try await socket.waitUntilClosed() == expected)
        }

        // MARK: TLS

        static let endsOfTLS = [
            End(
                name: "with a close_notify",
                steps: [.sendCloseNotify, .waitForEndOfStream],
                cause: .endOfStream,
                failure: "the peer ended the TLS session"
            ),
            End(
                name: "without one",
                steps: [.close],
                cause: .endOfStream,
                failure: "the TCP connection ended without the peer's close_notify"
            ),
            End(
                name: "without one, in a frame",
                steps: [.send(Array(large.prefix(10_010))), .close],
                cause: .truncatedFrame,
                failure: "the TCP connection ended without the peer's close_notify in the middle of a frame, "
                    + "90000 bytes of it missing,"
            ),
            End(
                name: "in a record",
                steps: [.sendPartOfRecord([0x81, 1, 65], count: 12), .close],
                cause: .endOfStream,
                failure: "the TCP connection ended without the peer's close_notify"
            ),
            End(
                name: "a damaged record",
                steps: [
                    .sendBeneathTLS([23, 3, 3, 0, 32] + [UInt8](repeating: 0xAA, count: 32)), .waitForEndOfStream,
                ],
                cause: .tls,
                failure: "a TLS record from the peer was damaged"
            ),
            End(
                name: "a reset",
                steps: [.receiveFrame, .reset],
                waitsForFrame: true,
                cause: .reset,
                failure: "TCP connection reset by peer"
            ),
        ]

        private static let identity = Result { try ScriptedServer.Identity.make() }

        @Test(arguments: endsOfTLS)
        func `over TLS`(end: End) async throws {
            let identity = try Self.identity.get()
            try await withScriptedServer([.startTLS(identity), .acceptUpgrade()] + end.steps) { server in
                let configuration = WebSocketConfiguration.with { $0.tls.trustRoots = .pem(identity.authorityPEM) }
                let socket = try await WebSocket.connect(
                    to: "wss://127.0.0.1:\(server.port)/",
                    configuration: configuration
                )
                try await self.check(socket, end)
            }
        }

        // MARK: Half-close

        /// TCP does not tell whether a peer that sends no more still reads.
        @Test func `a peer's half-close is an end, which the peer sees at once, and in order`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("last")), .shutdownWrite, .waitForEndOfStream,
            ]
            try await withScript(script) { socket, server in
                let stopwatch = Stopwatch()
                let (messages, error) = await socket.readToEnd()
                #expect(messages == [.text("last")])
                #expect((error as? WebSocketError)?.close?.cause == .endOfStream)
                let transcript = try await server.finished()
                #expect(transcript.first.sawEndOfStream && !transcript.first.wasReset)
                #expect(stopwatch.elapsedInMotion < .seconds(5))
            }
        }

        /// As many do: a Close frame and the end of the stream in one go, and then they read our answer.
        @Test func `a half-close behind a Close frame is no failure`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Frame.text("last").encoded + Frame.close(1000).encoded), .shutdownWrite,
                .receiveFrames(2), .waitForEndOfStream,
            ]
            try await withScript(script) { socket, server in
                var received: [WebSocketMessage] = []
                for try await message in socket.messages {
                    received.append(message)
                    try await socket.send("answer")
                }
                #expect(received == [.text("last")])
                #expect(try await socket.waitUntilClosed().wasClean)
                #expect(try await server.finished().first.frames.map(\.opcode) == [.text, .close])
            }
        }

        /// A server that turns somebody out: its reason is in the kernel, and our next write fails.
        @Test func `a write that fails does not keep the peer's last words from being read`() async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .pause(until: "go"),
                .send(Frame.text("last").encoded + Frame.close(1008, reason: "enough").encoded), .reset,
            ]
            try await withScript(script) { socket, server in
                let gate = Gate()
                let sender = Task(executorPreference: socket.eventLoop) {
                    // Holds up the loop: it writes before it looks at its sockets again.
                    gate.wait()
                    try await socket.send("too late")
                }
                server.proceed("go")
                _ = try await server.finished()
                gate.open()
                try await sender.value
                let (messages, error) = await socket.readToEnd()
                #expect(messages == [.text("last")])
                let closed = try #require((error as? WebSocketError)?.close)
                #expect(closed.code == 1008 && closed.reason == "enough" && closed.initiator == .peer)
            }
        }

        // MARK: This side

        @Test func `what this side did is told as such`() async throws {
            try await withScript([.acceptUpgrade(), .waitForEndOfStream]) { socket, _ in
                socket.abort()
                let closed = try await socket.waitUntilClosed()
                #expect(closed.cause == .aborted)
            }
            let silent: [ScriptedServer.Step] = [.acceptUpgrade(), .waitForEndOfStream]
            try await withScript(silent, .with { $0.deadlines.close = .milliseconds(50) }) { socket, _ in
                let closed = try await socket.close()
                #expect(closed.cause == .timedOut)
                #expect(closed.failure == "the peer did not answer the Close frame within 0.05 seconds")
            }
            let leaving: [ScriptedServer.Step] = [.acceptUpgrade(), .receiveFrame, .close]
            try await withScript(leaving) { socket, _ in
                let closed = try await socket.close()
                #expect(closed.cause == .endOfStream)
                #expect(closed.initiator == .local)
                #expect(closed.failure == "the peer ended the TCP connection before it answered the Close frame")
            }
            let group = try EventLoopGroup()
            try await withScript(silent, .with { $0.eventLoopGroup = group }) { socket, _ in
                await group.shutDown()
                let closed = try await socket.waitUntilClosed()
                #expect(closed.cause == .local)
                #expect(closed.failure == "the event loop was shut down without a Close frame")
            }
        }
    }
}
