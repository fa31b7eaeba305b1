import Glibc
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Unix sockets", .timeLimit(.minutes(1)))
    struct UnixSocketTests {
        /// A path that nobody else uses.
        private func path() -> String { "/tmp/nova-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock" }

        private let script: [ScriptedServer.Step] = [
            .acceptUpgrade(), .receiveFrame, .send(.text("answer")), .receiveFrame, .send(.close(.normalClosure)),
        ]

        @Test(arguments: [false, true])
        func `messages go through one`(isAbstract: Bool) async throws {
            let path = isAbstract ? "@nova-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))" : self.path()
            try await withScriptedServer(self.script, unixPath: path) { server in
                let url = "\(server.url):/feed?a=b"
                let closed = try await withWebSocket(to: url) { socket in
                    try await socket.send("question")
                    #expect(try await socket.nextMessage() == .text("answer"))
                }
                #expect(closed.wasClean)
                let request = try await server.finished().first.request
                #expect(request.hasPrefix("GET /feed?a=b HTTP/1.1\r\nHost: localhost\r\n"), "\(request)")
            }
        }

        @Test func `TLS through one verifies the name localhost`() async throws {
            let identity = try ScriptedServer.Identity.make()
            let script = [.startTLS(identity)] + self.script
            try await withScriptedServer(script, unixPath: self.path()) { server in
                let configuration = WebSocketConfiguration.with { $0.tls.trustRoots = .pem(identity.authorityPEM) }
                let url = server.url.replacing("ws+", with: "wss+")
                try await withWebSocket(to: url, configuration: configuration) { socket in
                    try await socket.send("question")
                    #expect(try await socket.nextMessage() == .text("answer"))
                }
            }
            try await withScriptedServer([.startTLS(identity)], unixPath: self.path()) { server in
                let error = await openingError(server.url.replacing("ws+", with: "wss+"))
                #expect(error?.code == .tlsFailed, "\(String(describing: error))")
            }
        }

        @Test func `one that does not exist`() async {
            let path = self.path()
            let error = await openingError("ws+unix:\(path):/x")
            #expect(error?.code == .connectFailed)
            #expect(error?.message == "no connection to the Unix socket \"\(path)\": No such file or directory")
        }

        @Test func `a file that is none`() async {
            let error = await openingError("ws+unix:/dev/null")
            #expect(error?.code == .connectFailed)
            #expect(error?.message.hasSuffix(": Connection refused") == true, "\(String(describing: error))")
        }

        @Test func `a path that is too long is refused before anything is tried`() async {
            let error = await openingError("ws+unix:/" + String(repeating: "x", count: 107))
            #expect(error?.code == .invalidURL)
            #expect(error?.message.contains("more than 107") == true)
        }

        @Test func `a server that accepts no more`() async throws {
            let path = self.path()
            defer { unlink(path) }
            let silent = try SilentPort(unixPath: path)
            let error = await openingError("ws+unix:\(path)", .with { $0.deadlines.open = .seconds(5) })
            #expect(error?.code == .connectFailed)
            #expect(
                error?.message.hasSuffix("queue of new connections is full") == true,
                "\(String(describing: error))"
            )
            _ = silent
        }

        @Test func `options that are for TCP do no harm`() async throws {
            try await withScriptedServer(self.script, unixPath: self.path()) { server in
                let configuration = WebSocketConfiguration.with {
                    $0.network.interface = "nova-none"
                    $0.network.noDelay = false
                    $0.network.tcpKeepalive = .init()
                    $0.network.userTimeout = .seconds(5)
                    $0.network.sendBufferSize = 20_000
                }
                try await withWebSocket(to: server.url, configuration: configuration) { socket in
                    try await socket.send("question")
                    #expect(try await socket.nextMessage() == .text("answer"))
                }
            }
        }
    }
}
