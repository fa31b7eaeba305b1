import Testing
import WebSocketNova

/// The proxies that scripts/interop starts.
enum InteropProxy: String, CaseIterable, CustomTestStringConvertible {
    case tinyproxy = "TINYPROXY"
    case tinyproxyAuth = "TINYPROXY_AUTH"
    case squid = "SQUID"
    case squidAuth = "SQUID_AUTH"

    /// With the credentials that it wants.
    var url: String? { InteropPeer.environment(self.rawValue) }
    var wantsCredentials: Bool { self == .tinyproxyAuth || self == .squidAuth }
    var testDescription: String { self.rawValue }
}

/// Through the proxies that scripts/interop starts: tinyproxy and squid.
@Suite(
    .enabled(if: InteropProxy.squid.url != nil, "scripts/interop starts the proxies and sets their URLs"),
    .timeLimit(.minutes(2))
)
struct ProxyInteropTests {
    private func configuration(_ proxy: InteropProxy) throws -> WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.compression = .defaults
        configuration.proxy = .url(try #require(proxy.url))
        if let file = InteropPeer.environment("CA") { configuration.tls.trustRoots = .file(file) }
        return configuration
    }

    @Test(arguments: InteropProxy.allCases, InteropPeer.allCases)
    func `messages come back as they were`(proxy: InteropProxy, peer: InteropPeer) async throws {
        let url = try #require(peer.url)
        let closed = try await withWebSocket(to: url, configuration: self.configuration(proxy)) { socket in
            for size in [0, 125, 65_536, 1 << 20] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 4) }
                try await socket.send(bytes)
                #expect(try await socket.nextMessage() == .binary(bytes))
            }
        }
        #expect(closed.wasClean)
    }

    @Test(arguments: InteropProxy.allCases.filter(\.wantsCredentials))
    func `missing and wrong credentials`(proxy: InteropProxy) async throws {
        let target = try #require(InteropPeer.plain.url)
        let authority = try #require(proxy.url?.split(separator: "@").last)
        let missing = await openingError(target, .with { $0.proxy = .url("http://\(authority)") })
        #expect(missing?.code == .proxyRefused)
        #expect(missing?.handshake?.status == 407)
        #expect(missing?.handshake?.headers["Proxy-Authenticate"]?.hasPrefix("Basic") == true)
        #expect(missing?.handshake?.bodyPrefix.isEmpty == false)
        let wrong = await openingError(target, .with { $0.proxy = .url("http://nova:wrong@\(authority)") })
        #expect(wrong?.code == .proxyRefused)
        // tinyproxy says 401 to wrong ones.
        #expect(wrong?.handshake?.status == (proxy == .tinyproxyAuth ? 401 : 407))
    }

    @Test(arguments: InteropProxy.allCases)
    func `a server that the proxy cannot reach`(proxy: InteropProxy) async throws {
        let error = await openingError("ws://127.0.0.1:1/", try self.configuration(proxy))
        #expect(error?.code == .proxyRefused)
        #expect((500...599).contains(error?.handshake?.status ?? 0), "\(String(describing: error))")
        #expect(error?.isRetryable == true)
    }

    @Test func `a server that the proxy does not allow`() async throws {
        let error = await openingError("ws://forbidden.invalid/", try self.configuration(.squid))
        #expect(error?.code == .proxyRefused)
        #expect(error?.handshake?.status == 403)
        #expect(error?.handshake?.headers.contains("X-Squid-Error") == true)
    }
}
