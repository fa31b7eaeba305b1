import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// What RFC 6455 and RFC 9112 allow and servers rarely do; and what libwebsockets' parser makes of it.
    @Suite("Unusual answers", .timeLimit(.minutes(1)))
    struct UnusualResponseTests {
        /// A head out of lines, in which $ stands for the right Sec-WebSocket-Accept.
        private static func answer(_ lines: [String], lineEnd: String = "\r\n") -> ScriptedServer.Step {
            .answerUpgrade { accept in
                let lines = lines.map { $0.replacing("$", with: accept) } + ["", ""]
                return Array(lines.joined(separator: lineEnd).utf8) + ScriptedServer.Frame.text("hello").encoded
            }
        }

        private static let status = "HTTP/1.1 101 Switching Protocols"
        private static let upgrade = "Upgrade: websocket"
        private static let connection = "Connection: Upgrade"
        private static let accept = "Sec-WebSocket-Accept: $"

        @discardableResult
        private func headers(
            _ answer: ScriptedServer.Step,
            _ configuration: WebSocketConfiguration = WebSocketConfiguration()
        ) async throws -> HTTPFields {
            try await withScript([answer, .waitForEndOfStream], configuration) { socket, _ in
                let message = try await socket.first()
                #expect(message == .text("hello"))
                return socket.responseHeaders
            }
        }

        @Test(arguments: [
            // The case of names and values.
            [status, "UPGRADE: WebSocket", "connection: UPGRADE", "sec-websocket-ACCEPT: $"],
            // White space around values.
            [status, "Upgrade:websocket", "Connection:\tUpgrade", "Sec-WebSocket-Accept:   $ \t "],
            // Lists of tokens.
            [status, upgrade, "Connection: keep-alive, Upgrade", accept],
            [status, upgrade, "Connection: keep-alive,upgrade ,, x", accept],
            [status, upgrade, "Connection: keep-alive", "Connection: Upgrade", accept],
            // Status lines.
            ["HTTP/1.1 101 ", upgrade, connection, accept], ["HTTP/1.1 101", upgrade, connection, accept],
            ["HTTP/1.1  101  Switching", upgrade, connection, accept],
            ["HTTP/1.1 101 K\u{f6}nnen wir", upgrade, connection, accept],
            // Any order, and fields that say nothing.
            [status, accept, connection, upgrade], [status, "X-Empty:", upgrade, connection, accept, "Server:"],
            [status, "Via: 1.1 a", "Via:", "Via: 1.1 b", upgrade, connection, accept],
            [status, "X-A: 1", "X-A: 2", upgrade, connection, accept],
            [status, "Warning: 199 - \"quoted, comma\"", upgrade, connection, accept],
            [status, "X-Bytes: \u{e9}\u{1f600}", upgrade, connection, accept],
        ])
        func `are taken`(lines: [String]) async throws {
            try await self.headers(Self.answer(lines))
        }

        @Test func `lines that end with LF alone are taken`() async throws {
            try await self.headers(
                Self.answer([Self.status, Self.upgrade, Self.connection, Self.accept], lineEnd: "\n")
            )
        }

        @Test func `several lines of extensions are one list`() async throws {
            let lines = [
                Self.status, Self.upgrade, Self.connection, Self.accept, "Sec-WebSocket-Extensions:",
                "Sec-WebSocket-Extensions: permessage-deflate",
            ]
            let configuration = WebSocketConfiguration.with { $0.compression = .defaults }
            try await withScript([Self.answer(lines), .waitForEndOfStream], configuration) { socket, _ in
                #expect(socket.compression != nil)
            }
        }

        @Test func `repeated fields are given one by one, empty ones too`() async throws {
            let headers = try await self.headers(
                Self.answer([
                    Self.status, "Set-Cookie: a=1, b", "Set-Cookie:", "Set-Cookie: c=\"2\"; Path=/", Self.upgrade,
                    Self.connection, Self.accept,
                ])
            )
            #expect(headers[values: "Set-Cookie"] == ["a=1, b", "", "c=\"2\"; Path=/"])
        }

        @Test func `fields of other names are given when they are named`() async throws {
            let answer = Self.answer([
                Self.status, "X-Unheard-Of: 1", "X-Empty:", "X-Other: 2", "X-REQUEST-ID: abc", Self.upgrade,
                Self.connection, Self.accept,
            ])
            let named = try await self.headers(
                answer,
                .with {
                    $0.responseHeaderNames = ["x-unheard-OF", "X-Empty", "Upgrade", "X-Request-Id", "X-Not-There"]
                }
            )
            #expect(named[values: "X-Unheard-Of"] == ["1"])
            #expect(named["X-Empty"] == "")
            #expect(named["X-Request-Id"] == "abc")
            #expect(named[values: "Upgrade"] == ["websocket"])
            #expect(!named.contains("X-Not-There"))
            #expect(!named.contains("X-Other"))
        }

        @Test(arguments: [(["a b"], "space"), ([""], "empty"), (Array(repeating: "a", count: 101), "100")])
        func `names that cannot be are refused`(names: [String], words: String) async {
            let error = await openingError("ws://127.0.0.1:1/", .with { $0.responseHeaderNames = names })
            #expect(error?.message.contains(words) == true)
        }

        @Test(arguments: [
            // RFC 6455 section 4.1 asks for the one value; a list of protocols is what a server may offer, not choose.
            [status, "Upgrade: websocket, h2c", connection, accept],
            [status, upgrade, upgrade, connection, accept],
            // Twice, or more than the key's answer.
            [status, upgrade, connection, accept, accept], [status, upgrade, connection, "Sec-WebSocket-Accept: $, $"],
            // No such HTTP.
            ["HTTP/2 101", upgrade, connection, accept], ["HTTP/1.1 1O1 Switching", upgrade, connection, accept],
        ])
        func `what the RFC does not allow is refused`(lines: [String]) async throws {
            try await withScriptedServer([Self.answer(lines), .delay(.milliseconds(50)), .close]) { server in
                let error = await openingError(server.url)
                #expect(
                    error?.code == .invalidUpgradeResponse || error?.code == .transportFailed,
                    "\(String(describing: error))"
                )
            }
        }

        // MARK: Limits

        @Test(arguments: [("a: 1\r\n", 10_000), ("Via: 1\r\n", 10_000), ("X-Some-Name: value\r\n", 5_000)])
        func `thousands of small fields are cut off`(field: String, count: Int) async throws {
            let head = "HTTP/1.1 101 Switching Protocols\r\n" + String(repeating: field, count: count) + "\r\n"
            try await withScriptedServer([.expectUpgrade, .send(head), .waitForEndOfStream]) { server in
                let error = await openingError(server.url)
                #expect(error?.code == .invalidUpgradeResponse)
                #expect(error?.message.contains("larger than") == true, "\(String(describing: error))")
            }
        }

        /// It has room for 98 pieces of heads, of which the request's own parts take some ten.
        @Test func `many fields of one known name are given`() async throws {
            let cookies = (0..<75).map { "Set-Cookie: c\($0)=\($0)" }
            let headers = try await self.headers(
                Self.answer([Self.status] + cookies + [Self.upgrade, Self.connection, Self.accept])
            )
            #expect(headers[values: "Set-Cookie"].count == 75)
        }

        // MARK: What libwebsockets' parser takes for something else (see Limitations)

        @Test(arguments: [
            // A folded value: the fold is taken for a name, and with it the line behind it.
            [status, "X-Folded: a", "  b", upgrade, connection, accept],
            // A name that is the beginning of one that libwebsockets knows.
            [status, "Acce: x", upgrade, connection, accept], [status, "X: y", upgrade, connection, accept],
        ])
        func `a field that swallows the next one`(lines: [String]) async throws {
            try await withScriptedServer([Self.answer(lines), .delay(.milliseconds(50)), .close]) { server in
                let error = await openingError(server.url)
                #expect(error?.code == .invalidUpgradeResponse)
                #expect(error?.message.contains("Upgrade is missing") == true, "\(String(describing: error))")
            }
        }

        @Test(arguments: [
            [status, "Deleted: %zz", upgrade, connection, accept],
            [status, "Patch: x", "Put: y", upgrade, connection, accept],
        ])
        func `names that begin like a method do no harm`(lines: [String]) async throws {
            try await self.headers(Self.answer(lines))
        }
    }
}
