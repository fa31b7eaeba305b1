import Testing
import WebSocketCore

@Suite struct UpgradeResponseTests {
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    static func request(
        subprotocols: [String] = ["chat", "superchat"],
        compression: CompressionConfiguration? = .defaults
    ) throws -> UpgradeRequest {
        try UpgradeRequest(
            url: WebSocketURL("ws://example.com"),
            subprotocols: subprotocols,
            compression: compression,
            key: WebSocketKey(nonce: Array("the sample nonce".utf8))
        )
    }

    /// The answer of RFC 6455 section 1.3, with changes: nil takes a header away, others come in addition at the end.
    static func head(_ changes: [(String, String?)] = [], status: Int = 101) -> HTTPResponseHead {
        var headers: HTTPFields = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": Self.accept,
        ]
        for (name, value) in changes {
            if let value { headers.append(name: name, value: value) } else { headers[name] = nil }
        }
        return HTTPResponseHead(status: status, headers: headers)
    }

    @Test func acceptsTheAnswerOfTheRFC() throws {
        let head = Self.head([("Sec-WebSocket-Protocol", "chat")])
        let result = try UpgradeResponse.validate(head: head, for: Self.request())
        #expect(result == UpgradeResult(subprotocol: "chat", deflate: nil, headers: head.headers))
    }

    @Test(
        arguments: [
            [("upgrade", nil), ("uPGRADE", "WebSocket")],
            [("connection", nil), ("CONNECTION", "keep-alive,, \tUPGRADE ,")],
            [("Connection", nil), ("Connection", "keep-alive"), ("Connection", "upgrade")],
            [("Sec-WebSocket-Accept", nil), ("sec-websocket-accept", " \(accept)\t")],
            [("Sec-WebSocket-Extensions", "")],
            [("Server", "x"), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Sec-WebSocket-Version", "13")],
        ] as [[(String, String?)]]
    )
    func acceptsWhatIsUnusualButLegal(changes: [(String, String?)]) throws {
        let result = try UpgradeResponse.validate(head: Self.head(changes), for: Self.request())
        #expect(result.subprotocol == nil)
        #expect(result.deflate == nil)
    }

    @Test(
        arguments: [
            ([("Upgrade", nil)], "the header Upgrade is missing"),
            ([("Upgrade", nil), ("Upgrade", "h2c")], "Upgrade is \"h2c\", not \"websocket\""),
            ([("Upgrade", nil), ("Upgrade", "websocket, h2c")], "Upgrade is \"websocket, h2c\", not \"websocket\""),
            ([("Upgrade", "websocket")], "the header Upgrade comes 2 times"),
            ([("Connection", nil)], "the header Connection is missing"),
            ([("Connection", nil), ("Connection", "close")], "Connection is \"close\", without \"Upgrade\""),
            ([("Connection", nil), ("Connection", "upgraded")], "Connection is \"upgraded\", without \"Upgrade\""),
            ([("Connection", nil), ("Connection", "a\u{1}\u{e9}")], "Connection is \"a\\x01\\xc3\\xa9\", without"),
            ([("Sec-WebSocket-Accept", nil)], "the header Sec-WebSocket-Accept is missing"),
            ([("Sec-WebSocket-Accept", accept)], "the header Sec-WebSocket-Accept comes 2 times"),
            (
                [("Sec-WebSocket-Accept", nil), ("Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=")],
                "Sec-WebSocket-Accept is \"S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\", not \"\(accept)\""
            ),
            ([("Sec-WebSocket-Accept", nil), ("Sec-WebSocket-Accept", "")], "Sec-WebSocket-Accept is \"\", not"),
            ([("Sec-WebSocket-Protocol", "Chat")], "it chose the subprotocol \"Chat\", which was not offered"),
            ([("Sec-WebSocket-Protocol", "")], "it chose the subprotocol \"\", which was not offered"),
            (
                [("Sec-WebSocket-Protocol", "chat, superchat")],
                "it chose the subprotocol \"chat, superchat\", which was not offered"
            ),
            (
                [("Sec-WebSocket-Protocol", "chat"), ("Sec-WebSocket-Protocol", "chat")],
                "the header Sec-WebSocket-Protocol comes 2 times"
            ),
            ([("Content-Length", "0")], "a status 101 must not have Content-Length, which is \"0\""),
            ([("transfer-encoding", "chunked")], "a status 101 must not have Transfer-Encoding, which is \"chunked\""),
            (
                [("Sec-WebSocket-Extensions", "x-webkit-deflate-frame")],
                "it chose the extension \"x-webkit-deflate-frame\", which was not offered"
            ),
            (
                [
                    ("Sec-WebSocket-Extensions", "permessage-deflate"),
                    ("Sec-WebSocket-Extensions", "permessage-deflate"),
                ],
                "it chose the extension \"permessage-deflate\" twice"
            ),
            (
                [("Sec-WebSocket-Extensions", "permessage-deflate; foo=1")],
                "it chose \"permessage-deflate; foo=1\": parameter \"foo\" is unknown"
            ),
            (
                [("Sec-WebSocket-Extensions", "permessage-deflate;")],
                "Sec-WebSocket-Extensions is \"permessage-deflate;\": it ends where a parameter's name should be"
            ),
        ] as [([(String, String?)], String)]
    )
    func refusesWhatBreaksARule(changes: [(String, String?)], reason: String) throws {
        let head = Self.head(changes)
        let request = try Self.request()
        let error = try #require(throws: WebSocketError.self) { try UpgradeResponse.validate(head: head, for: request) }
        #expect(error.code == .invalidUpgradeResponse)
        #expect(
            error.message.hasPrefix("the server's answer to the upgrade breaks the protocol: " + reason),
            "\(error)"
        )
        #expect(error.handshake == WebSocketError.Handshake(status: 101, headers: head.headers, bodyPrefix: []))
        #expect(!error.isRetryable)
    }

    @Test(arguments: [100, 200, 301, 401, 404, 426, 500, 503, 0, 999])
    func refusesAnotherStatus(status: Int) throws {
        let head = Self.head(status: status)
        let request = try Self.request()
        let error = try #require(throws: WebSocketError.self) { try UpgradeResponse.validate(head: head, for: request) }
        #expect(error.code == .upgradeRefused)
        #expect(error.message.contains("\(status)"))
        #expect(error.handshake == WebSocketError.Handshake(status: status, headers: head.headers, bodyPrefix: []))
    }

    @Test func takesTheCompressionThatWasNegotiated() throws {
        let head = Self.head([
            ("Sec-WebSocket-Extensions", ","),
            ("sec-websocket-extensions", " permessage-deflate ; client_max_window_bits = \"10\" ,"),
        ])
        let result = try UpgradeResponse.validate(head: head, for: Self.request())
        #expect(result.deflate == NegotiatedDeflate(clientMaxWindowBits: 10))
    }

    @Test func refusesAnExtensionOrSubprotocolWhereNoneWasOffered() throws {
        let request = try Self.request(subprotocols: [], compression: nil)
        for (name, value) in [("Sec-WebSocket-Extensions", "permessage-deflate"), ("Sec-WebSocket-Protocol", "chat")] {
            let error = try #require(throws: WebSocketError.self) {
                try UpgradeResponse.validate(head: Self.head([(name, value)]), for: request)
            }
            #expect(error.message.hasSuffix("\"\(value)\", which was not offered"))
        }
    }

    @Test func cutsALongValueInTheMessage() throws {
        let request = try Self.request()
        let head = Self.head([("Sec-WebSocket-Protocol", String(repeating: "\u{1}", count: 10_000))])
        let error = try #require(throws: WebSocketError.self) { try UpgradeResponse.validate(head: head, for: request) }
        #expect(error.message.utf8.count < 500)
        #expect(error.message.contains("(10000 bytes)"))
    }

    @Test(arguments: [UInt64(1), 2])
    func eitherTakesOrRefusesRandomHeaders(seed: UInt64) throws {
        let names = ["Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "X"]
        let pieces = [
            "permessage-deflate", "; ", ", ", "=", "\"", "\\", " ", "\t", "client_max_window_bits", "10", "08",
            "server_no_context_takeover", "chat", "upgrade", "websocket", "\u{e9}", "\u{301}", "\u{0}",
        ]
        let request = try Self.request()
        var random = DeflateReference.Random(seed: seed)
        var taken = 0
        for _ in 0..<5000 {
            let changes = (0..<Int.random(in: 0...2, using: &random)).map { _ -> (String, String?) in
                let count = Int.random(in: 0...6, using: &random)
                let value = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
                return (names.randomElement(using: &random) ?? "", value)
            }
            do {
                let result = try UpgradeResponse.validate(head: Self.head(changes), for: request)
                taken += 1
                #expect(result.subprotocol == nil || result.subprotocol == "chat", "seed \(seed): \(changes)")
                if let deflate = result.deflate {
                    #expect((8...15).contains(deflate.clientMaxWindowBits), "seed \(seed): \(changes)")
                }
            } catch {
                #expect(error.code == .invalidUpgradeResponse, "seed \(seed): \(changes)")
                #expect(error.message.utf8.allSatisfy { (0x20...0x7e).contains($0) }, "seed \(seed): \(changes)")
            }
        }
        #expect(taken > 100, "seed \(seed)")
    }
}
