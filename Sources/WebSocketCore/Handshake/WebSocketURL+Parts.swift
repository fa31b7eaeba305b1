extension WebSocketURL {
    /// The URL with other parts, written out whole: credentials and query are in it, so it is not for logs.
    ///
    /// A port that is the scheme's own follows the scheme. A host makes the URL of a Unix socket one of TCP.
    ///
    /// - Parameters:
    ///   - url: nil to begin with `wss`, the path `/ws` and no host.
    ///   - host: a name or an address; one of IPv6 with or without brackets, and with its zone behind a plain `%`.
    ///   - target: path and query.
    /// - Throws: `invalid_url`.
    package static func text(
        _ url: WebSocketURL?,
        host: String? = nil,
        port: UInt16? = nil,
        target: String? = nil,
        isSecure: Bool? = nil
    ) throws(WebSocketError) -> String {
        let scheme = isSecure ?? url?.isSecure ?? true ? "wss" : "ws"
        var path = target ?? url?.target ?? "/ws"
        if path.utf8.first != UInt8(ascii: "/") { path = "/" + path }
        if let unixPath = url?.unixPath, host == nil {
            guard port == nil else { throw WebSocketError(.invalidURL, "a Unix socket has no port") }
            return try Self.checked("\(scheme)+unix:\(Self.percentEncoded(unixPath: unixPath)):\(path)", target: path)
        }
        guard let name = host.map(Self.hostText) ?? url?.hostText else {
            throw WebSocketError(.invalidURL, "there is no host")
        }
        let port = port ?? url.flatMap { $0.port == Self.defaultPort(isSecure: $0.isSecure) ? nil : $0.port }
        let login = url?.credentials.map { "\(Self.percentEncoded($0.user)):\(Self.percentEncoded($0.password))@" }
        let start = "\(scheme)://\(login ?? "")\(name)"
        return try Self.checked(
            start + (port.map { ":\($0)" } ?? "") + path,
            target: path,
            port: port ?? Self.defaultPort(isSecure: scheme == "wss"),
            credentials: url?.credentials
        )
    }

    /// What was put together must come apart into the same parts: a host with a slash or an `@` in it would not.
    private static func checked(
        _ text: String,
        target: String,
        port: UInt16? = nil,
        credentials: Credentials? = nil
    ) throws(WebSocketError) -> String {
        let url = try WebSocketURL(text)
        guard url.target == target, port == nil || url.port == port, url.credentials == credentials else {
            throw WebSocketError(.invalidURL, "the host has a character that cannot be in one")
        }
        return text
    }

    private var hostText: String { Self.hostText(self.zone.map { "\(self.host)%\($0)" } ?? self.host) }

    private static func hostText(_ host: String) -> String {
        var address = host[...]
        if address.first == "[", address.last == "]" { address = address.dropFirst().dropLast() }
        guard address.utf8.contains(UInt8(ascii: ":")) else { return host }
        let parts = address.split(separator: "%", maxSplits: 1)
        let zone = parts.dropFirst().first.map { $0.hasPrefix("25") ? $0.dropFirst(2) : $0 }
        return "[\(parts.first ?? "")\(zone.map { "%25\(Self.percentEncoded(String($0)))" } ?? "")]"
    }

    /// With everything escaped that is not unreserved (RFC 3986 section 2.3).
    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(UnicodeScalar(byte))
            default:
                encoded += "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}
