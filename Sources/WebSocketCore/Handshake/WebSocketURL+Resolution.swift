extension WebSocketURL {
    /// Whether credentials for one may be sent to the other: the same scheme, host and port (RFC 6454 section 5).
    package func isSameOrigin(as other: WebSocketURL) -> Bool {
        self.isSecure == other.isSecure && self.endpoint == other.endpoint
    }

    /// The URL that a reference means when it stands in an answer from this URL (RFC 3986 section 5.2).
    ///
    /// - `http` stands for `ws` and `https` for `wss`, as a server writes them that knows of no others.
    /// - A fragment is dropped: it is for the client only, and means nothing in a WebSocket URL (RFC 6455 section 3).
    /// - Bytes that a URL cannot hold are percent-encoded, as browsers do with what servers write.
    /// - Credentials go on within the origin, unless the reference brings others.
    ///
    /// - Throws: ``WebSocketError/Code/invalidURL``, which names the reference without credentials and query.
    package func resolving(_ reference: String) throws(WebSocketError) -> WebSocketURL {
        let reference = Reference(Self.percentEncoded(HTTPGrammar.trimmed(reference)))
        guard reference.scheme != nil || reference.authority != nil else {
            var resolved = self
            resolved.target = reference.target(from: self.target)
            return resolved
        }
        let isSecure = try reference.scheme.map(Self.isSecure(scheme:)) ?? self.isSecure
        guard let authority = reference.authority else {
            throw WebSocketError(.invalidURL, "URL \(Self.redacted(reference.text)): it has no host")
        }
        var resolved = try WebSocketURL("\(isSecure ? "wss" : "ws")://\(authority)\(reference.target(from: "/"))")
        if resolved.credentials == nil, resolved.isSameOrigin(as: self) { resolved.credentials = self.credentials }
        return resolved
    }

    /// Nothing else: least of all a socket of this machine's file system.
    private static func isSecure(scheme: Substring) throws(WebSocketError) -> Bool {
        let scheme = String(scheme)
        if HTTPGrammar.isSame(scheme, "ws") || HTTPGrammar.isSame(scheme, "http") { return false }
        if HTTPGrammar.isSame(scheme, "wss") || HTTPGrammar.isSame(scheme, "https") { return true }
        throw WebSocketError(.invalidURL, "the scheme \(HTTPGrammar.quoted(scheme)) is none of ws, wss, http and https")
    }

    private static func percentEncoded(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if (0x21...0x7e).contains(byte) {
                encoded.append(byte)
            } else {
                encoded.append(UInt8(ascii: "%"))
                encoded += (byte < 0x10 ? "0" : "").utf8
                encoded += String(byte, radix: 16, uppercase: true).utf8
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}

/// A URI reference in its parts (RFC 3986 section 4.1), without its fragment.
private struct Reference {
    let text: String
    let scheme: Substring?
    let authority: Substring?
    let path: Substring
    /// With its question mark; empty if there is none.
    let query: Substring

    init(_ text: String) {
        self.text = text
        var rest = text.prefix { $0 != "#" }
        self.scheme = Self.scheme(of: rest)
        if let scheme { rest = rest[scheme.endIndex...].dropFirst() }
        if rest.hasPrefix("//") {
            let authority = rest.dropFirst(2).prefix { $0 != "/" && $0 != "?" }
            self.authority = authority
            rest = rest[authority.endIndex...]
        } else {
            self.authority = nil
        }
        self.path = rest.prefix { $0 != "?" }
        self.query = rest[self.path.endIndex...]
    }

    /// RFC 3986 section 3.1; what is no scheme is the beginning of a path.
    private static func scheme(of text: Substring) -> Substring? {
        let scheme = text.prefix { $0 != ":" && $0 != "/" && $0 != "?" }
        guard scheme.endIndex < text.endIndex, text[scheme.endIndex] == ":", scheme.first?.isLetter == true,
            scheme.allSatisfy({ $0.isLetter || $0.isNumber || "+-.".contains($0) })
        else { return nil }
        return scheme
    }

    /// Path and query of what the reference means (RFC 3986 section 5.2.2).
    func target(from base: String) -> String {
        let basePath = base.prefix { $0 != "?" }
        if self.path.isEmpty {
            if self.scheme != nil || self.authority != nil { return "/" + self.query }
            return self.query.isEmpty ? base : String(basePath + self.query)
        }
        if self.path.hasPrefix("/") || self.scheme != nil || self.authority != nil {
            return Self.removingDotSegments(self.path) + self.query
        }
        // Section 5.2.3: up to and with the last slash of the base.
        let directory = basePath.lastIndex(of: "/").map { basePath[...$0] } ?? "/"
        return Self.removingDotSegments(directory + self.path) + self.query
    }

    /// RFC 3986 section 5.2.4, for a path that begins with a slash.
    private static func removingDotSegments(_ path: Substring) -> String {
        var kept: [Substring] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            if segment == ".." { _ = kept.popLast() }
            if segment != ".", segment != ".." {
                kept.append(segment)
            } else if index == segments.count - 1 {
                kept.append("")
            }
        }
        return "/" + kept.joined(separator: "/")
    }
}
