import Glibc
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Through a proxy", .timeLimit(.minutes(1)))
    struct ProxyTests {
        typealias Proxy = RelayingProxy.Configuration

        private static let authorization = "Basic bWU6c2VjcmV0"

        private func echoes(_ url: String, _ configuration: WebSocketConfiguration) async throws {
            let closed = try await withWebSocket(to: url, configuration: configuration) { socket in
                for size in [0, 5, 70_000, 1 << 20] {
                    let bytes = [UInt8](repeating: 0x42, count: size)
                    try await socket.send(bytes)
                    #expect(try await socket.nextMessage() == .binary(bytes))
                }
            }
            #expect(closed.wasClean)
        }

        private func trusting(_ server: EchoServer, _ proxy: ProxyConfiguration) -> WebSocketConfiguration {
            .with {
                $0.tls.trustRoots = .pem(server.certificatePEM)
                $0.proxy = proxy
            }
        }

        @Test(arguments: [false, true], [false, true])
        func `a tunnel`(isTLS: Bool, isAuthenticated: Bool) async throws {
            let authorization = isAuthenticated ? Self.authorization : nil
            try await withRelayingProxy(Proxy(authorization: authorization)) { proxy in
                try await withEchoServer(configuration: EchoServer.Configuration(isTLS: isTLS)) { server in
                    let url = "\(isTLS ? "wss" : "ws")://localhost:\(server.port)/"
                    let credentials = ProxyConfiguration.Credentials(user: "me", password: "secret")
                    let through = ProxyConfiguration.http(
                        host: "127.0.0.1",
                        port: proxy.port,
                        credentials: isAuthenticated ? credentials : nil
                    )
                    try await self.echoes(url, self.trusting(server, through))
                    let field = authorization.map { "Proxy-Authorization: \($0)\r\n" } ?? ""
                    let expected =
                        "CONNECT localhost:\(server.port) HTTP/1.1\r\nHost: localhost:\(server.port)\r\n\(field)\r\n"
                    #expect(proxy.requests == [expected])
                }
            }
        }

        @Test func `the server sees nothing of the proxy`() async throws {
            try await withRelayingProxy(Proxy(authorization: Self.authorization)) { proxy in
                try await withScriptedServer([.acceptUpgrade(), .echoFrames(1)]) { server in
                    let configuration = WebSocketConfiguration.with {
                        $0.proxy = .url("me:secret@127.0.0.1:\(proxy.port)")
                    }
                    try await withWebSocket(to: server.url, configuration: configuration) { _ in }
                    let request = server.transcript.first.request
                    #expect(request.hasPrefix("GET / HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"))
                    #expect(!request.lowercased().contains("proxy"), "\(request)")
                }
            }
        }

        /// The proxy connects to this machine whatever the name; here nobody could.
        @Test(arguments: ["server.invalid", String(repeating: "label.", count: 41) + "invalid"])
        func `the server's name goes to the proxy as it is`(host: String) async throws {
            try await withRelayingProxy { proxy in
                try await withEchoServer { server in
                    let url = "ws://\(host):\(server.port)/"
                    try await self.echoes(url, .with { $0.proxy = .url(proxy.url) })
                    #expect(proxy.requests.first?.hasPrefix("CONNECT \(host):\(server.port) ") == true)
                }
            }
        }

        @Test(arguments: [false, true])
        func `a server by its IPv6 address`(isTLS: Bool) async throws {
            try await withRelayingProxy { proxy in
                let configuration = EchoServer.Configuration(isTLS: isTLS, isIPv6: true)
                try await withEchoServer(configuration: configuration) { server in
                    try await self.echoes(server.url, self.trusting(server, .url(proxy.url)))
                    let authority = "[::1]:\(server.port)"
                    #expect(
                        proxy.requests == ["CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n"]
                    )
                }
            }
        }

        @Test func `the proxy's name is looked up`() async throws {
            try await withRelayingProxy { proxy in
                try await withEchoServer { server in
                    try await self.echoes(server.url, .with { $0.proxy = .http(host: "localhost", port: proxy.port) })
                    #expect(proxy.requests.count == 1)
                }
            }
        }

        /// libwebsockets' own code takes the first segment for all of it.
        @Test(
            arguments: EventLoopBackend.allCases,
            [
                "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n",
                "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 299 Fine\nContent-Length: 7\n\n",
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            ]
        )
        func `an answer one byte at a time`(backend: EventLoopBackend, answer: String) async throws {
            var loop = EventLoop.Configuration()
            loop.backends = [backend]
            let group = try EventLoopGroup(configuration: loop)
            try await withRelayingProxy(Proxy(answer: answer, answerChunkSize: 1)) { proxy in
                for isTLS in [false, true] {
                    try await withEchoServer(configuration: EchoServer.Configuration(isTLS: isTLS)) { server in
                        var configuration = self.trusting(server, .url(proxy.url))
                        configuration.eventLoopGroup = group
                        try await self.echoes(server.url, configuration)
                    }
                }
            }
            await group.shutDown()
        }

        @Test func `many at once`() async throws {
            try await withRelayingProxy(Proxy(answerChunkSize: 7)) { proxy in
                try await withEchoServer { server in
                    let configuration = WebSocketConfiguration.with { $0.proxy = .url(proxy.url) }
                    try await withThrowingTaskGroup { group in
                        for number in 0..<100 {
                            group.addTask {
                                try await withWebSocket(to: server.url, configuration: configuration) { socket in
                                    try await socket.send("\(number)")
                                    #expect(try await socket.nextMessage() == .text("\(number)"))
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                    #expect(proxy.requests.count == 100)
                }
            }
        }

        // MARK: Which proxy

        @Test func `what cannot be used is refused before anything is sent`() async throws {
            try await withScriptedServer([.expectUpgrade]) { server in
                for (proxy, words) in [
                    (ProxyConfiguration.url("socks5://u:hunter2@127.0.0.1:\(server.port)"), "SOCKS"),
                    (.url("https://u:hunter2@127.0.0.1:\(server.port)"), "TLS"),
                    (.http(host: "127.0.0.1", port: 0), "port is 0"),
                    (.http(host: "a", port: 1, credentials: .init(user: "u:x", password: "hunter2")), "colon"),
                ] {
                    let error = await openingError(server.url, .with { $0.proxy = proxy })
                    #expect(error?.code == .invalidConfiguration)
                    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
                    #expect(error?.message.contains("hunter2") == false, "\(String(describing: error))")
                }
                #expect(server.transcript.connections.isEmpty)
            }
        }

        /// In a process of its own: the environment belongs to all of it.
        @Test func `the environment is read for each connection`() async {
            await #expect(processExitsWith: .success) {
                try await withRelayingProxy { proxy in
                    try await withEchoServer { server in
                        let configuration = WebSocketConfiguration.with { $0.proxy = .environment }
                        let names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
                        for name in names + names.map({ $0.uppercased() }) { unsetenv(name) }
                        // Each with how many requests the proxy has seen afterwards.
                        for (name, value, count) in [
                            ("HTTP_PROXY", proxy.url, 0), ("https_proxy", proxy.url, 0), ("http_proxy", proxy.url, 1),
                            ("no_proxy", "localhost, 127.0.0.0/8", 1), ("no_proxy", "127.0.0.1:1", 2),
                            ("no_proxy", "*", 2), ("no_proxy", "", 3), ("http_proxy", "", 3),
                            ("ALL_PROXY", proxy.url, 4),
                        ] {
                            setenv(name, value, 1)
                            let closed = try await withWebSocket(to: server.url, configuration: configuration) { _ in }
                            #expect(closed.wasClean)
                            #expect(proxy.requests.count == count, "after \(name)=\(value)")
                        }
                        setenv("http_proxy", "socks4://u:hunter2@127.0.0.1", 1)
                        let error = await openingError(server.url, configuration)
                        #expect(error?.code == .invalidConfiguration)
                        #expect(error?.message.contains("http_proxy") == true, "\(String(describing: error))")
                        #expect(error?.message.contains("hunter2") == false, "\(String(describing: error))")
                    }
                }
            }
        }
    }
}
