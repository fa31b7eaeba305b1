#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where to connect to: a `ws` or `wss` URL (RFC 6455 section 3), in the parts that the opening needs.
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

    /// Whether the scheme is `wss`.
    package let isSecure: Bool
    /// Kept for authentication; not part of the request.
    package let credentials: Credentials?
    /// A name or an address in lower case; an IPv6 address stands without brackets.
    package let host: String
    /// The port to connect to; where the URL names none, 80 or 443 (RFC 6455 section 3).
    package let port: UInt16
    /// Path and query, as the request line takes them.
    package let target: String

    /// Reads a URL.
    ///
    /// - Throws: ``WebSocketError`` with the code ``WebSocketError/Code/invalidURL``, which names the URL without its
    ///   credentials and its query.
    package init(_ text: String) throws(WebSocketError) {
        do {
            self = try Self.parse(text)
        } catch {
            throw WebSocketError(.invalidURL, "URL \(Self.redacted(text)): \(error.description)")
        }
    }

    private init(isSecure: Bool, credentials: Credentials?, host: String, port: UInt16, target: String) {
        self.isSecure = isSecure
        self.credentials = credentials
        self.host = host
        self.port = port
        self.target = target
    }

    /// Where the transport connects to.
    package var endpoint: Endpoint { Endpoint(host: self.host, port: self.port) }

    /// The value of the `Host` header: the port only if it is not the scheme's own, an IPv6 address in brackets
    /// (RFC 6455 section 4.1, RFC 3986 section 3.2.2).
    package var hostHeader: String {
        let host = self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]" : self.host
        return self.port == Self.defaultPort(isSecure: self.isSecure) ? host : "\(host):\(self.port)"
    }

    private static func defaultPort(isSecure: Bool) -> UInt16 { isSecure ? 443 : 80 }
}

extension WebSocketURL: CustomStringConvertible {
    /// Without credentials and query, which may be secret.
    package var description: String {
        let path = self.target.utf8.prefix { $0 != UInt8(ascii: "?") }
        let query = path.count < self.target.utf8.count ? "?..." : ""
        return "\(self.isSecure ? "wss" : "ws")://\(self.hostHeader)\(Substring(path))\(query)"
    }

    /// A text that may be no URL at all, fit for a message.
    ///
    /// A password with an unescaped slash looks like the beginning of a path, so everything up to the last `@` is left out;
    /// with a question mark between, what follows may still be query, and is left out too.
    private static func redacted(_ text: String) -> String {
        var shown = Substring(text)
        var start = ""
        let query = shown.utf8.firstIndex(of: UInt8(ascii: "?"))
        if let at = shown.utf8.lastIndex(of: UInt8(ascii: "@")) {
            if let scheme = Self.schemeEnd(shown.utf8), scheme <= at {
                start = HTTPGrammar.printable(shown[..<scheme]) + "://"
            }
            if let query, query < at { return "\"\(start)...\"" }
            start += "***@"
            shown = shown[shown.utf8.index(after: at)...]
        }
        let end = query.map { _ in "?..." } ?? ""
        return "\"" + start + HTTPGrammar.printable(shown[..<(query ?? shown.endIndex)], limit: 256) + end + "\""
    }

    private static func schemeEnd(_ text: Substring.UTF8View) -> Substring.Index? {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return text[colon...].starts(with: "://".utf8) ? colon : nil
    }
}

extension WebSocketURL {
    private struct ParseError: Error {
        var description: String

        init(_ description: String) { self.description = description }
    }

    private typealias Bytes = Substring.UTF8View

    private static func parse(_ text: String) throws(ParseError) -> WebSocketURL {
        let whole = Substring(text).utf8
        guard let colon = Self.schemeEnd(whole) else {
            throw ParseError("it is not absolute; it must begin with ws:// or wss://")
        }
        let isSecure = try Self.isSecure(scheme: String(Substring(whole[..<colon])))
        let rest = whole[colon...].dropFirst(3)
        let authority = rest.prefix { ![UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains($0) }
        let target = rest[authority.endIndex...]

        var hostAndPort = authority
        var credentials: Credentials?
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            credentials = try Self.credentials(authority[..<at], in: text)
            hostAndPort = authority[at...].dropFirst()
        }
        let (host, port) = try Self.hostAndPort(hostAndPort, in: text)
        return WebSocketURL(
            isSecure: isSecure,
            credentials: credentials,
            host: host,
            port: port ?? Self.defaultPort(isSecure: isSecure),
            target: try Self.target(target, in: text)
        )
    }

    private static func isSecure(scheme: String) throws(ParseError) -> Bool {
        if HTTPGrammar.isSame(scheme, "ws") { return false }
        if HTTPGrammar.isSame(scheme, "wss") { return true }
        throw ParseError("its scheme is \(HTTPGrammar.quoted(scheme)), not ws or wss")
    }

    // MARK: Credentials

    private static func credentials(_ bytes: Bytes, in text: String) throws(ParseError) -> Credentials {
        // Which byte it is stays unsaid: it is a part of a secret.
        guard bytes.allSatisfy({ Self.isUnreserved($0) || Self.isSubDelimiter($0) || "%:".utf8.contains($0) }) else {
            throw ParseError("its user or password has a character that must be percent-encoded")
        }
        let user = bytes.prefix { $0 != UInt8(ascii: ":") }
        let password = bytes.dropFirst(user.count + 1)
        return Credentials(user: try Self.percentDecoded(user), password: try Self.percentDecoded(password))
    }

    private static func percentDecoded(_ bytes: Bytes) throws(ParseError) -> String {
        var decoded: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Self.nibble),
                let low = rest.popFirst().flatMap(Self.nibble)
            else { throw ParseError("its user or password has a '%' that two hexadecimal digits do not follow") }
            decoded.append(high << 4 | low)
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw ParseError("its user or password is not UTF-8")
        }
        return text
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    // MARK: Host and port

    private static func hostAndPort(_ bytes: Bytes, in text: String) throws(ParseError) -> (String, UInt16?) {
        let host: String
        let afterHost: Bytes
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                throw ParseError("its IPv6 address has no closing bracket")
            }
            host = try Self.addressLiteral(bytes[..<end].dropFirst())
            afterHost = bytes[end...].dropFirst()
            guard afterHost.isEmpty || afterHost.first == UInt8(ascii: ":") else {
                throw ParseError("something other than a port stands behind its IPv6 address")
            }
        } else {
            let name = bytes.prefix { $0 != UInt8(ascii: ":") }
            host = try Self.name(name, in: text)
            afterHost = bytes[name.endIndex...]
        }
        // RFC 3986 section 3.2.3: an empty port is the default one.
        let digits = afterHost.dropFirst()
        return (host, digits.isEmpty ? nil : try Self.port(digits))
    }

    private static func port(_ digits: Bytes) throws(ParseError) -> UInt16 {
        var value = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
                throw ParseError("its port is not a number")
            }
            value = min(value * 10 + Int(byte - UInt8(ascii: "0")), 1 << 16)
        }
        guard let port = UInt16(exactly: value), port > 0 else { throw ParseError("its port is not in 1...65535") }
        return port
    }

    /// RFC 3986's reg-name, without percent-encoding: that stands for UTF-8, which DNS has only as punycode.
    private static func name(_ bytes: Bytes, in text: String) throws(ParseError) -> String {
        guard !bytes.isEmpty else { throw ParseError("it has no host") }
        for position in bytes.indices {
            let byte = bytes[position]
            guard !Self.isUnreserved(byte), !Self.isSubDelimiter(byte) else { continue }
            if byte >= 0x80 || byte == UInt8(ascii: "%") {
                throw ParseError("its host is not plain ASCII; write an international name in punycode (xn--...)")
            }
            throw ParseError("its host has \(HTTPGrammar.name(of: byte)) at byte \(Self.offset(position, in: text))")
        }
        // RFC 1035 section 2.3.4 gives a name 253 characters; one more for the root's dot.
        guard bytes.count <= 254 else { throw ParseError("its host has \(bytes.count) bytes, more than 254") }
        let name = Substring(bytes).lowercased()
        if Self.endsInNumber(name), !Self.isIPv4Address(name) {
            throw ParseError("its host ends in a number but is not an IPv4 address of four decimal parts")
        }
        return name
    }

    /// What resolvers take for an address, also in its odd forms (`127.1`, `0x7f.1`), of which none is accepted.
    private static func endsInNumber(_ name: String) -> Bool {
        let labels = name.utf8.split(separator: UInt8(ascii: "."))
        guard let last = labels.last else { return false }
        if last.starts(with: "0x".utf8) { return last.dropFirst(2).allSatisfy { Self.nibble($0) != nil } }
        return last.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isIPv4Address(_ name: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, name, &address) == 1
    }

    private static func addressLiteral(_ bytes: Bytes) throws(ParseError) -> String {
        guard !bytes.contains(UInt8(ascii: "%")) else {
            throw ParseError("its IPv6 address has a zone, which a URL of a server cannot have")
        }
        let literal = Substring(bytes).lowercased()
        var address = in6_addr()
        // inet_pton reads up to a NUL, which is no part of an address either.
        guard !bytes.contains(0), inet_pton(AF_INET6, literal, &address) == 1 else {
            throw ParseError("\(HTTPGrammar.quoted("[" + literal + "]")) is not an IPv6 address")
        }
        return literal
    }

    // MARK: Path and query

    private static func target(_ bytes: Bytes, in text: String) throws(ParseError) -> String {
        for position in bytes.indices {
            let byte = bytes[position]
            if byte == UInt8(ascii: "#") {
                // RFC 6455 section 3: "Fragment identifiers are meaningless [...] and MUST NOT be used".
                throw ParseError(
                    "it has a fragment at byte \(Self.offset(position, in: text)); write a plain '#' as %23"
                )
            }
            guard (0x21...0x7e).contains(byte) else {
                let place = Self.offset(position, in: text)
                throw ParseError("it has \(HTTPGrammar.name(of: byte)) at byte \(place), which must be percent-encoded")
            }
        }
        let target = String(Substring(bytes))
        return bytes.first == UInt8(ascii: "/") ? target : "/" + target
    }

    // MARK: Characters (RFC 3986 section 2)

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~".utf8.contains(byte)
        }
    }

    private static func isSubDelimiter(_ byte: UInt8) -> Bool {
        "!$&'()*+,;=".utf8.contains(byte)
    }

    private static func offset(_ position: Bytes.Index, in text: String) -> Int {
        text.utf8.distance(from: text.startIndex, to: position)
    }
}
