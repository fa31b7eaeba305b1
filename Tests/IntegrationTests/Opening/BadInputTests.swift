import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// Bad input is refused with an error that names it, and nothing of it reaches the server.
    @Suite("Bad input", .timeLimit(.minutes(1)))
    struct BadInputTests {
        struct Case: CustomTestStringConvertible, Sendable {
            var name: String
            var code: WebSocketError.Code
            /// What the message has to name.
            var words: String
            var url: @Sendable (String) -> String = { $0 }
            var configure: @Sendable (inout WebSocketConfiguration) -> Void = { _ in }

            var testDescription: String { self.name }
        }

        private static func header(_ name: String, _ value: String, _ words: String) -> Case {
            Case(name: "header \(name.debugDescription)", code: .invalidHeader, words: words) {
                $0
            } configure: {
                $0.headers.append(name: name, value: value)
            }
        }

        private static func subprotocols(_ names: [String], _ words: String) -> Case {
            Case(name: "subprotocols \(names)", code: .invalidSubprotocol, words: words) {
                $0
            } configure: {
                $0.subprotocols = names
            }
        }

        private static func url(_ words: String, _ change: @escaping @Sendable (String) -> String) -> Case {
            Case(name: "URL \(change("ws://h/"))", code: .invalidURL, words: words, url: change)
        }

        static let cases: [Case] = [
            url("http") { $0.replacing("ws:", with: "http:") },
            url("nonsense") { _ in "nonsense" },
            url("\"\"") { _ in "" },
            url("ws:///path") { _ in "ws:///path" },
            url("#fragment") { $0 + "#fragment" },
            url("99999") { _ in "ws://127.0.0.1:99999/" },
            url("a b") { $0 + "a b" },
            url("ws://") { $0 + "a\r\nX-Injected: 1" },
            header("X-Bad", "a\r\nX-Injected: 1", "X-Bad"),
            header("X-Bad", "a\nb", "X-Bad"),
            header("X-Bad", "a\u{0}b", "X-Bad"),
            header("X Bad", "a", "X Bad"),
            header("X:Bad", "a", "X:Bad"),
            header("", "a", "empty"),
            header("Héader", "a", "H"),
            header("Host", "example.com", "Host"),
            header("connection", "close", "connection"),
            header("Sec-WebSocket-Key", "abc", "Sec-WebSocket-Key"),
            subprotocols(["a b"], "a b"),
            subprotocols([""], "\"\""),
            subprotocols(["a", "b", "a"], "\"a\""),
            subprotocols(["a,b"], "a,b"),
            subprotocols(["a\r\nX: y"], "a"),
            Case(name: "an option", code: .invalidConfiguration, words: "limits.messageSize is -5") {
                $0
            } configure: {
                $0.limits.messageSize = -5
            },
            Case(name: "a compression option", code: .invalidConfiguration, words: "12") {
                $0
            } configure: {
                $0.compression = CompressionConfiguration(level: 12)
            },
            Case(name: "a path that is too long", code: .invalidURL, words: "70") {
                $0 + String(repeating: "x", count: 70_000)
            },
            Case(name: "a header that is too long", code: .invalidHeader, words: "bytes") {
                $0
            } configure: {
                $0.headers.append(name: "X", value: String(repeating: "x", count: 70_000))
            },
        ]

        @Test(arguments: cases)
        func `when opening`(input: Case) async throws {
            try await withScriptedServer([.expectUpgrade]) { server in
                var configuration = WebSocketConfiguration()
                input.configure(&configuration)
                let error = await openingError(input.url(server.url), configuration)
                #expect(error?.code == input.code)
                #expect(error?.message.contains(input.words) == true, "\(String(describing: error))")
                #expect(error?.message.contains("X-Injected") != true || input.code == .invalidURL)
                #expect(server.transcript.connections.isEmpty)
            }
        }

        /// The connection is as good as before, and the server gets only what is in order.
        @Test func `F56, F58 on an open connection`() async throws {
            let configuration = WebSocketConfiguration.with { $0.limits.outboundMessageSize = 1_000 }
            try await withScript([.acceptUpgrade(), .echoFrames(2)], configuration) { socket, server in
                func refused(_ code: WebSocketError.Code, _ words: String, _ body: () async throws -> Void) async {
                    let error = await #expect(throws: WebSocketError.self) { try await body() }
                    #expect(error?.code == code)
                    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
                }
                for code: WebSocketCloseCode in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
                    await refused(.invalidCloseCode, "\(code.rawValue)") { _ = try await socket.close(code: code) }
                }
                await refused(.invalidCloseReason, "124") {
                    _ = try await socket.close(reason: String(repeating: "x", count: 124))
                }
                await refused(.invalidCloseReason, "124") {
                    _ = try await socket.close(reason: String(repeating: "é", count: 62))
                }
                for bytes: [UInt8] in [[0x61, 0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] {
                    await refused(.invalidUTF8, "not UTF-8") { try await socket.send(utf8: bytes) }
                }
                let large = [UInt8](repeating: 0, count: 1_001)
                await refused(.messageTooLarge, "1001") { try await socket.send(large) }
                await refused(.messageTooLarge, "1001") { try await socket.send(String(repeating: "x", count: 1_001)) }
                try await socket.send("in order")
                #expect(try await socket.nextMessage() == .text("in order"))
                let closed = try await socket.close(code: 4999, reason: String(repeating: "x", count: 123))
                #expect(closed.wasClean)
                let frames = try await server.finished().first.frames
                #expect(frames.map(\.opcode) == [.text, .close])
                #expect(frames.last?.payload.count == 125)
            }
        }
    }
}
