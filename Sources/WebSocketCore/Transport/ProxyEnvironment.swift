#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The variables that name a proxy, understood as curl does (detect_proxy in its lib/url.c, and lib/noproxy.c).
enum ProxyEnvironment {
    /// Where to look, in this order. In upper case `HTTP_PROXY` is missing on purpose: see ``ProxyConfiguration/environment``.
    private static let plainNames = ["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"]
    private static let secureNames = [
        "wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
    ]

    static func server(
        for url: WebSocketURL,
        environment: (String) -> String?
    ) throws(WebSocketError) -> ProxyServer? {
        // An empty variable is none.
        func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        for name in url.isSecure ? Self.secureNames : Self.plainNames {
            guard let text = value(name) else { continue }
            if let list = value("no_proxy") ?? value("NO_PROXY"), ProxyExemptions(list).contain(url.endpoint) {
                return nil
            }
            do throws(ProxyServer.Invalid) {
                return try ProxyServer(url: text)
            } catch {
                throw WebSocketError(
                    .invalidConfiguration,
                    "proxy: the environment variable \(name): \(error.description)"
                )
            }
        }
        return nil
    }
}

/// The hosts of a `no_proxy` list.
struct ProxyExemptions {
    private let list: String

    init(_ list: String) {
        self.list = list
    }

    func contain(_ endpoint: Endpoint) -> Bool {
        let separators = ", \t".utf8
        let entries = self.list.utf8.split { separators.contains($0) }.map { String(Substring($0)) }
        if entries == ["*"] { return true }
        let address = IPAddress(endpoint.host)
        return entries.contains { Self.matches($0, endpoint, address) }
    }

    private static func matches(_ entry: String, _ endpoint: Endpoint, _ address: IPAddress?) -> Bool {
        guard let (host, port) = Self.hostAndPort(entry), port == nil || port == endpoint.port else { return false }
        guard let address else { return Self.isSameOrAbove(host, endpoint.host) }
        let parts = host.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let network = IPAddress(String(first)) else { return false }
        guard parts.count == 2 else { return network == address }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]) else { return false }
        return network.hasPrefix(inCommonWith: address, length: length)
    }

    /// `host`, `host:port`, an IPv6 address with or without brackets, and with them a port. Nil for what is none of these.
    private static func hostAndPort(_ entry: String) -> (host: String, port: UInt16?)? {
        let host: Substring
        let rest: Substring
        if entry.hasPrefix("[") {
            guard let end = entry.firstIndex(of: "]") else { return nil }
            host = entry[..<end].dropFirst()
            rest = entry[end...].dropFirst()
        } else if entry.count(where: { $0 == ":" }) == 1, let colon = entry.firstIndex(of: ":") {
            host = entry[..<colon]
            rest = entry[colon...]
        } else {
            return (entry, nil)
        }
        // A network in brackets, with its length behind them.
        if rest.hasPrefix("/") { return (String(host + rest), nil) }
        if rest.isEmpty { return (String(host), nil) }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()) else { return nil }
        return (String(host), port)
    }

    /// Whether the name is the entry's domain or below it. Dots at either end of the entry, and at the end of the name, do
    /// not count.
    private static func isSameOrAbove(_ entry: String, _ name: String) -> Bool {
        var domain = Substring(entry.lowercased())
        if domain.hasSuffix(".") { domain.removeLast() }
        if domain.hasPrefix(".") { domain.removeFirst() }
        let lowercased = name.lowercased()
        let name = lowercased.hasSuffix(".") ? lowercased.dropLast() : Substring(lowercased)
        guard !domain.isEmpty else { return false }
        return name == domain || name.hasSuffix("." + domain)
    }
}

/// The bytes of an IPv4 or IPv6 address.
private struct IPAddress: Equatable {
    private let bytes: [UInt8]

    /// Nil for what is no address.
    init?(_ text: String) {
        // inet_pton reads up to a NUL.
        guard !text.utf8.contains(0) else { return nil }
        for (family, size) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: size)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    func hasPrefix(inCommonWith other: IPAddress, length: Int) -> Bool {
        guard self.bytes.count == other.bytes.count, length <= self.bytes.count * 8 else { return false }
        let whole = length / 8
        guard self.bytes[..<whole] == other.bytes[..<whole] else { return false }
        let rest = length % 8
        return rest == 0 || (self.bytes[whole] ^ other.bytes[whole]) >> (8 - rest) == 0
    }
}
