/// What a server granted with its answer to an upgrade.
package struct UpgradeResult: Hashable, Sendable {
    /// The subprotocol that the server chose.
    package var subprotocol: String?
    /// The compression that is in force; nil if messages go uncompressed.
    package var deflate: NegotiatedDeflate?
    /// All headers of the answer.
    package var headers: HTTPFields

    package init(subprotocol: String? = nil, deflate: NegotiatedDeflate? = nil, headers: HTTPFields = HTTPFields()) {
        self.subprotocol = subprotocol
        self.deflate = deflate
        self.headers = headers
    }
}

/// The rules for a server's answer to an upgrade (RFC 6455 section 4.1).
package enum UpgradeResponse {
    /// Judges an answer.
    ///
    /// - Throws: ``WebSocketError`` with the code ``WebSocketError/Code/upgradeRefused`` for a status other than 101, or
    ///   ``WebSocketError/Code/invalidUpgradeResponse`` for a 101 that breaks a rule. Both hold the answer, without a body.
    package static func validate(
        head: HTTPResponseHead,
        for request: UpgradeRequest
    ) throws(WebSocketError) -> UpgradeResult {
        let answer = WebSocketError.Handshake(status: head.status, headers: head.headers, bodyPrefix: [])
        guard head.status == 101 else {
            throw WebSocketError(
                .upgradeRefused,
                "the server refused the upgrade to WebSocket with status \(head.status)",
                handshake: answer
            )
        }
        do {
            try Self.checkFraming(head.headers)
            try Self.checkUpgrade(head.headers)
            try Self.checkConnection(head.headers)
            try Self.checkAccept(head.headers, key: request.key)
            return UpgradeResult(
                subprotocol: try Self.subprotocol(head.headers, offered: request.subprotocols),
                deflate: try Self.deflate(head.headers, offered: request.compression),
                headers: head.headers
            )
        } catch {
            throw WebSocketError(
                .invalidUpgradeResponse,
                "the server's answer to the upgrade breaks the protocol: \(error.description)",
                handshake: answer
            )
        }
    }

    private struct Violation: Error {
        var description: String

        init(_ description: String) { self.description = description }
    }

    /// A 101 has no body (RFC 9112 section 6.3), and a server must not declare one (RFC 9110 section 8.6, RFC 9112 section
    /// 6.1). What it means if it does is unclear, and that kind of doubt is what request smuggling lives on.
    private static func checkFraming(_ headers: HTTPFields) throws(Violation) {
        for name in ["Content-Length", "Transfer-Encoding"] {
            if let value = headers[name] {
                throw Violation("a status 101 must not have \(name), which is \(HTTPGrammar.quoted(value))")
            }
        }
    }

    private static func checkUpgrade(_ headers: HTTPFields) throws(Violation) {
        let value = try Self.single("Upgrade", in: headers)
        guard HTTPGrammar.isSame(value, "websocket") else {
            throw Violation("Upgrade is \(HTTPGrammar.quoted(value)), not \"websocket\"")
        }
    }

    private static func checkConnection(_ headers: HTTPFields) throws(Violation) {
        let lines = headers[values: "Connection"]
        guard !lines.isEmpty else { throw Violation("the header Connection is missing") }
        guard HTTPGrammar.listElements(lines).contains(where: { HTTPGrammar.isSame($0, "upgrade") }) else {
            throw Violation("Connection is \(HTTPGrammar.quoted(lines.joined(separator: ", "))), without \"Upgrade\"")
        }
    }

    private static func checkAccept(_ headers: HTTPFields, key: WebSocketKey) throws(Violation) {
        let value = try Self.single("Sec-WebSocket-Accept", in: headers)
        guard value == key.accept else {
            throw Violation("Sec-WebSocket-Accept is \(HTTPGrammar.quoted(value)), not \"\(key.accept)\"")
        }
    }

    private static func subprotocol(_ headers: HTTPFields, offered: [String]) throws(Violation) -> String? {
        guard headers.contains("Sec-WebSocket-Protocol") else { return nil }
        let value = try Self.single("Sec-WebSocket-Protocol", in: headers)
        guard offered.contains(value) else {
            throw Violation("it chose the subprotocol \(HTTPGrammar.quoted(value)), which was not offered")
        }
        return value
    }

    private static func deflate(
        _ headers: HTTPFields,
        offered: CompressionConfiguration?
    ) throws(Violation) -> NegotiatedDeflate? {
        let lines = headers[values: "Sec-WebSocket-Extensions"]
        let extensions: [ExtensionHeader]
        do {
            extensions = try ExtensionHeader.parse(lines)
        } catch {
            let value = HTTPGrammar.quoted(lines.joined(separator: ", "))
            throw Violation("Sec-WebSocket-Extensions is \(value): \(error.description)")
        }
        var negotiated: NegotiatedDeflate?
        for answer in extensions {
            guard let offered, answer.name == PermessageDeflate.name else {
                throw Violation("it chose the extension \(HTTPGrammar.quoted(answer.name)), which was not offered")
            }
            guard negotiated == nil else { throw Violation("it chose the extension \"\(answer.name)\" twice") }
            do {
                negotiated = try PermessageDeflate.negotiate(answer, offers: offered.offers)
            } catch {
                throw Violation("it chose \(HTTPGrammar.quoted(answer.description)): \(error.description)")
            }
        }
        return negotiated
    }

    /// The trimmed value of a header that must be there once.
    private static func single(_ name: String, in headers: HTTPFields) throws(Violation) -> String {
        let values = headers[values: name]
        guard let value = values.first else { throw Violation("the header \(name) is missing") }
        guard values.count == 1 else { throw Violation("the header \(name) comes \(values.count) times") }
        return HTTPGrammar.trimmed(value)
    }
}
