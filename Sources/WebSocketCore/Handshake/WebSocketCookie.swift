/// A cookie for the upgrade request (RFC 6265 section 4.2.1).
///
/// There is no cookie store: what is given is sent with this connection's requests, and what the server sets is found in the
/// response's `Set-Cookie` fields, each by itself (`responseHeaders[values: "Set-Cookie"]`).
public struct WebSocketCookie: Sendable, Hashable {
    /// A token (RFC 6265 section 4.1.1).
    public var name: String
    /// Sent as it is. It must have no semicolon, which would begin another cookie, no control character, and no white space
    /// at either end, which a server does not see as part of it. What else RFC 6265 section 4.1.1 rules out for servers
    /// (commas, quotes, spaces, bytes beyond ASCII), they do send, and section 5.4 has it sent back unchanged.
    public var value: String

    /// Makes a cookie. It is checked when a connection is opened.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

extension WebSocketCookie: CustomStringConvertible {
    /// The name only: the value is a secret more often than not.
    public var description: String { HTTPGrammar.printable(self.name) + "=***" }
}

extension WebSocketCookie {
    /// - Throws: ``WebSocketError/Code/invalidHeader``, which names the cookie and not its value.
    package func validate() throws(WebSocketError) {
        let name = HTTPGrammar.quoted(self.name)
        guard HTTPGrammar.isToken(self.name) else {
            throw WebSocketError(.invalidHeader, "the name of cookie \(name) is not a token (RFC 6265 section 4.1.1)")
        }
        for (position, byte) in self.value.utf8.enumerated()
        where !HTTPGrammar.isValueCharacter(byte) || byte == UInt8(ascii: ";") {
            throw WebSocketError(
                .invalidHeader,
                "the value of cookie \(name) has \(HTTPGrammar.name(of: byte)) at byte \(position)"
            )
        }
        guard HTTPGrammar.trimmed(self.value) == self.value else {
            throw WebSocketError(.invalidHeader, "the value of cookie \(name) begins or ends with white space")
        }
    }

    /// The fields with the cookies in them. RFC 6265 section 5.4 allows one `Cookie` field: everything goes into the first,
    /// the user's own before the cookies, or into one in front of all fields. One that is alone stays as it is.
    static func joined(_ cookies: [WebSocketCookie], in headers: HTTPFields) -> [HTTPFields.Field] {
        let own = headers[values: "Cookie"]
        guard own.count + cookies.count > 1 || own.isEmpty && !cookies.isEmpty else { return Array(headers) }
        let pairs = own.map(HTTPGrammar.trimmed) + cookies.map { "\($0.name)=\($0.value)" }
        let value = pairs.joined(separator: "; ")
        guard !own.isEmpty else { return [HTTPFields.Field(name: "Cookie", value: value)] + headers }
        var joined = headers
        joined["Cookie"] = value
        return Array(joined)
    }
}
