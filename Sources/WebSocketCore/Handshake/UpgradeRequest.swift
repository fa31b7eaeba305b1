/// The request that asks a server to speak WebSocket (RFC 6455 section 4.1), checked and ready to be sent.
package struct UpgradeRequest: Sendable {
    /// The most bytes that a request may have by default: what fits the transport's buffer of 64 KiB with room to spare.
    package static let maximumHeadSize = 60 * 1024

    /// What is asked for.
    package let url: WebSocketURL
    /// The nonce that the answer must prove to know.
    package let key: WebSocketKey
    /// The offered subprotocols, the best first.
    package let subprotocols: [String]
    /// The offer of permessage-deflate; nil if none is made.
    package let compression: CompressionConfiguration?
    /// The request, byte for byte, up to and including the empty line.
    package let head: [UInt8]

    /// Builds a request.
    ///
    /// - Parameters:
    ///   - headers: the user's own, sent in their order behind the ones that the upgrade needs. An `Authorization` among
    ///     them stands in place of the URL's credentials.
    ///   - cookies: sent in one `Cookie` field, behind what the user's own of that name holds.
    ///   - key: a random one if nil.
    ///   - maximumHeadSize: in bytes.
    /// - Throws: ``WebSocketError`` with a code `invalidHeader`, `invalidSubprotocol`, `invalidConfiguration` or, for a target
    ///   that is too long, `invalidURL`.
    package init(
        url: WebSocketURL,
        subprotocols: [String] = [],
        headers: HTTPFields = HTTPFields(),
        cookies: [WebSocketCookie] = [],
        compression: CompressionConfiguration? = nil,
        key: WebSocketKey? = nil,
        maximumHeadSize: Int = UpgradeRequest.maximumHeadSize
    ) throws(WebSocketError) {
        try Self.check(subprotocols: subprotocols)
        for field in headers { try Self.check(field) }
        for cookie in cookies { try cookie.validate() }
        try compression?.validate()

        self.url = url
        self.key = if let key { key } else { try WebSocketKey.random() }
        self.subprotocols = subprotocols
        self.compression = compression
        let fields = try Self.authorization(url, headers) + WebSocketCookie.joined(cookies, in: headers)
        self.head = Self.head(url, self.key, subprotocols, compression, fields)
        try Self.check(size: self.head.count, of: url, maximum: maximumHeadSize)
    }

    private static func head(
        _ url: WebSocketURL,
        _ key: WebSocketKey,
        _ subprotocols: [String],
        _ compression: CompressionConfiguration?,
        _ fields: [HTTPFields.Field]
    ) -> [UInt8] {
        var head: [UInt8] = []
        func append(_ name: String, _ value: String) {
            head += name.utf8
            head += ": ".utf8
            head += value.utf8
            head += "\r\n".utf8
        }
        head += "GET \(url.target) HTTP/1.1\r\n".utf8
        append("Host", url.hostHeader)
        append("Upgrade", "websocket")
        append("Connection", "Upgrade")
        append("Sec-WebSocket-Key", key.value)
        append("Sec-WebSocket-Version", "13")
        if !subprotocols.isEmpty { append("Sec-WebSocket-Protocol", subprotocols.joined(separator: ", ")) }
        if let compression {
            append("Sec-WebSocket-Extensions", PermessageDeflate.header(for: compression.offers))
        }
        for field in fields { append(field.name, field.value) }
        head += "\r\n".utf8
        return head
    }

    /// The URL's credentials as RFC 7617 section 2 writes them; the user's own `Authorization` goes before.
    private static func authorization(
        _ url: WebSocketURL,
        _ headers: HTTPFields
    ) throws(WebSocketError) -> [HTTPFields.Field] {
        guard let credentials = url.credentials, !credentials.isEmpty, !headers.contains("Authorization") else {
            return []
        }
        let value = try credentials.basicAuthentication(of: url)
        return [HTTPFields.Field(name: "Authorization", value: value)]
    }
}

extension UpgradeRequest {
    /// Headers that would contradict the upgrade, or give the request a body.
    private static let ownHeaders = ["Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"]
    private static let ownPrefix = "Sec-WebSocket-"

    private static func check(_ field: HTTPFields.Field) throws(WebSocketError) {
        let name = HTTPGrammar.quoted(field.name)
        try Self.check(name: field.name)
        if Self.isOwn(field.name) {
            throw WebSocketError(.invalidHeader, "header \(name) is set by the library and cannot be given")
        }
        // The value may be a secret: only the offending byte is named.
        for (position, byte) in field.value.utf8.enumerated() where !HTTPGrammar.isValueCharacter(byte) {
            throw WebSocketError(
                .invalidHeader,
                "the value of header \(name) has \(HTTPGrammar.name(of: byte)) at byte \(position)"
            )
        }
    }

    /// Refuses what can be no field's name.
    package static func check(name: String) throws(WebSocketError) {
        guard !name.isEmpty else { throw WebSocketError(.invalidHeader, "a header has an empty name") }
        for (position, byte) in name.utf8.enumerated() where !HTTPGrammar.isTokenCharacter(byte) {
            throw WebSocketError(
                .invalidHeader,
                "the name of header \(HTTPGrammar.quoted(name)) has \(HTTPGrammar.name(of: byte)) at byte \(position)"
            )
        }
    }

    private static func isOwn(_ name: String) -> Bool {
        Self.ownHeaders.contains { HTTPGrammar.isSame($0, name) }
            || HTTPGrammar.isSame(Self.ownPrefix, String(Substring(name.utf8.prefix(Self.ownPrefix.utf8.count))))
    }

    private static func check(subprotocols: [String]) throws(WebSocketError) {
        var seen: Set<String> = []
        for subprotocol in subprotocols {
            guard HTTPGrammar.isToken(subprotocol) else {
                throw WebSocketError(
                    .invalidSubprotocol,
                    "subprotocol \(HTTPGrammar.quoted(subprotocol)) is not a token (RFC 9110 section 5.6.2)"
                )
            }
            guard seen.insert(subprotocol).inserted else {
                throw WebSocketError(
                    .invalidSubprotocol,
                    "subprotocol \(HTTPGrammar.quoted(subprotocol)) is offered twice"
                )
            }
        }
    }

    private static func check(size: Int, of url: WebSocketURL, maximum: Int) throws(WebSocketError) {
        guard size > maximum else { return }
        let target = url.target.utf8.count
        // Who is to blame: whichever takes more of the room.
        throw WebSocketError(
            target > size / 2 ? .invalidURL : .invalidHeader,
            "the upgrade request would have \(size) bytes, \(target) of them path and query, more than \(maximum)"
        )
    }
}
