import Testing
import WebSocketNova

extension Interop {
    /// What has to work with every peer that scripts/interop starts: servers, and proxies in front of one.
    @Suite(
        .enabled(if: InteropPeer.isThere, "scripts/interop starts the servers and sets their URLs"),
        .timeLimit(.minutes(2))
    )
    struct InteropTests {
        private func withPeer(
            _ peer: InteropPeer,
            _ path: String = "/",
            configuration: WebSocketConfiguration = InteropPeer.configuration,
            _ body: (WebSocket) async throws -> Void
        ) async throws -> WebSocketCloseInfo {
            let url = try #require(peer.url)
            return try await withWebSocket(to: url + path, configuration: configuration, body)
        }

        private func expect(
            _ message: WebSocketMessage,
            from socket: WebSocket,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let received = try await socket.nextMessage()
            #expect(received == message, sourceLocation: sourceLocation)
        }

        @Test(arguments: InteropPeer.allCases)
        func `both sides agree on the extension`(peer: InteropPeer) async throws {
            let closed = try await self.withPeer(peer, "/extensions") { socket in
                #expect((socket.compression != nil) == peer.compresses)
                try await self.expect(.text(peer.compresses ? "permessage-deflate" : ""), from: socket)
            }
            #expect(closed.wasClean)
        }

        @Test(arguments: InteropPeer.allCases)
        func `without an offer nothing is compressed`(peer: InteropPeer) async throws {
            var configuration = InteropPeer.configuration
            configuration.compression = nil
            _ = try await self.withPeer(peer, "/extensions", configuration: configuration) { socket in
                #expect(socket.compression == nil)
                try await self.expect(.text(""), from: socket)
            }
        }

        /// Around every bound of the length field (RFC 6455 section 5.2), and up to the default limit.
        @Test(arguments: InteropPeer.allCases, [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20])
        func `messages come back as they were`(peer: InteropPeer, size: Int) async throws {
            let text = String(repeating: "aé你🙂", count: size / 10) + String(repeating: "x", count: size % 10)
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 4) }
            let closed = try await self.withPeer(peer) { socket in
                try await socket.send(text)
                try await socket.send(bytes)
                try await self.expect(.text(text), from: socket)
                try await self.expect(.binary(bytes), from: socket)
            }
            #expect(closed.code == .normalClosure)
            #expect(closed.wasClean)
        }

        @Test(arguments: InteropPeer.allCases)
        func `many messages at once keep their order`(peer: InteropPeer) async throws {
            _ = try await self.withPeer(peer) { socket in
                async let sent: Void = {
                    for number in 0..<2_000 { try await socket.send("message \(number)") }
                }()
                for number in 0..<2_000 {
                    try await self.expect(.text("message \(number)"), from: socket)
                }
                try await sent
            }
        }

        @Test(arguments: InteropPeer.allCases)
        func `fragments are joined on both sides`(peer: InteropPeer) async throws {
            let fragments = (0..<50).map { "fragment \($0) – é, " }
            _ = try await self.withPeer(peer, peer.canFragment ? "/?fragments=7" : "/") { socket in
                let stream = AsyncStream { continuation in
                    for fragment in fragments { continuation.yield(fragment) }
                    continuation.finish()
                }
                try await socket.send(text: stream)
                try await self.expect(.text(fragments.joined()), from: socket)
            }
        }

        @Test(arguments: InteropPeer.allCases)
        func `pings are answered among messages`(peer: InteropPeer) async throws {
            _ = try await self.withPeer(peer) { socket in
                for number in 0..<10 {
                    try await socket.send([UInt8(number)])
                    let roundTrip = try await socket.ping()
                    #expect(roundTrip > .zero)
                    try await self.expect(.binary([UInt8(number)]), from: socket)
                }
            }
        }

        @Test(arguments: InteropPeer.allCases)
        func `code and reason of our Close come back`(peer: InteropPeer) async throws {
            let url = try #require(peer.url)
            let socket = try await WebSocket.connect(to: url, configuration: InteropPeer.configuration)
            let closed = try await socket.close(code: 4321, reason: "done – é")
            #expect(closed.code == (peer.echoesClose ? 4321 : 1000))
            #expect(closed.reason == (peer.echoesClose ? "done – é" : ""))
            #expect(closed.initiator == .local)
            #expect(closed.wasClean)
        }

        @Test(arguments: InteropPeer.allCases)
        func `code and reason of the peer's Close are told`(peer: InteropPeer) async throws {
            let url = try #require(peer.url)
            let closing = url + "/close?code=4001&reason=bye"
            let socket = try await WebSocket.connect(to: closing, configuration: InteropPeer.configuration)
            let error = await #expect(throws: WebSocketError.self) { try await socket.nextMessage() }
            #expect(error?.code == .connectionClosed)
            let closed = try await socket.close()
            #expect(closed == WebSocketCloseInfo(code: 4001, reason: "bye", initiator: .peer, wasClean: true))
        }

        @Test(arguments: InteropPeer.allCases)
        func `header fields and subprotocols arrive`(peer: InteropPeer) async throws {
            var configuration = InteropPeer.configuration
            configuration.headers.append(name: "X-Nova", value: "sent by the test")
            configuration.subprotocols = ["nova.v1", "nova.v2"]
            _ = try await self.withPeer(peer, "/header?name=X-Nova", configuration: configuration) { socket in
                #expect(socket.subprotocol == "nova.v2")
                try await self.expect(.text("sent by the test"), from: socket)
            }
        }
    }
}
