#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Takes a `ws` or `wss` URL apart (RFC 3986 section 3, RFC 6455 section 3).
///
/// Messages never quote credentials or query: they may be secret.
struct WebSocketURLParser {
    /// What is wrong with a URL.
    struct ParseError: Error {
        var description: String

        init(_ description: String) { self.description = description }
    }

    /// What a URL says.
    struct Parts {
        var isSecure: Bool
        var credentials: WebSocketURL.Credentials?
        var host: String
        /// Nil if the URL names none.
        var port: UInt16?
        var target: String
        /// The interface of a link-local IPv6 address.
        var zone: String?
        /// The Unix socket to connect to; then host and port are those of the request only.
        var unixPath: String?
    }

    private typealias Bytes = Substring.UTF8View
    private typealias Credentials = WebSocketURL.Credentials

    private let text: String

    init(_ text: String) {
        self.text = text
    }

    func parts() throws(ParseError) -> Parts {
        let whole = Substring(self.text).utf8
        if let colon = whole.firstIndex(of: UInt8(ascii: ":")) {
            let scheme = String(Substring(whole[..<colon]))
            if Self.isUnix(scheme: scheme) {
                return try self.unixParts(whole[colon...].dropFirst(), isSecure: HTTPGrammar.isSame(scheme, "wss+unix"))
            }
        }
        guard let colon = Self.schemeEnd(of: self.text[...]) else {
            throw ParseError("it is not absolute; it must begin with ws:// or wss:// (or ws+unix: or wss+unix:)")
        }
        let isSecure = try Self.isSecure(scheme: String(Substring(whole[..<colon])))
        let rest = whole[colon...].dropFirst(3)
        let authority = rest.prefix { !"/?#".utf8.contains($0) }

        var hostAndPort = authority
        var credentials: Credentials?
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            credentials = try Self.credentials(authority[..<at])
            hostAndPort = authority[at...].dropFirst()
        }
        let (host, zone, port) = try self.hostAndPort(hostAndPort)
        let target = try self.target(rest[authority.endIndex...])
        return Parts(
            isSecure: isSecure,
            credentials: credentials,
            host: host,
            port: port,
            target: target,
            zone: zone
        )
    }

    /// Where the scheme of an absolute URL ends.
    static func schemeEnd(of text: Substring) -> Substring.Index? {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return text.utf8[colon...].starts(with: "://".utf8) ? colon : nil
    }

    private static func isSecure(scheme: String) throws(ParseError) -> Bool {
        if HTTPGrammar.isSame(scheme, "ws") { return false }
        if HTTPGrammar.isSame(scheme, "wss") { return true }
        throw ParseError("its scheme is \(HTTPGrammar.quoted(scheme)), not ws or wss")
    }

    // MARK: Credentials

    private static func credentials(_ bytes: Bytes) throws(ParseError) -> Credentials {
        // Which byte it is stays unsaid: it is a part of a secret.
        guard bytes.allSatisfy({ Self.isUnreserved($0) || Self.isSubDelimiter($0) || "%:".utf8.contains($0) }) else {
            throw ParseError("its user or password has a character that must be percent-encoded")
        }
        let user = bytes.prefix { $0 != UInt8(ascii: ":") }
        let password = bytes.dropFirst(user.count + 1)
        guard let user = Self.percentDecoded(user), let password = Self.percentDecoded(password) else {
            throw ParseError(
                "its user or password has a '%' that two hexadecimal digits do not follow, or is not UTF-8"
            )
        }
        return Credentials(user: user, password: password)
    }

    /// Nil if a '%' is not followed by two hexadecimal digits, or what comes out is not UTF-8.
    static func percentDecoded(_ bytes: Substring.UTF8View) -> String? {
        var decoded: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Self.nibble),
                let low = rest.popFirst().flatMap(Self.nibble)
            else { return nil }
            decoded.append(high << 4 | low)
        }
        return String(validating: decoded, as: UTF8.self)
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

    private func hostAndPort(_ bytes: Bytes) throws(ParseError) -> (String, String?, UInt16?) {
        let host: String
        var zone: String?
        let afterHost: Bytes
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                throw ParseError("its IPv6 address has no closing bracket")
            }
            (host, zone) = try Self.addressLiteral(bytes[..<end].dropFirst())
            afterHost = bytes[end...].dropFirst()
            guard afterHost.isEmpty || afterHost.first == UInt8(ascii: ":") else {
                throw ParseError("something other than a port stands behind its IPv6 address")
            }
        } else {
            let name = bytes.prefix { $0 != UInt8(ascii: ":") }
            host = try self.name(name)
            afterHost = bytes[name.endIndex...]
        }
        // RFC 3986 section 3.2.3: an empty port is the default one.
        let digits = afterHost.dropFirst()
        return (host, zone, digits.isEmpty ? nil : try Self.port(digits))
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
    private func name(_ bytes: Bytes) throws(ParseError) -> String {
        guard !bytes.isEmpty else { throw ParseError("it has no host") }
        for position in bytes.indices {
            let byte = bytes[position]
            guard !Self.isUnreserved(byte), !Self.isSubDelimiter(byte) else { continue }
            if byte >= 0x80 || byte == UInt8(ascii: "%") {
                throw ParseError("its host is not plain ASCII; write an international name in punycode (xn--...)")
            }
            throw ParseError("its host has \(HTTPGrammar.name(of: byte)) at byte \(self.offset(position))")
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

    private static func addressLiteral(_ bytes: Bytes) throws(ParseError) -> (String, zone: String?) {
        let written = bytes.prefix { $0 != UInt8(ascii: "%") }
        let literal = Substring(written).lowercased()
        var address = in6_addr()
        // inet_pton reads up to a NUL, which is no part of an address either.
        guard !bytes.contains(0), inet_pton(AF_INET6, literal, &address) == 1 else {
            throw ParseError("\(HTTPGrammar.quoted("[" + literal + "]")) is not an IPv6 address")
        }
        let zone = bytes[written.endIndex...]
        if zone.isEmpty { return (literal, nil) }
        // Other addresses are the same on every interface (RFC 4007 section 6). fe80::/10: RFC 4291 section 2.4.
        let isLinkLocal = withUnsafeBytes(of: &address) { $0[0] == 0xfe && $0[1] & 0xc0 == 0x80 }
        guard isLinkLocal else {
            throw ParseError("its IPv6 address has a zone, which only a link-local one (fe80::/10) can have")
        }
        return (literal, try Self.zone(zone))
    }

    /// `%25` and the name of an interface (RFC 6874 section 2).
    private static func zone(_ bytes: Bytes) throws(ParseError) -> String {
        guard bytes.starts(with: "%25".utf8), let zone = Self.percentDecoded(bytes.dropFirst(3)) else {
            throw ParseError("the zone of its IPv6 address must be written as %25 and the name of an interface")
        }
        // An interface's name has 15 bytes at most (IFNAMSIZ, netdevice(7)).
        guard (1...15).contains(zone.utf8.count), zone.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x2f })
        else { throw ParseError("the zone of its IPv6 address is not the name of an interface") }
        return zone
    }

    // MARK: Path and query

    func target(_ bytes: Substring.UTF8View) throws(ParseError) -> String {
        for position in bytes.indices {
            let byte = bytes[position]
            if byte == UInt8(ascii: "#") {
                // RFC 6455 section 3: "Fragment identifiers are meaningless [...] and MUST NOT be used".
                throw ParseError(
                    "it has a fragment at byte \(self.offset(position)); write a plain '#' as %23"
                )
            }
            guard (0x21...0x7e).contains(byte) else {
                let place = self.offset(position)
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

    func offset(_ position: Substring.UTF8View.Index) -> Int {
        self.text.utf8.distance(from: self.text.startIndex, to: position)
    }
}
