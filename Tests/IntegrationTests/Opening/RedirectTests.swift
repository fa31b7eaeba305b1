import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Redirections", .timeLimit(.minutes(1)))
    struct RedirectTests {
        private typealias Step = ScriptedServer.Step

        private static func redirection(_ location: String, status: Int = 302, length: Int = 0) -> Step {
            .send("HTTP/1.1 \(status) There\r\nLocation: \(location)\r\nContent-Length: \(length)\r\n\r\n")
        }

        private static let following = WebSocketConfiguration.with { $0.redirects = .follow() }

        /// A server that plays one script after another, to one connection each.
        private func withServer<Value>(
            _ scripts: [[ScriptedServer.Step]],
            _ body: (ScriptedServer) async throws -> Value
        ) async throws -> Value {
            let server = try ScriptedServer(scripts: scripts, deadline: .seconds(20))
            do {
                let value = try await body(server)
                await server.stop()
                return value
            } catch {
                await server.stop()
                throw error
            }
        }

        // MARK: Following

        @Test(arguments: [301, 302, 303, 307, 308])
        func `to another server`(status: Int) async throws {
            try await withEchoServer { target in
                let location = target.url.replacing("ws://", with: "http://") + "there?x=1"
                try await withScriptedServer([.expectUpgrade, Self.redirection(location, status: status)]) { server in
                    let socket = try await WebSocket.connect(to: server.url, configuration: Self.following)
                    #expect(socket.url == target.url + "there?x=1")
                    try await socket.send("hello")
                    let message = try await socket.first()
                    #expect(message == .text("hello"))
                    try await socket.close()
                }
            }
        }

        @Test func `along a way on one server, with a request of its own each`() async throws {
            let scripts: [[Step]] = [
                [.expectUpgrade, Self.redirection("/a/b?secret"), .waitForEndOfStream],
                [.expectUpgrade, Self.redirection("../c"), .waitForEndOfStream],
                [.acceptUpgrade(), .waitForEndOfStream],
            ]
            try await self.withServer(scripts) { server in
                let configuration = WebSocketConfiguration.with {
                    $0.redirects = .follow()
                    $0.headers = ["X-Mine": "1"]
                    $0.subprotocols = ["chat"]
                }
                let url = "ws://user:pass@127.0.0.1:\(server.port)/"
                let socket = try await WebSocket.connect(to: url, configuration: configuration)
                #expect(socket.url == "ws://127.0.0.1:\(server.port)/c")
                socket.abort()
                let requests = try await server.finished().connections.map { $0.request.components("\r\n") }
                #expect(requests.map(\.first) == ["GET / HTTP/1.1", "GET /a/b?secret HTTP/1.1", "GET /c HTTP/1.1"])
                for request in requests {
                    #expect(request.contains("X-Mine: 1"))
                    #expect(request.contains("Authorization: Basic dXNlcjpwYXNz"))
                    #expect(request.contains("Sec-WebSocket-Protocol: chat"))
                }
                let keys = requests.compactMap { $0.first { $0.hasPrefix("Sec-WebSocket-Key") } }
                #expect(Set(keys).count == 3)
            }
        }

        @Test func `credentials stay with their origin`() async throws {
            let configuration = WebSocketConfiguration.with {
                $0.redirects = .follow()
                $0.headers = ["Authorization": "Bearer secret", "X-Mine": "1", "Proxy-Authorization": "secret"]
                $0.cookies = [WebSocketCookie(name: "session", value: "secret")]
            }
            try await withScriptedServer([.acceptUpgrade(), .waitForEndOfStream]) { target in
                try await withScriptedServer([.expectUpgrade, Self.redirection(target.url)]) { server in
                    let socket = try await WebSocket.connect(to: server.url, configuration: configuration)
                    socket.abort()
                    let first = try await server.finished().first.request
                    let second = try await target.finished().first.request
                    for line in [
                        "Authorization: Bearer secret", "Cookie: session=secret", "Proxy-Authorization: secret",
                    ] {
                        #expect(first.contains("\r\n\(line)\r\n"))
                    }
                    #expect(!second.contains("secret"))
                    #expect(!second.contains("Authorization"))
                    #expect(second.contains("\r\nX-Mine: 1\r\n"))
                }
            }
        }

        @Test func `with a handler`() async throws {
            try await withEchoServer { target in
                try await withScriptedServer([.expectUpgrade, Self.redirection(target.url)]) { server in
                    let (messages, sink) = AsyncStream.makeStream(of: String.self)
                    let socket = try await WebSocket.connect(to: server.url, configuration: Self.following) {
                        sink.yield($2.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
                    }
                    try await socket.send("hello")
                    let message = await messages.first { _ in true }
                    #expect(message == "hello")
                    try await socket.close()
                }
            }
        }

        @Test func `the body of a redirection is not waited for`() async throws {
            try await withEchoServer { target in
                let script: [Step] = [.expectUpgrade, Self.redirection(target.url, length: 1_000), .waitForEndOfStream]
                try await withScriptedServer(script) { server in
                    let socket = try await WebSocket.connect(to: server.url, configuration: Self.following)
                    // It does not hold the first connection either.
                    _ = try await server.finished()
                    try await socket.close()
                }
            }
        }

        // MARK: Not following

        private func error(
            _ scripts: [[ScriptedServer.Step]],
            _ configuration: WebSocketConfiguration = following
        ) async throws -> (error: WebSocketError, port: Int, requests: Int) {
            try await self.withServer(scripts) { server in
                let error = try #require(
                    await openingError("ws://user:pass@127.0.0.1:\(server.port)/?secret", configuration)
                )
                #expect(!error.message.contains("pass") && !error.message.contains("secret"), "\(error)")
                return (error, server.port, server.transcript.connections.count)
            }
        }

        @Test func `a circle is told with its way`() async throws {
            let (error, port, requests) = try await self.error([
                [.expectUpgrade, Self.redirection("/x"), .waitForEndOfStream],
                [.expectUpgrade, Self.redirection("/?secret"), .waitForEndOfStream],
            ])
            let origin = "ws://127.0.0.1:\(port)"
            #expect(error.code == .redirectFailed)
            #expect(error.message.contains("\(origin)/?... -> \(origin)/x"), "\(error)")
            #expect(error.handshake?.status == 302)
            #expect(error.handshake?.headers["Location"] == "/?secret")
            #expect(!error.isRetryable)
            #expect(requests == 2)
        }

        @Test func `a way that is too long`() async throws {
            let scripts = (1...3).map { [Step.expectUpgrade, Self.redirection("/\($0)"), .waitForEndOfStream] }
            let (error, _, requests) = try await self.error(scripts, .with { $0.redirects = .follow(limit: 2) })
            #expect(error.code == .redirectFailed)
            #expect(error.message.contains("2 redirections"))
            #expect(requests == 3)
        }

        @Test func `a Location that is no WebSocket URL`() async throws {
            let (error, _, _) = try await self.error([[.expectUpgrade, Self.redirection("ftp://u:secret@h/")]])
            #expect(error.code == .redirectFailed)
        }

        @Test func `a redirection without Location is a refusal`() async throws {
            let (error, _, _) = try await self.error([
                [.expectUpgrade, .send("HTTP/1.1 302 There\r\nContent-Length: 2\r\n\r\nno")]
            ])
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake?.bodyPrefix == Array("no".utf8))
        }

        @Test func `what ends the way elsewhere says how it came there`() async throws {
            let (error, port, _) = try await self.error([
                [.expectUpgrade, Self.redirection("/x"), .waitForEndOfStream],
                [.expectUpgrade, .send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")],
            ])
            #expect(error.code == .upgradeRefused)
            #expect(error.handshake?.status == 403)
            #expect(error.handshake?.bodyPrefix == Array("no".utf8))
            #expect(error.message.contains("-> ws://127.0.0.1:\(port)/x"), "\(error)")
        }

        @Test func `never from wss to ws`() async throws {
            try await withEchoServer { target in
                let refusal = EchoServer.Refusal(status: 302, body: "", headers: ["Location": target.url])
                let server = EchoServer.Configuration(isTLS: true, refusals: ["/": refusal])
                try await withEchoServer(configuration: server) { server in
                    let error = await openingError(
                        server.url,
                        .with {
                            $0.redirects = .follow()
                            $0.tls.certificateVerification = .none
                        }
                    )
                    #expect(error?.code == .redirectFailed)
                    #expect(error?.message.contains("from wss to ws://") == true)
                    #expect(target.connectionCount == 0)
                }
            }
        }

        @Test(arguments: [-1, 0, 51])
        func `a limit out of range is refused`(limit: Int) async {
            let error = await openingError("ws://127.0.0.1:1/", .with { $0.redirects = .follow(limit: limit) })
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("\(limit)") == true)
        }

        // MARK: Deadline and cancellation

        @Test func `one deadline holds for the whole way`() async throws {
            let hops = (1...20).map {
                [Step.expectUpgrade, .delay(.milliseconds(100)), Self.redirection("/\($0)"), .waitForEndOfStream]
            }
            let stopwatch = Stopwatch()
            let (error, _, requests) = try await self.error(
                hops,
                .with {
                    $0.redirects = .follow(limit: 30)
                    $0.deadlines.open = .milliseconds(450)
                }
            )
            #expect(error.code == .timedOut)
            #expect(error.message.contains("after redirections"))
            #expect(requests < 6)
            // 20 hops alone take 2 s.
            #expect(stopwatch.elapsedInMotion < .seconds(2))
        }

        @Test func `cancelling ends any hop at once`() async throws {
            let scripts: [[Step]] = [
                [.expectUpgrade, Self.redirection("/x"), .waitForEndOfStream],
                [.expectUpgrade, .mark("second hop"), .waitForEndOfStream],
            ]
            try await self.withServer(scripts) { server in
                let task = Task { try await WebSocket.connect(to: server.url, configuration: Self.following) }
                try await server.reached("second hop")
                let stopwatch = Stopwatch()
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(stopwatch.elapsedInMotion < .seconds(2))
                // The server's script ends when the connection does.
                _ = try await server.finished()
            }
        }
    }
}
