import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("An upgrade that does not come about", .timeLimit(.minutes(1)))
    struct RefusedUpgradeTests {
        /// What opening ends with when the server answers so, and how long that takes.
        private func error(
            _ answer: [ScriptedServer.Step],
            _ configuration: WebSocketConfiguration = .with { $0.deadlines.open = .seconds(25) },
            within limit: Duration = .seconds(10)
        ) async throws -> WebSocketError {
            try await withScriptedServer([.expectUpgrade] + answer) { server in
                let stopwatch = Stopwatch()
                let error = try #require(await openingError(server.url, configuration))
                let duration = stopwatch.elapsed
                #expect(stopwatch.elapsedInMotion < limit, "it took \(duration): \(error)")
                return error
            }
        }

        // MARK: Other statuses

        @Test func `F26 status, header fields and body are told`() async throws {
            let body = #"{"error":"no such room"}"#
            let error = try await self.error([
                .send(
                    """
                    HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nX-Request-Id: abc\r\n\
                    Content-Length: \(body.utf8.count)\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n\(body)
                    """
                )
            ])
            #expect(error.code == .upgradeRefused)
            #expect(error.message.contains("404"))
            #expect(!error.isRetryable)
            let handshake = try #require(error.handshake)
            #expect(handshake.status == 404)
            #expect(handshake.headers["content-type"] == "application/json")
            #expect(handshake.headers["X-Request-ID"] == "abc")
            #expect(handshake.headers[values: "set-cookie"] == ["a=1", "b=2"])
            #expect(String(decoding: handshake.bodyPrefix, as: UTF8.self) == body)
        }

        @Test(arguments: [400, 401, 403, 407, 426, 429, 500, 503])
        func `F26 any other status is a refusal`(status: Int) async throws {
            let error = try await self.error([.send("HTTP/1.1 \(status) No\r\nContent-Length: 2\r\n\r\nno")])
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake?.status == status)
            #expect(error.handshake?.bodyPrefix == Array("no".utf8))
            #expect(error.isRetryable == (status >= 500 || status == 429))
        }

        @Test func `a body without a length ends with the stream`() async throws {
            let error = try await self.error([
                .send("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\nfirst "), .delay(.milliseconds(20)), .send("second"),
                .close,
            ])
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake?.headers["Retry-After"] == "7")
            #expect(error.handshake.map { String(decoding: $0.bodyPrefix, as: UTF8.self) } == "first second")
        }

        @Test func `a body in chunks is joined`() async throws {
            let error = try await self.error([
                .send("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"), .delay(.milliseconds(20)),
                .send("3\r\nfgh\r\n0\r\n\r\n"),
            ])
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake.map { String(decoding: $0.bodyPrefix, as: UTF8.self) } == "abcdefgh")
        }

        @Test(arguments: [
            // libwebsockets knows the one word, and neither its other spellings nor extensions of a chunk.
            ("Chunked", "5\r\nabcde\r\n0\r\n\r\n"), ("gzip, chunked", "5\r\nabcde\r\n0\r\n\r\n"),
            ("chunked ", "5\r\nabc"), ("chunked", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"),
            ("chunked", "3\r\nabcnonsense"),
        ])
        func `a body in chunks of an unusual kind is kept as far as it goes`(coding: String, body: String) async throws
        {
            let error = try await self.error([
                .send("HTTP/1.1 500 Oh\r\nTransfer-Encoding: \(coding)\r\n\r\n\(body)"), .delay(.milliseconds(20)),
                .close,
            ])
            #expect(error.code == .upgradeRefused)
            let kept = error.handshake.map { String(decoding: $0.bodyPrefix, as: UTF8.self) }
            #expect(kept?.hasPrefix("abc") == true, "\(String(describing: kept))")
        }

        @Test func `what a server says of the next attempt is told`() async throws {
            let error = try await self.error([
                .send(
                    """
                    HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nWWW-Authenticate: Basic\r\n\
                    WWW-Authenticate: Bearer realm="a, b"\r\nSec-WebSocket-Version: 13, 8\r\nUpgrade: websocket\r\n\
                    Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\u{1f}\u{b}
                    """
                )
            ])
            let handshake = try #require(error.handshake)
            #expect(handshake.retryAfter == .seconds(7))
            #expect(handshake.headers[values: "WWW-Authenticate"] == ["Basic", "Bearer realm=\"a, b\""])
            #expect(handshake.headers["Sec-WebSocket-Version"] == "13, 8")
            #expect(handshake.headers["Content-Encoding"] == "gzip")
            #expect(handshake.bodyPrefix == [0x1f, 0x0b])
        }

        @Test(arguments: [0, 1, 1_000])
        func `of an endless body the beginning is kept`(limit: Int) async throws {
            let line = "0123456789"
            let error = try await self.error(
                [.send("HTTP/1.1 403 No\r\n\r\n"), .repeated(2_000, [.send(line)]), .waitForEndOfStream],
                .with { $0.limits.refusalBodySize = limit }
            )
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake?.bodyPrefix == Array(String(repeating: line, count: 100).utf8.prefix(limit)))
        }

        @Test func `a body that does not come is not waited for beyond the deadline`() async throws {
            let error = try await self.error(
                [.send("HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nhalf"), .waitForEndOfStream],
                .with { $0.deadlines.open = .milliseconds(200) }
            )
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake?.status == 403)
        }

        @Test(arguments: [204, 304])
        func `a status that has no body is not waited for`(status: Int) async throws {
            let error = try await self.error([.send("HTTP/1.1 \(status) None\r\n\r\n"), .waitForEndOfStream])
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake?.status == status)
        }

        @Test(arguments: [301, 302, 303, 307, 308])
        func `a redirection is a refusal, and not followed`(status: Int) async throws {
            try await withEchoServer { target in
                let error = try await self.error([
                    .send("HTTP/1.1 \(status) There\r\nLocation: \(target.url)\r\nContent-Length: 0\r\n\r\n")
                ])
                #expect(error.code == .upgradeRefused)
                #expect(error.handshake?.status == status)
                #expect(error.handshake?.headers["location"] == target.url)
                #expect(target.connectionCount == 0)
            }
        }

        @Test func `the echo server's refusals`() async throws {
            let refusal = EchoServer.Refusal(status: 403, body: "members only", headers: ["WWW-Authenticate": "Basic"])
            try await withEchoServer(configuration: EchoServer.Configuration(refusals: ["/private": refusal])) {
                server in
                let error = await openingError(server.url + "private")
                #expect(error?.code == .upgradeRefused)
                #expect(error?.handshake?.status == 403)
                #expect(error?.handshake?.headers["www-authenticate"] == "Basic")
                #expect(error?.handshake?.bodyPrefix == Array("members only".utf8))
            }
        }

        // MARK: Wrong answers

        struct WrongAnswer: CustomTestStringConvertible, Sendable {
            var words: String
            var headers: HTTPFields = [:]
            var subprotocol: String?
            var extensions: String?

            var testDescription: String { self.words }
        }

        @Test(arguments: [
            WrongAnswer(
                words: "Sec-WebSocket-Accept is",
                headers: ["Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
            ),
            WrongAnswer(words: "Upgrade is", headers: ["Upgrade": "h2c"]),
            WrongAnswer(words: "Connection is", headers: ["Connection": "keep-alive"]),
            WrongAnswer(words: "subprotocol", subprotocol: "other"),
            WrongAnswer(words: "extension", extensions: "permessage-deflate"),
            WrongAnswer(words: "extension", extensions: "x-unknown"),
            WrongAnswer(words: "Content-Length", headers: ["Content-Length": "5"]),
            WrongAnswer(words: "Content-Length", headers: ["Content-Length": "0"]),
            WrongAnswer(words: "Transfer-Encoding", headers: ["Transfer-Encoding": "chunked"]),
        ])
        func `a 101 that breaks a rule ends at once, whatever the server waits for`(answer: WrongAnswer) async throws {
            let error = try await self.error([
                .acceptUpgrade(subprotocol: answer.subprotocol, extensions: answer.extensions, headers: answer.headers),
                .waitForEndOfStream,
            ])
            #expect(error.code == .invalidUpgradeResponse)
            #expect(error.message.contains(answer.words), "\(error)")
            #expect(error.handshake?.status == 101)
        }

        @Test(arguments: [
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        ])
        func `a 101 that lacks something`(answer: String) async throws {
            let error = try await self.error([.send(answer), .waitForEndOfStream])
            #expect(error.code == .invalidUpgradeResponse)
        }

        @Test(arguments: [
            "garbage\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        ])
        func `garbage in place of HTTP`(answer: String) async throws {
            let error = try await self.error([.send(answer), .delay(.milliseconds(50)), .close])
            #expect(error.code == .invalidUpgradeResponse || error.code == .transportFailed)
        }

        @Test func `a head over the limit`() async throws {
            let error = try await self.error(
                [.acceptUpgrade(headers: ["Set-Cookie": String(repeating: "x", count: 5_000)]), .waitForEndOfStream],
                .with { $0.limits.responseHeadSize = 4_096 }
            )
            #expect(error.code == .invalidUpgradeResponse)
            #expect(error.message.contains("4096"))
        }

        @Test func `a head without end`() async throws {
            let error = try await self.error([
                .send("HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: "),
                .repeated(300, [.send(String(repeating: "x", count: 1_000))]), .waitForEndOfStream,
            ])
            #expect(error.code == .invalidUpgradeResponse)
        }

        // MARK: The transport ends

        @Test(arguments: [
            "", "HTTP/1.1 101 Switching Pro", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
        ])
        func `the end of the stream during the upgrade`(part: String) async throws {
            let error = try await self.error([.send(part), .close])
            #expect(error.code == .transportFailed)
            #expect(error.isRetryable)
        }

        @Test func `a reset during the upgrade`() async throws {
            let error = try await self.error([.reset])
            #expect(error.code == .transportFailed)
        }

        @Test func `the end of the stream behind a 101`() async throws {
            try await withScript([.acceptUpgrade(), .close]) { socket, _ in
                let (messages, error) = await socket.readToEnd()
                #expect(messages.isEmpty)
                #expect((error as? WebSocketError)?.code == .transportFailed)
            }
        }
    }
}
