import Glibc
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

@testable import LWSTransport

extension Serial {
    @Suite("What TLS reads and keeps", .timeLimit(.minutes(1)))
    struct TLSFilesTests {
        @Test func `a file of roots that changes is read again, and a broken one is not taken`() async throws {
            try await withTLSServer { first, _ in
                try await withTLSServer { second, _ in
                    let file = try TemporaryFile(first.certificatePEM)
                    defer { file.remove() }
                    let client = WebSocketConfiguration.with { $0.tls.trustRoots = .file(file.path) }
                    _ = try await tlsReport(first.url, client)
                    let error = await openingError(second.url, client)
                    #expect(error?.tlsFailure?.reason == .unknownIssuer)
                    #expect(error?.message.contains(file.path) == true, "\(String(describing: error))")
                    try file.write(second.certificatePEM)
                    _ = try await tlsReport(second.url, client)
                    // In the midst of being exchanged.
                    try file.write(Array("no PEM".utf8))
                    _ = try await tlsReport(second.url, client)
                    file.remove()
                    _ = try await tlsReport(second.url, client)
                    try file.write(first.certificatePEM + second.certificatePEM)
                    _ = try await tlsReport(first.url, client)
                    _ = try await tlsReport(second.url, client)
                }
            }
        }

        @Test func `a client's certificate that is renewed is shown to the next connection`() async throws {
            try await withTLSServer({ $0.demandsClientCertificate = true }) { server, client in
                let authority = try #require(server.authority)
                func write(_ name: String, _ chain: TemporaryFile, _ key: TemporaryFile) throws {
                    let identity = try authority.makeClientIdentity(name: name)
                    guard case .bytes(let chainPEM) = identity.certificateChain.storage,
                        case .bytes(let keyPEM) = identity.privateKey.storage
                    else { throw TemporaryFile.Failure() }
                    try chain.write(chainPEM)
                    try key.write(keyPEM)
                }
                let (chain, key) = (try TemporaryFile([]), try TemporaryFile([]))
                defer {
                    chain.remove()
                    key.remove()
                }
                let configured = client.tls {
                    $0.clientIdentity = .init(certificateChain: .file(chain.path), privateKey: .file(key.path))
                }
                for name in ["first", "second"] {
                    try write(name, chain, key)
                    try await expectTLS(server.url, configured, "client", "/CN=\(name)")
                }
            }
        }

        @Test func `the roots of the system are those that SSL_CERT_FILE names`() async throws {
            await #expect(processExitsWith: .success) {
                try await withTLSServer { server, _ in
                    let file = try TemporaryFile(server.certificatePEM)
                    defer { file.remove() }
                    setenv("SSL_CERT_FILE", file.path, 1)
                    _ = try await tlsReport(server.url, WebSocketConfiguration())
                    try await withTLSServer { other, _ in
                        let error = await openingError(other.url)
                        #expect(error?.tlsFailure?.reason == .unknownIssuer)
                        #expect(error?.message.contains("SSL_CERT_FILE \(file.path)") == true)
                    }
                }
            }
        }

        @Test func `an SSL_CERT_FILE that cannot be read is refused`() async throws {
            await #expect(processExitsWith: .success) {
                setenv("SSL_CERT_FILE", "/nonexistent/roots.pem", 1)
                let error = await openingError("wss://127.0.0.1:1/")
                #expect(error?.code == .invalidConfiguration)
                #expect(error?.message.contains("SSL_CERT_FILE") == true, "\(String(describing: error))")
                #expect(error?.message.contains("/nonexistent/roots.pem") == true, "\(String(describing: error))")
            }
        }

        @Test func `the roots of the system are those in the directory that SSL_CERT_DIR names`() async throws {
            await #expect(processExitsWith: .success) {
                try await withTLSServer { server, _ in
                    setenv("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt", 1)
                    setenv("SSL_CERT_DIR", "/nonexistent", 1)
                    let error = await openingError(server.url)
                    #expect(error?.tlsFailure?.reason == .unknownIssuer)
                    #expect(
                        error?.message.contains("SSL_CERT_DIR /nonexistent") == true,
                        "\(String(describing: error))"
                    )
                }
            }
        }

        /// Each configuration has a vhost of lws for as long as it is used, and some time longer.
        @Test(arguments: EventLoopBackend.allCases)
        func `many configurations on one loop leave no more than a few vhosts`(backend: EventLoopBackend) async throws {
            try await withTLSServer { server, client in
                var loopConfiguration = EventLoop.Configuration()
                loopConfiguration.backends = [backend]
                let group = try EventLoopGroup(configuration: loopConfiguration)
                let loop = group.loops[0]
                func vhosts() async -> Int {
                    await withCheckedContinuation { continuation in
                        loop.wake(Note { continuation.resume(returning: loop.core.secureVhostCount) })
                    }
                }
                var sockets: [WebSocket] = []
                for number in 0..<20 {
                    var configuration = client.tls {
                        $0.pins = (0..<number).compactMap {
                            try? PublicKeyPin(sha256: .init(repeating: UInt8($0), count: 32))
                        }
                        if let pin = server.pin { $0.pins.append(pin) }
                    }
                    configuration.eventLoopGroup = group
                    sockets.append(try await WebSocket.connect(to: server.url, configuration: configuration))
                }
                #expect(await vhosts() == 20)
                for socket in sockets {
                    try await socket.send("still here")
                    #expect(try await socket.nextMessage() == .text("still here"))
                    try await socket.close()
                }
                await eventually("no connection is left") { loop.liveTunnels == 0 }
                // The last ones go at the end of the turn of the loop in which this is asked.
                var left = await vhosts()
                for _ in 0..<100 where left > 8 { left = await vhosts() }
                #expect(left == 8)
                await group.shutDown()
            }
        }
    }
}

/// Work for a loop.
private final class Note: TransportLoopWork {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    func runOnLoop() { self.body() }
}
