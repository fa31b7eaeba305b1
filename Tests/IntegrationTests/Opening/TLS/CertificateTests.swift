import Logging
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("The server's certificate", .timeLimit(.minutes(1)))
    struct CertificateTests {
        private func failure(
            _ server: EchoServer,
            _ configuration: WebSocketConfiguration,
            url: String? = nil
        ) async throws -> (failure: TLSFailure, message: String) {
            let error = try #require(await openingError(url ?? server.url, configuration))
            #expect(error.code == .tlsFailed, "\(error)")
            #expect(!error.isRetryable)
            #expect(server.connectionCount == 0)
            #expect(error.message.contains("certificate not accepted"), "\(error)")
            return (try #require(error.tlsFailure), error.message)
        }

        @Test func `has expired`() async throws {
            try await withTLSServer({ $0.validity = .expired }) { server, client in
                let (failure, message) = try await self.failure(server, client)
                #expect(failure.reason == .expired)
                #expect(message.contains("expired on 20"), "\(message)")
                #expect(message.contains("here it is 20"), "\(message)")
            }
        }

        @Test func `is not valid yet`() async throws {
            try await withTLSServer({ $0.validity = .notYet }) { server, client in
                let (failure, message) = try await self.failure(server, client)
                #expect(failure.reason == .notYetValid)
                #expect(message.contains("not valid before 20"), "\(message)")
            }
        }

        @Test func `is for other names, which the error lists`() async throws {
            try await withTLSServer({ $0.names = ["one.example", "*.two.example", "192.0.2.1", "2001:db8::1"] }) {
                server,
                client in
                let names = ["one.example", "*.two.example", "192.0.2.1", "2001:db8::1"]
                for host in ["localhost", "127.0.0.1"] {
                    let url = "wss://\(host):\(server.port)/"
                    let (failure, message) = try await self.failure(server, client, url: url)
                    #expect(failure.reason == .nameMismatch)
                    #expect(failure.certificateNames == names)
                    #expect(message.contains(names.joined(separator: ", ")), "\(message)")
                    #expect(message.contains(host == "localhost" ? "the name \"localhost\"" : "the address 127.0.0.1"))
                }
            }
        }

        /// RFC 9525 section 6.3: only names of the extension count.
        @Test func `names the host only as its common name`() async throws {
            try await withTLSServer({ $0.names = [] }) { server, client in
                let url = "wss://localhost:\(server.port)/"
                let (failure, message) = try await self.failure(server, client, url: url)
                #expect(failure.reason == .nameMismatch)
                #expect(failure.certificateNames == [])
                #expect(message.contains("no name at all"), "\(message)")
            }
        }

        @Test(arguments: [false, true])
        func `names the address, or another one`(isIPv6: Bool) async throws {
            let address = isIPv6 ? "::1" : "127.0.0.1"
            try await withTLSServer(isIPv6: isIPv6, { $0.names = [address] }) { server, client in
                let report = try await tlsReport(server.url, client)
                // RFC 6066 section 3: addresses are not sent.
                #expect(report["name"] == "")
            }
            let other = isIPv6 ? "::2" : "127.0.0.2"
            try await withTLSServer(isIPv6: isIPv6, { $0.names = [other, "localhost"] }) { server, client in
                let (failure, _) = try await self.failure(server, client)
                #expect(failure.reason == .nameMismatch)
                #expect(failure.certificateNames == [other, "localhost"])
            }
        }

        /// An address as a DNS name of the certificate is no address (RFC 9525 section 6.5).
        @Test func `names the address as if it were a name`() async throws {
            try await withTLSServer({ $0.names = ["localhost"] }) { server, client in
                let (failure, _) = try await self.failure(server, client)
                #expect(failure.reason == .nameMismatch)
            }
        }

        @Test func `comes from an authority that is not trusted`() async throws {
            try await withTLSServer { server, _ in
                let other = try TestCertificateAuthority()
                for roots in [TLSConfiguration.TrustRoots.pem(other.certificatePEM), .systemDefault] {
                    let client = WebSocketConfiguration.with { $0.tls.trustRoots = roots }
                    let (failure, message) = try await self.failure(server, client)
                    #expect(failure.reason == .unknownIssuer)
                    #expect(message.contains("WebSocketNova test authority"), "\(message)")
                    let tried = roots == .systemDefault ? "the system's roots (" : "the 1 certificate of tls.trustRoots"
                    #expect(message.contains(tried), "\(message)")
                }
            }
        }

        @Test func `F24 has signed itself, and is trusted or not`() async throws {
            try await withTLSServer({ $0.isSelfSigned = true }) { server, client in
                try await expectTLS(server.url, client, "resumed", "false")
                let (failure, _) = try await self.failure(server, WebSocketConfiguration())
                #expect(failure.reason == .selfSigned)
                let unverified = WebSocketConfiguration.with { $0.tls.certificateVerification = .none }
                try await expectTLS(server.url, unverified, "resumed", "false")
            }
        }

        @Test func `leads to the authority through an intermediate`() async throws {
            try await withTLSServer({ $0.hasIntermediate = true }) { server, client in
                try await expectTLS(server.url, client, "version", "TLSv1.3")
                let (failure, _) = try await self.failure(server, WebSocketConfiguration())
                #expect(failure.reason == .unknownIssuer)
            }
        }

        @Test func `is verified against another name, which the server is told`() async throws {
            try await withTLSServer({ $0.names = ["service.example"] }) { server, client in
                let named = client.tls { $0.serverName = "service.example" }
                try await expectTLS(server.url, named, "name", "service.example")
                let dotted = client.tls { $0.serverName = "Service.Example." }
                try await expectTLS(server.url, dotted, "name", "Service.Example")
                let (failure, _) = try await self.failure(server, client)
                #expect(failure.certificateNames == ["service.example"])
                let (other, message) = try await self.failure(server, client.tls { $0.serverName = "other.example" })
                #expect(other.reason == .nameMismatch)
                #expect(message.contains("the name \"other.example\""), "\(message)")
            }
            try await withTLSServer({ $0.names = ["192.0.2.7"] }) { server, client in
                let report = try await tlsReport(server.url, client.tls { $0.serverName = "192.0.2.7" })
                #expect(report["name"] == "")
            }
        }

        /// libwebsockets cuts them after 127 bytes.
        @Test(arguments: [127, 128, 253])
        func `names a host with a long name`(count: Int) async throws {
            let labels = String(repeating: String(repeating: "a", count: 49) + ".", count: 6)
            // A label must not be empty.
            let name = "b" + labels.suffix(count - 2) + "c"
            try #require(name.utf8.count == count)
            try await withTLSServer({ $0.names = [name] }) { server, client in
                let report = try await tlsReport(server.url, client.tls { $0.serverName = name })
                #expect(report["name"] == name)
                let near = String(name.dropLast()) + "d"
                let (failure, _) = try await self.failure(server, client.tls { $0.serverName = near })
                #expect(failure.reason == .nameMismatch)
            }
        }

        @Test func `has a wildcard`() async throws {
            try await withTLSServer({ $0.names = ["*.example.test", "par*.example.test"] }) { server, client in
                let fitting = client.tls { $0.serverName = "one.example.test" }
                try await expectTLS(server.url, fitting, "name", "one.example.test")
                for name in ["example.test", "one.two.example.test"] {
                    let (failure, _) = try await self.failure(server, client.tls { $0.serverName = name })
                    #expect(failure.reason == .nameMismatch)
                }
            }
        }

        @Test(arguments: [
            "", ".example.test", "a..b", "a b", "a\u{0}b", "ex\u{e4}mple", String(repeating: "a", count: 64),
        ])
        func `cannot be asked for a name that is none`(name: String) async throws {
            let error = await openingError("wss://127.0.0.1:1/", .with { $0.tls.serverName = name })
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("tls.serverName") == true, "\(String(describing: error))")
        }

        @Test func `is not verified, which each connection warns of`() async throws {
            try await withTLSServer { server, client in
                let log = LogCapture()
                var insecure = client.tls { $0.certificateVerification = .none }
                insecure.logger = log.logger()
                for _ in 0..<2 { _ = try await tlsReport(server.url, insecure) }
                let warnings = log.lines.filter { $0.level == .warning && $0.message.contains("not verified") }
                #expect(warnings.count == 2)
                var secure = client
                secure.logger = log.logger()
                _ = try await tlsReport(server.url, secure)
                #expect(log.lines.count { $0.level == .warning } == 2)
            }
        }
    }
}
