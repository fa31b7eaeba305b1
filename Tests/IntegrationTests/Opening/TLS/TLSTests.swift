import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("wss", .timeLimit(.minutes(1)))
    struct TLSTests {
        private func with(isIPv6: Bool = false, _ body: (EchoServer) async throws -> Void) async throws {
            try await withEchoServer(configuration: EchoServer.Configuration(isTLS: true, isIPv6: isIPv6), body)
        }

        private func trusting(_ server: EchoServer) -> WebSocketConfiguration {
            .with { $0.tls.trustRoots = .pem(server.certificatePEM) }
        }

        private func echoes(_ url: String, _ configuration: WebSocketConfiguration) async throws {
            let closed = try await withWebSocket(to: url, configuration: configuration) { socket in
                for size in [0, 5, 70_000, 1 << 20] {
                    let bytes = [UInt8](repeating: 0x42, count: size)
                    try await socket.send(bytes)
                    #expect(try await socket.nextMessage() == .binary(bytes))
                }
            }
            #expect(closed.wasClean)
        }

        @Test(arguments: ["localhost", "127.0.0.1"])
        func `F24 a certificate that names the host`(host: String) async throws {
            try await self.with { server in
                try await self.echoes("wss://\(host):\(server.port)/", self.trusting(server))
            }
        }

        @Test func `a certificate that names the IPv6 address`() async throws {
            try await self.with(isIPv6: true) { server in
                try await self.echoes("wss://[::1]:\(server.port)/", self.trusting(server))
            }
        }

        /// It is 127.0.0.1 in another form, which the certificate does not name.
        @Test func `a certificate for another address`() async throws {
            try await self.with { server in
                let error = await openingError("wss://[::ffff:127.0.0.1]:\(server.port)/", self.trusting(server))
                #expect(error?.code == .tlsFailed, "\(String(describing: error))")
                #expect(error?.message.contains("certificate not accepted") == true, "\(String(describing: error))")
                #expect(error?.message.lowercased().contains("mismatch") == true, "\(String(describing: error))")
                #expect(error?.isRetryable == false)
            }
        }

        @Test func `another server's authority`() async throws {
            try await self.with { other in
                try await self.with { server in
                    let error = await openingError("wss://localhost:\(server.port)/", self.trusting(other))
                    #expect(error?.code == .tlsFailed)
                }
            }
        }

        @Test(arguments: ["wss://localhost", "wss://[::ffff:127.0.0.1]"])
        func `F24 without verification`(base: String) async throws {
            try await self.with { server in
                try await self.echoes("\(base):\(server.port)/", .with { $0.tls.certificateVerification = .none })
                // What one connection does without is not forgotten for the others.
                let error = await openingError("wss://localhost:\(server.port)/")
                #expect(error?.code == .tlsFailed)
            }
        }

        @Test func `a server of TLS that is asked in the clear`() async throws {
            try await self.with { server in
                let error = await openingError("ws://127.0.0.1:\(server.port)/")
                #expect(error != nil)
            }
        }

        @Test(arguments: [TLSConfiguration.TrustRoots.file("/nonexistent.pem"), .pem([]), .pem(Array("no PEM".utf8))])
        func `trust roots that are none`(roots: TLSConfiguration.TrustRoots) async throws {
            try await self.with { server in
                let error = await openingError("wss://localhost:\(server.port)/", .with { $0.tls.trustRoots = roots })
                #expect(error?.code == .invalidConfiguration)
                #expect(server.connectionCount == 0)
            }
        }

        @Test func `many connections at once`() async throws {
            try await self.with { server in
                let configuration = self.trusting(server)
                let url = "wss://localhost:\(server.port)/"
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<30 {
                        group.addTask {
                            try await withWebSocket(to: url, configuration: configuration) { socket in
                                try await socket.send("\(number)")
                                #expect(try await socket.nextMessage() == .text("\(number)"))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test func `the server drops the connection`() async throws {
            try await self.with { server in
                let socket = try await WebSocket.connect(to: server.url + "drop", configuration: self.trusting(server))
                try await socket.send("go")
                let (_, error) = await socket.readToEnd()
                #expect((error as? WebSocketError)?.code == .transportFailed)
                #expect(try await socket.ended().code == 1006)
            }
        }
    }
}
