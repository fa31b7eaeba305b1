import Glibc
import Testing
import WebSocketNova

/// The servers and proxies that scripts/interop starts.
enum InteropPeer: String, CaseIterable, CustomTestStringConvertible {
    // The Python package websockets.
    case plain = "PLAIN"
    case plainDeflate = "PLAIN_DEFLATE"
    case tls = "TLS"
    case tlsDeflate = "TLS_DEFLATE"
    // The Python package aiohttp.
    case aiohttp = "AIOHTTP"
    case aiohttpDeflate = "AIOHTTP_DEFLATE"
    case aiohttpTLS = "AIOHTTP_TLS"
    // In front of `plainDeflate`.
    case nginx = "NGINX"
    case nginxTLS = "NGINX_TLS"
    case haproxy = "HAPROXY"
    case haproxyTLS = "HAPROXY_TLS"

    static let isThere = Self.plain.url != nil

    var url: String? { Self.environment(self.rawValue) }

    var compresses: Bool {
        switch self {
        case .plain, .tls, .aiohttp: false
        default: true
        }
    }

    private var isAiohttp: Bool { [.aiohttp, .aiohttpDeflate, .aiohttpTLS].contains(self) }

    /// Whether the server's Close frame repeats ours; RFC 6455 section 5.5.1 only says that it typically does.
    var echoesClose: Bool { !self.isAiohttp }
    /// Whether its API can send a message in fragments.
    var canFragment: Bool { !self.isAiohttp }

    var testDescription: String { self.rawValue }

    /// What scripts/interop has set.
    static func environment(_ name: String) -> String? {
        getenv("WEBSOCKETNOVA_INTEROP_\(name)").map { String(cString: $0) }
    }

    /// Offers compression to every peer; those without it decline.
    static var configuration: WebSocketConfiguration {
        var configuration = WebSocketConfiguration()
        configuration.compression = .defaults
        if let file = Self.environment("CA") { configuration.tls.trustRoots = .file(file) }
        return configuration
    }
}

/// One after the other: some measure time, and large messages in a debug build take all there is of it.
@Suite("Interoperability", .serialized)
enum Interop {}
