import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("TLS sessions", .timeLimit(.minutes(1)))
    struct ResumptionTests {
        private func open(
            _ url: String,
            _ configuration: WebSocketConfiguration,
            isResumed: Bool,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let report = try await tlsReport(url, configuration)
            #expect(report["resumed"] == "\(isResumed)", sourceLocation: sourceLocation)
        }

        @Test(arguments: [TLSConfiguration.Version.tls12, .tls13])
        func `are resumed by the next connection to the same server`(version: TLSConfiguration.Version) async throws {
            try await withTLSServer({ $0.maximumVersion = version }) { server, client in
                try await self.open(server.url, client, isResumed: false)
                for _ in 0..<5 { try await self.open(server.url, client, isResumed: true) }
            }
        }

        /// OpenSSL takes the session of a connection that was cut for broken; that is the very one which comes back.
        @Test(arguments: [TLSConfiguration.Version.tls12, .tls13])
        func `are resumed after a connection was cut`(version: TLSConfiguration.Version) async throws {
            try await withTLSServer({ $0.maximumVersion = version }) { server, client in
                for _ in 0..<4 {
                    let socket = try await WebSocket.connect(to: server.url + "drop", configuration: client)
                    try await socket.send("go")
                    _ = await socket.readToEnd()
                    try await self.open(server.url, client, isResumed: true)
                }
            }
        }

        @Test func `are not shared between servers, names and configurations`() async throws {
            try await withTLSServer { server, client in
                _ = try await tlsReport(server.url, client)
                try await self.open(server.url, client, isResumed: true)
                try await self.open("wss://localhost:\(server.port)/", client, isResumed: false)
                try await self.open(server.url, client.tls { $0.serverName = "localhost" }, isResumed: false)
                try await self.open(server.url, client.tls { $0.certificateVerification = .none }, isResumed: false)
                try await self.open(
                    server.url,
                    client.tls { $0.pins = server.pin.map { [$0] } ?? [] },
                    isResumed: false
                )
            }
        }

        /// What was resumed without verification must not serve one that verifies.
        @Test func `of connections without verification verify nothing for others`() async throws {
            try await withTLSServer { server, client in
                let insecure = client.tls { $0.certificateVerification = .none }
                for _ in 0..<2 { _ = try await tlsReport(server.url, insecure) }
                let error = await openingError(server.url)
                #expect(error?.tlsFailure?.reason == .unknownIssuer)
            }
        }

        @Test func `are not resumed if the user does not want it`() async throws {
            try await withTLSServer { server, client in
                for _ in 0..<3 {
                    try await self.open(server.url, client.tls { $0.resumesSessions = false }, isResumed: false)
                }
            }
        }

        @Test func `work with a client's certificate`() async throws {
            try await withTLSServer({ $0.demandsClientCertificate = true }) { server, client in
                let identity = try #require(server.authority).makeClientIdentity(name: "carol")
                let named = client.tls { $0.clientIdentity = identity }
                _ = try await tlsReport(server.url, named)
                let report = try await tlsReport(server.url, named)
                #expect(report["resumed"] == "true")
                #expect(report["client"] == "/CN=carol")
            }
        }

        /// The server has forgotten, or is another one on the same port.
        @Test func `that a server does not know do no harm`() async throws {
            let authority = try TestCertificateAuthority()
            let client = WebSocketConfiguration.with { $0.tls.trustRoots = .pem(authority.certificatePEM) }
            var port: UInt16 = 0
            for _ in 0..<2 {
                var configuration = EchoServer.Configuration(isTLS: true, port: port)
                configuration.tls.authority = authority
                try await withEchoServer(configuration: configuration) { server in
                    port = UInt16(server.port)
                    try await self.open(server.url, client, isResumed: false)
                    try await self.open(server.url, client, isResumed: true)
                }
            }
        }
    }
}
