import Logging
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Pins of public keys", .timeLimit(.minutes(1)))
    struct PinningTests {
        private let wrong: PublicKeyPin

        init() throws {
            self.wrong = try PublicKeyPin(sha256: [UInt8](repeating: 7, count: 32))
        }

        @Test func `any key of the verified chain will do`() async throws {
            try await withTLSServer({ $0.hasIntermediate = true }) { server, client in
                let own = try #require(server.pin)
                let root = try #require(server.authority?.pin)
                for pins in [[own], [root], [self.wrong, own], [root, self.wrong]] {
                    try await expectTLS(server.url, client.tls { $0.pins = pins }, "version", "TLSv1.3")
                }
            }
        }

        @Test func `no pinned key, and the error names those that were shown`() async throws {
            try await withTLSServer { server, client in
                let own = try #require(server.pin)
                for verification in [TLSConfiguration.CertificateVerification.full, .none] {
                    let pinned = client.tls {
                        $0.pins = [self.wrong]
                        $0.certificateVerification = verification
                    }
                    let error = try #require(await openingError(server.url, pinned))
                    #expect(error.code == .tlsFailed)
                    #expect(error.tlsFailure?.reason == .pinMismatch)
                    #expect(error.message.contains("\(own)"), "\(error)")
                    #expect(server.connectionCount == 0)
                }
            }
        }

        @Test func `a pin does not replace verification`() async throws {
            try await withTLSServer({ $0.validity = .expired }) { server, client in
                let pinned = client.tls { $0.pins = server.pin.map { [$0] } ?? [] }
                #expect(await openingError(server.url, pinned)?.tlsFailure?.reason == .expired)
            }
        }

        /// Anyone can send somebody else's certificate behind his own.
        @Test func `without verification only the server's own key counts`() async throws {
            try await withTLSServer({
                $0.hasIntermediate = true
                $0.names = ["other.example"]
            }) { server, client in
                let own = try #require(server.pin)
                let root = try #require(server.authority?.pin)
                let log = LogCapture()
                var pinned = client.tls {
                    $0.certificateVerification = .none
                    $0.pins = [own]
                }
                pinned.logger = log.logger()
                try await expectTLS(server.url, pinned, "version", "TLSv1.3")
                // The key proves who the server is.
                #expect(!log.lines.contains { $0.level >= .warning })
                let error = await openingError(server.url, pinned.tls { $0.pins = [root] })
                #expect(error?.tlsFailure?.reason == .pinMismatch)
            }
        }
    }
}
