/// Where to connect to: a `ws` or `wss` URL (RFC 6455 section 3), or a `ws+unix` or `wss+unix` one for a Unix socket, in the
/// parts that the opening needs.
///
/// What the server will read, path and query, is kept byte for byte as it was written.
package struct WebSocketURL: Hashable, Sendable {
    /// The part before the `@`, percent-decoded. Its description shows nothing of it.
    package struct Credentials: Hashable, Sendable, CustomStringConvertible {
        package var user: String
        /// Empty if there was none.
        package var password: String

        package init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        package var description: String { "***" }
    }

    /// Whether the scheme is `wss` or `wss+unix`.
    package let isSecure: Bool
    /// For Basic authentication (RFC 7617); no part of the request's target.
    package var credentials: Credentials?
    /// A name or an address in lower case; an IPv6 address stands without brackets and zone. With a Unix socket: `localhost`.
    package let host: String
    /// The port to connect to; where the URL names none, 80 or 443 (RFC 6455 section 3).
    package let port: UInt16
    /// Path and query, as the request line takes them.
    package internal(set) var target: String
    /// The interface of a link-local IPv6 address. It means something on this host only, and is not sent (RFC 6874 section 3).
    package let zone: String?
    /// The Unix socket to connect to: a path, or `@` and an abstract name.
    package let unixPath: String?

    /// Reads a URL.
    ///
    /// - Throws: ``WebSocketError`` with the code ``WebSocketError/Code/invalidURL``, which names the URL without its
    ///   credentials and its query.
    package init(_ text: String) throws(WebSocketError) {
        do {
            self.init(try WebSocketURLParser(text).parts())
        } catch {
            throw WebSocketError(.invalidURL, "URL \(Self.redacted(text)): \(error.description)")
        }
    }

    private init(_ parts: WebSocketURLParser.Parts) {
        self.isSecure = parts.isSecure
        self.credentials = parts.credentials
        self.host = parts.host
        self.port = parts.port ?? Self.defaultPort(isSecure: parts.isSecure)
        self.target = parts.target
        self.zone = parts.zone
        self.unixPath = parts.unixPath
    }

    /// Where the transport connects to.
    package var endpoint: Endpoint {
        Endpoint(host: self.host, port: self.port, zone: self.zone, unixPath: self.unixPath)
    }

    /// The value of the `Host` header: the port only if it is not the scheme's own, an IPv6 address in brackets
    /// (RFC 6455 section 4.1, RFC 3986 section 3.2.2).
    package var hostHeader: String {
        let host = self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]" : self.host
        return self.port == Self.defaultPort(isSecure: self.isSecure) ? host : "\(host):\(self.port)"
    }

    /// The whole URL but for the credentials. The query is in it: not for logs.
    package var text: String {
        var start = self
        start.target = "/"
        return start.description.dropLast() + self.target
    }

    static func defaultPort(isSecure: Bool) -> UInt16 { isSecure ? 443 : 80 }
}

extension WebSocketURL: CustomStringConvertible {
    /// Without credentials and query, which may be secret.
    package var description: String {
        let path = self.target.utf8.prefix { $0 != UInt8(ascii: "?") }
        let query = path.count < self.target.utf8.count ? "?..." : ""
        let scheme = self.isSecure ? "wss" : "ws"
        if let unixPath {
            return "\(scheme)+unix:\(Self.percentEncoded(unixPath: unixPath)):\(Substring(path))\(query)"
        }
        return "\(scheme)://\(self.hostHeader)\(Substring(path))\(query)"
    }

    /// A text that may be no URL at all, fit for a message.
    ///
    /// A password with an unescaped slash looks like the beginning of a path, so everything up to the last `@` is left out;
    /// with a question mark between, what follows may still be query, and is left out too.
    static func redacted(_ text: String) -> String {
        var shown = Substring(text)
        var start = ""
        let query = shown.utf8.firstIndex(of: UInt8(ascii: "?"))
        if let at = shown.utf8.lastIndex(of: UInt8(ascii: "@")) {
            if let scheme = WebSocketURLParser.schemeEnd(of: shown), scheme <= at {
                start = HTTPGrammar.printable(shown[..<scheme]) + "://"
            }
            if let query, query < at { return "\"\(start)...\"" }
            start += "***@"
            shown = shown[shown.utf8.index(after: at)...]
        }
        let end = query.map { _ in "?..." } ?? ""
        return "\"" + start + HTTPGrammar.printable(shown[..<(query ?? shown.endIndex)], limit: 256) + end + "\""
    }
}
