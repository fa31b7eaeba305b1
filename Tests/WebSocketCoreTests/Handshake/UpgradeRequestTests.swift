import Testing
import WebSocketCore

@Suite struct UpgradeRequestTests {
    static let key = WebSocketKey(nonce: Array("the sample nonce".utf8))

    static func text(of request: UpgradeRequest) -> String {
        String(decoding: request.head, as: UTF8.self)
    }

    @Test func writesTheLeastThatIsNeeded() throws {
        let request = try UpgradeRequest(url: WebSocketURL("ws://Example.com"), key: Self.key)
        #expect(
            Self.text(of: request) == """
                GET / HTTP/1.1\r
                Host: example.com\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                Sec-WebSocket-Version: 13\r
                \r\n
                """
        )
    }

    @Test func writesEverything() throws {
        let request = try UpgradeRequest(
            url: WebSocketURL("wss://user:secret@[::1]:8443/a%20b?c=d"),
            subprotocols: ["chat.v2", "chat"],
            headers: ["Origin": "https://example.com", "X-Empty": "", "Cookie": "a=b; c=\u{e9}\t", "cookie": "d"],
            compression: CompressionConfiguration(offers: [.init(clientNoContextTakeover: true)]),
            key: Self.key
        )
        #expect(
            Self.text(of: request) == """
                GET /a%20b?c=d HTTP/1.1\r
                Host: [::1]:8443\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Protocol: chat.v2, chat\r
                Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_max_window_bits\r
                Authorization: Basic dXNlcjpzZWNyZXQ=\r
                Origin: https://example.com\r
                X-Empty: \r
                Cookie: a=b; c=\u{e9}; d\r
                \r\n
                """
        )
    }

    @Test func offersTheStandardCompressionByDefault() throws {
        let request = try UpgradeRequest(url: WebSocketURL("ws://h"), compression: .defaults)
        #expect(
            Self.text(of: request).contains(
                "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            )
        )
    }

    @Test func takesANewKeyEachTime() throws {
        let url = try WebSocketURL("ws://h")
        let first = try UpgradeRequest(url: url)
        let second = try UpgradeRequest(url: url)
        #expect(first.key != second.key)
        #expect(Self.text(of: first).contains("\r\nSec-WebSocket-Key: \(first.key.value)\r\n"))
    }

    @Test(arguments: [
        ("", "x", "a header has an empty name"),
        ("X Y", "x", "the name of header \"X Y\" has a space (0x20) at byte 1"),
        ("X:", "x", "the name of header \"X:\" has ':' (0x3a) at byte 1"),
        ("X\r\nY", "x", "the name of header \"X\\x0d\\x0aY\" has CR (0x0d) at byte 1"),
        ("X\u{0}", "x", "the name of header \"X\\x00\" has NUL (0x00) at byte 1"),
        ("Caf\u{e9}", "x", "the name of header \"Caf\\xc3\\xa9\" has byte 0xc3 at byte 3"),
        ("X", "secret\r\nY: z", "the value of header \"X\" has CR (0x0d) at byte 6"),
        ("X", "secret\n", "the value of header \"X\" has LF (0x0a) at byte 6"),
        ("X", "\u{0}secret", "the value of header \"X\" has NUL (0x00) at byte 0"),
        ("X", "secret\u{7f}", "the value of header \"X\" has byte 0x7f at byte 6"),
        ("X", "secret\u{1b}", "the value of header \"X\" has byte 0x1b at byte 6"),
        ("Host", "h", "header \"Host\" is set by the library and cannot be given"),
        ("upgrade", "h2c", "header \"upgrade\" is set by the library and cannot be given"),
        ("CONNECTION", "close", "header \"CONNECTION\" is set by the library and cannot be given"),
        ("Content-Length", "5", "header \"Content-Length\" is set by the library and cannot be given"),
        ("Transfer-encoding", "chunked", "header \"Transfer-encoding\" is set by the library and cannot be given"),
        ("Sec-WebSocket-Key", "x", "header \"Sec-WebSocket-Key\" is set by the library and cannot be given"),
        ("sec-websocket-foo", "x", "header \"sec-websocket-foo\" is set by the library and cannot be given"),
    ])
    func refusesABadHeader(name: String, value: String, reason: String) throws {
        let url = try WebSocketURL("ws://h")
        let error = try #require(throws: WebSocketError.self) {
            try UpgradeRequest(url: url, headers: ["Ok": "fine", name: value])
        }
        #expect(error.code == .invalidHeader)
        #expect(error.message == reason)
        #expect(!"\(error)".contains("secret"))
    }

    @Test(arguments: [
        ([""], "subprotocol \"\" is not a token"),
        (["a", "b c"], "subprotocol \"b c\" is not a token"),
        (["a,b"], "subprotocol \"a,b\" is not a token"),
        (["a\r\nX: y"], "subprotocol \"a\\x0d\\x0aX: y\" is not a token"),
        (["caf\u{e9}"], "subprotocol \"caf\\xc3\\xa9\" is not a token"),
        (["a", "b", "a"], "subprotocol \"a\" is offered twice"),
    ])
    func refusesABadSubprotocol(subprotocols: [String], reason: String) throws {
        let url = try WebSocketURL("ws://h")
        let error = try #require(throws: WebSocketError.self) {
            try UpgradeRequest(url: url, subprotocols: subprotocols)
        }
        #expect(error.code == .invalidSubprotocol)
        #expect(error.message.hasPrefix(reason), "\(error.message)")
    }

    @Test func subprotocolsDifferByCase() throws {
        let request = try UpgradeRequest(url: WebSocketURL("ws://h"), subprotocols: ["chat", "Chat"])
        #expect(Self.text(of: request).contains("\r\nSec-WebSocket-Protocol: chat, Chat\r\n"))
    }

    @Test func refusesABadConfiguration() throws {
        let url = try WebSocketURL("ws://h")
        let error = try #require(throws: WebSocketError.self) {
            try UpgradeRequest(url: url, compression: CompressionConfiguration(level: 12))
        }
        #expect(error.code == .invalidConfiguration)
    }

    @Test func refusesARequestBeyondTheLimit() throws {
        let size = try UpgradeRequest(url: WebSocketURL("ws://h"), headers: ["X": "y"]).head.count
        let url = try WebSocketURL("ws://h")
        #expect(try UpgradeRequest(url: url, headers: ["X": "y"], maximumHeadSize: size).head.count == size)
        let header = try #require(throws: WebSocketError.self) {
            try UpgradeRequest(url: url, headers: ["X": "yy"], maximumHeadSize: size)
        }
        #expect(header.code == .invalidHeader)
        #expect(header.message.contains("\(size + 1) bytes"))

        let long = try WebSocketURL("ws://h/" + String(repeating: "a", count: UpgradeRequest.maximumHeadSize))
        let error = try #require(throws: WebSocketError.self) { try UpgradeRequest(url: long) }
        #expect(error.code == .invalidURL)
    }
}
