import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Versions and ciphers of TLS", .timeLimit(.minutes(1)))
    struct VersionTests {
        @Test func `the highest that both have`() async throws {
            try await withTLSServer { server, client in
                try await expectTLS(server.url, client, "version", "TLSv1.3")
                let old = client.tls { $0.maximumVersion = .tls12 }
                try await expectTLS(server.url, old, "version", "TLSv1.2")
            }
            try await withTLSServer({ $0.maximumVersion = .tls12 }) { server, client in
                try await expectTLS(server.url, client, "version", "TLSv1.2")
            }
        }

        @Test func `none in common`() async throws {
            try await withTLSServer({ $0.maximumVersion = .tls12 }) { server, client in
                let error = await openingError(server.url, client.tls { $0.minimumVersion = .tls13 })
                #expect(error?.code == .tlsFailed)
                #expect(error?.tlsFailure?.reason == .protocolVersion, "\(String(describing: error))")
                #expect(error?.message.contains("offered TLS 1.3 and later") == true, "\(String(describing: error))")
            }
            try await withTLSServer({ $0.minimumVersion = .tls13 }) { server, client in
                let error = await openingError(server.url, client.tls { $0.maximumVersion = .tls12 })
                #expect(error?.tlsFailure?.reason == .protocolVersion, "\(String(describing: error))")
                #expect(error?.tlsFailure?.alert == 70)
                #expect(error?.message.contains("offered only TLS 1.2") == true, "\(String(describing: error))")
            }
        }

        @Test func `chosen ciphers`() async throws {
            try await withTLSServer { server, client in
                let old = client.tls {
                    $0.maximumVersion = .tls12
                    $0.cipherList = "ECDHE-ECDSA-CHACHA20-POLY1305"
                }
                try await expectTLS(server.url, old, "cipher", "ECDHE-ECDSA-CHACHA20-POLY1305")
                let new = client.tls { $0.cipherSuites = "TLS_AES_128_GCM_SHA256" }
                try await expectTLS(server.url, new, "cipher", "TLS_AES_128_GCM_SHA256")
            }
        }

        @Test func `no cipher in common`() async throws {
            try await withTLSServer({
                $0.maximumVersion = .tls12
                $0.cipherList = "ECDHE-ECDSA-AES256-GCM-SHA384"
            }) { server, client in
                let error = await openingError(
                    server.url,
                    client.tls { $0.cipherList = "ECDHE-ECDSA-CHACHA20-POLY1305" }
                )
                #expect(error?.tlsFailure?.reason == .handshakeRefused, "\(String(describing: error))")
                #expect(error?.tlsFailure?.alert == 40)
                #expect(error?.message.contains("handshake failure") == true, "\(String(describing: error))")
                #expect(error?.message.contains("chosen ciphers") == true, "\(String(describing: error))")
            }
        }

        @Test(arguments: ["", "NO-SUCH-CIPHER", "aNULL", "eNULL", "TLS_AES_128_GCM_SHA256"])
        func `a cipher list without a cipher`(list: String) async throws {
            let error = await openingError("wss://127.0.0.1:1/", .with { $0.tls.cipherList = list })
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.hasPrefix("tls.cipherList is \"\(list)\"") == true, "\(String(describing: error))")
        }

        @Test(arguments: ["", "TLS_AES_128_GCM_SHA257", "TLS_AES_128_GCM_SHA256:nonsense", ":"])
        func `a suite that is not known`(suites: String) async throws {
            let error = await openingError("wss://127.0.0.1:1/", .with { $0.tls.cipherSuites = suites })
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.hasPrefix("tls.cipherSuites is") == true, "\(String(describing: error))")
        }

        @Test func `a maximum below the minimum`() async throws {
            let error = await openingError(
                "wss://127.0.0.1:1/",
                .with {
                    $0.tls.minimumVersion = .tls13
                    $0.tls.maximumVersion = .tls12
                }
            )
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("tls.maximumVersion is TLS 1.2") == true, "\(String(describing: error))")
        }
    }
}
