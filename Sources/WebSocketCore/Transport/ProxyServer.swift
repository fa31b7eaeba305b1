/// One HTTP proxy, checked and ready to be connected to.
package struct ProxyServer: Sendable, Hashable {
    /// What is wrong with the words for a proxy. No secret is in it.
    struct Invalid: Error, CustomStringConvertible {
        var description: String

        init(_ description: String) { self.description = description }
    }

    /// curl's CURL_DEFAULT_PROXY_PORT.
    private static let defaultPort: UInt16 = 1080

    package let endpoint: Endpoint
    /// The value of `Proxy-Authorization`.
    package let authorization: String?

    package init(endpoint: Endpoint, authorization: String? = nil) {
        self.endpoint = endpoint
        self.authorization = authorization
    }

    init(host: String, port: Int, credentials: ProxyConfiguration.Credentials?) throws(Invalid) {
        guard (1...65_535).contains(port) else { throw Invalid("its port is \(port), not in 1...65535") }
        let isBareIPv6 = host.contains(":") && !host.hasPrefix("[")
        let endpoint = try Self.endpoint(isBareIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)")
        self.init(endpoint: endpoint, authorization: try credentials.map(Self.authorization))
    }

    /// Reads a URL as curl does (parse_proxy in its lib/url.c).
    init(url: String) throws(Invalid) {
        var rest = url[...]
        if let colon = WebSocketURLParser.schemeEnd(of: rest) {
            try Self.check(scheme: rest[..<colon])
            rest = Substring(rest.utf8[colon...].dropFirst(3))
        }
        let authority = Substring(rest.utf8.prefix { !"/?#".utf8.contains($0) })
        // What was meant as the end of a password would be taken for a path, and its beginning for host and port.
        guard !rest.utf8[authority.endIndex...].contains(UInt8(ascii: "@")) else {
            throw Invalid("its user or password has a '/', '?' or '#' that must be percent-encoded")
        }
        guard let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) else {
            self.init(endpoint: try Self.endpoint(String(authority)))
            return
        }
        let hostAndPort = authority[authority.utf8.index(after: at)...]
        let credentials = try Self.credentials(authority[..<at].utf8)
        self.init(
            endpoint: try Self.endpoint(String(hostAndPort)),
            authorization: try Self.authorization(for: credentials)
        )
    }

    private static func check(scheme: Substring) throws(Invalid) {
        switch scheme.lowercased() {
        case "http":
            break
        case "https":
            throw Invalid("its scheme is \"https\", and libwebsockets speaks no TLS with a proxy; use http")
        case "socks", "socks4", "socks4a", "socks5", "socks5h":
            throw Invalid(
                "its scheme is \"\(scheme.lowercased())\", and this libwebsockets is built without SOCKS; use http"
            )
        default:
            throw Invalid("its scheme is \(HTTPGrammar.quoted(scheme)), not http")
        }
    }

    /// Host and port have one grammar in all URLs (RFC 3986 sections 3.2.2 and 3.2.3).
    private static func endpoint(_ hostAndPort: String) throws(Invalid) -> Endpoint {
        let isAllowed = { (byte: UInt8) in
            byte >= 0x80 || HTTPGrammar.isTokenCharacter(byte) || "()*,;=:[]".utf8.contains(byte)
        }
        if let wrong = hostAndPort.utf8.first(where: { !isAllowed($0) }) {
            throw Invalid("its host has \(HTTPGrammar.name(of: wrong)) in it")
        }
        let parts: WebSocketURLParser.Parts
        do throws(WebSocketURLParser.ParseError) {
            parts = try WebSocketURLParser("ws://" + hostAndPort).parts()
        } catch {
            throw Invalid(error.description)
        }
        return Endpoint(host: parts.host, port: parts.port ?? Self.defaultPort, zone: parts.zone)
    }

    // MARK: Credentials

    private static func credentials(_ bytes: Substring.UTF8View) throws(Invalid) -> ProxyConfiguration.Credentials {
        let user = bytes.prefix { $0 != UInt8(ascii: ":") }
        let password = bytes.dropFirst(user.count + 1)
        return ProxyConfiguration.Credentials(
            user: try Self.percentDecoded(user),
            password: try Self.percentDecoded(password)
        )
    }

    /// As curl does: a percent sign that two hexadecimal digits do not follow stands for itself.
    private static func percentDecoded(_ bytes: Substring.UTF8View) throws(Invalid) -> String {
        var decoded: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                decoded.append(UInt8(digits[0] << 4 | digits[1]))
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw Invalid("its user or password is not UTF-8")
        }
        return text
    }

    private static func authorization(for credentials: ProxyConfiguration.Credentials) throws(Invalid) -> String {
        let isControl = { (byte: UInt8) in byte < 0x20 || byte == 0x7f }
        guard !credentials.user.utf8.contains(UInt8(ascii: ":")) else {
            throw Invalid("its user has a colon (RFC 7617 section 2)")
        }
        guard !credentials.user.utf8.contains(where: isControl), !credentials.password.utf8.contains(where: isControl)
        else { throw Invalid("its user or password has a control character (RFC 7617 section 2)") }
        return "Basic " + Base64.encode(Array("\(credentials.user):\(credentials.password)".utf8))
    }
}

extension ProxyServer: CustomStringConvertible, CustomReflectable {
    /// Without credentials.
    package var description: String { "http://\(self.endpoint)" }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
