import Glibc
import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A proxy that opens no tunnel", .timeLimit(.minutes(1)))
    struct ProxyFailureTests {
        private static let target = "wss://server.invalid:8443/"

        private struct Fixture {
            var group: EventLoopGroup
            var configuration: WebSocketConfiguration
            var proxy: ScriptedServer

            var loop: EventLoop { self.group.loops[0] }
        }

        /// Runs the body with a proxy that plays a script, and looks at what it leaves.
        private func with<Value>(
            _ script: [ScriptedServer.Step],
            backend: EventLoopBackend = .libev,
            _ body: (Fixture) async throws -> Value
        ) async throws -> Value {
            var loop = EventLoop.Configuration()
            loop.backends = [backend]
            let group = try EventLoopGroup(configuration: loop)
            return try await withScriptedServer(script) { proxy in
                let configuration = WebSocketConfiguration.with {
                    $0.eventLoopGroup = group
                    $0.proxy = .url("http://user:hunter2@127.0.0.1:\(proxy.port)")
                }
                let value = try await body(Fixture(group: group, configuration: configuration, proxy: proxy))
                await eventually("no connection is left", within: .seconds(2)) { group.loops[0].liveTunnels == 0 }
                await group.shutDown()
                return value
            }
        }

        /// The error of a connection through a proxy that plays a script.
        private func error(
            _ script: [ScriptedServer.Step],
            backend: EventLoopBackend = .libev,
            _ change: (inout WebSocketConfiguration) -> Void = { _ in }
        ) async throws -> WebSocketError? {
            try await self.with(script, backend: backend) { fixture in
                var configuration = fixture.configuration
                change(&configuration)
                let error = await openingError(Self.target, configuration)
                let text = String(describing: error)
                #expect(!text.contains("hunter2") && !text.contains("user"), "\(text)")
                #expect(text.contains("127.0.0.1:\(fixture.proxy.port)") || error?.code == .timedOut, "\(text)")
                return error
            }
        }

        // MARK: Refusals

        @Test(arguments: EventLoopBackend.allCases, [403, 407, 502, 503, 302, 101])
        func `a refusal tells status, headers and body`(backend: EventLoopBackend, status: Int) async throws {
            let answer = "HTTP/1.1 \(status) No\r\nX-Why: because\r\nContent-Length: 9\r\n\r\nforbidden and more"
            for end in [ScriptedServer.Step.waitForEndOfStream, .close] {
                let error = try await self.error([.expectUpgrade, .send(answer), end], backend: backend)
                #expect(error?.code == .proxyRefused)
                #expect(error?.handshake?.status == status)
                #expect(error?.handshake?.headers["x-why"] == "because")
                let body = String(decoding: error?.handshake?.bodyPrefix ?? [], as: UTF8.self)
                #expect(body == (status == 101 ? "" : "forbidden"))
                #expect(error?.message.contains("server.invalid:8443") == true)
                #expect(error?.isRetryable == (status >= 500))
            }
        }

        @Test(arguments: [
            ("Content-Length: 10\r\n\r\n0123456789", "0123456789"),
            ("Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n", "0123456789"),
            ("Connection: close\r\n\r\n0123456789abcdefghij", "0123456789abcdef"),
            ("Content-Length: 1000000000000\r\n\r\n0123456789abcdefghij", "0123456789abcdef"),
        ])
        func `a refusal one byte at a time`(rest: String, expected: String) async throws {
            let answer = Array("HTTP/1.1 403 Forbidden\r\n\(rest)".utf8)
            let interval = Duration.microseconds(200)
            let steps: [ScriptedServer.Step] = [.expectUpgrade, .send(answer, inChunksOf: 1, interval: interval)]
            let error = try await self.error(steps) { $0.limits.refusalBodySize = 16 }
            #expect(error?.code == .proxyRefused)
            #expect(String(decoding: error?.handshake?.bodyPrefix ?? [], as: UTF8.self) == expected)
        }

        @Test func `what is said about credentials`() async throws {
            let steps: [ScriptedServer.Step] = [.expectUpgrade, .send("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")]
            let wrong = try await self.error(steps)
            #expect(wrong?.message.contains("does not take the credentials") == true)
            let none = try await self.with(steps) { fixture in
                await openingError(
                    Self.target,
                    .with { $0.proxy = .http(host: "127.0.0.1", port: fixture.proxy.port) }
                )
            }
            #expect(none?.code == .proxyRefused)
            #expect(none?.message.contains("wants credentials") == true)
        }

        @Test func `a proxy that checks credentials`() async throws {
            try await withRelayingProxy(RelayingProxy.Configuration(authorization: "Basic bWU6c2VjcmV0")) { proxy in
                for credentials in [nil, ProxyConfiguration.Credentials(user: "me", password: "wrong")] {
                    let through = ProxyConfiguration.http(host: "127.0.0.1", port: proxy.port, credentials: credentials)
                    let error = await openingError(Self.target, .with { $0.proxy = through })
                    #expect(error?.code == .proxyRefused)
                    #expect(error?.handshake?.status == 407)
                    #expect(error?.handshake?.headers["Proxy-Authenticate"] == "Basic realm=\"test\"")
                    #expect(error?.handshake?.bodyPrefix == Array("credentials, please".utf8))
                }
            }
        }

        @Test func `a refusal whose body does not end is one at the deadline`() async throws {
            let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nfor"
            let error = try await self.error([.expectUpgrade, .send(answer), .waitForEndOfStream]) {
                $0.deadlines.open = .seconds(1)
            }
            #expect(error?.code == .proxyRefused)
            #expect(error?.handshake?.status == 403)
        }

        // MARK: No answer that could be understood

        @Test(arguments: EventLoopBackend.allCases)
        func `an end without an answer`(backend: EventLoopBackend) async throws {
            for steps in [[ScriptedServer.Step.close], [.expectUpgrade, .close], [.expectUpgrade, .shutdownWrite]] {
                let error = try await self.error(steps, backend: backend)
                #expect(error?.code == .proxyFailed)
                #expect(error?.isRetryable == true)
            }
            let half = try await self.error([.expectUpgrade, .send("HTTP/1.1 200 OK\r\n"), .close], backend: backend)
            #expect(half?.code == .proxyFailed)
            let reset = try await self.error([.expectUpgrade, .reset], backend: backend)
            #expect(reset?.code == .proxyFailed)
        }

        @Test func `what is no HTTP ends it at once`() async throws {
            for greeting in ["SSH-2.0-OpenSSH_9.2", "\u{5}\u{0}", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"] {
                let error = try await self.error([.send(greeting), .waitForEndOfStream])
                #expect(error?.code == .proxyFailed)
                #expect(error?.message.contains("not HTTP") == true, "\(String(describing: error))")
            }
        }

        @Test(arguments: [
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 1_000),
            "HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 200),
            String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 100),
        ])
        func `a head without end is cut off at the limit`(answer: String) async throws {
            let error = try await self.error([.expectUpgrade, .send(answer), .waitForEndOfStream]) {
                $0.limits.responseHeadSize = 512
            }
            #expect(error?.code == .proxyFailed)
            #expect(error?.message.contains("512 bytes") == true, "\(String(describing: error))")
        }

        @Test func `bytes behind the answer are not taken for the server's`() async throws {
            let error = try await self.error([
                .expectUpgrade, .send("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Fine\r\n\r\n"),
            ])
            #expect(error?.code == .proxyFailed)
            #expect(error?.message.contains("behind its answer") == true)
        }

        @Test func `a server behind the proxy that fails TLS or the upgrade`() async throws {
            let tunnel = ScriptedServer.Step.send("HTTP/1.1 200 OK\r\n\r\n")
            let tls = try await self.with([.expectUpgrade, tunnel, .close]) {
                await openingError(Self.target, $0.configuration)
            }
            #expect(tls?.code == .tlsFailed)
            #expect(tls?.message.contains("server.invalid") == true)
            let upgrade = try await self.with([.expectUpgrade, tunnel, .expectUpgrade, .close]) {
                await openingError("ws://server.invalid/", $0.configuration)
            }
            #expect(upgrade?.code == .transportFailed)
            let refusal = try await self.with([
                .expectUpgrade, tunnel, .expectUpgrade, .send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
            ]) {
                await openingError("ws://server.invalid/", $0.configuration)
            }
            #expect(refusal?.code == .upgradeRefused)
        }

        // MARK: Time

        @Test(arguments: EventLoopBackend.allCases)
        func `silence ends at the deadline, which names the phase, and costs nothing`(
            backend: EventLoopBackend
        ) async throws {
            // In a process of its own: the CPU time of the loop's thread is measured.
            await #expect(processExitsWith: .success) { [name = backend.rawValue as String] in
                var loop = EventLoop.Configuration()
                loop.backends = [try #require(EventLoopBackend(rawValue: name))]
                let group = try EventLoopGroup(configuration: loop)
                try await withScriptedServer([.expectUpgrade, .waitForEndOfStream]) { proxy in
                    let configuration = WebSocketConfiguration.with {
                        $0.eventLoopGroup = group
                        $0.proxy = .http(host: "127.0.0.1", port: proxy.port)
                        $0.deadlines.open = .milliseconds(500)
                    }
                    let error = await openingError(Self.target, configuration)
                    #expect(error?.code == .timedOut)
                    #expect(error?.message.contains("\"proxy\"") == true, "\(String(describing: error))")
                    await eventually("no connection is left", within: .seconds(2)) { group.loops[0].liveTunnels == 0 }
                    // A loop that turned on and on would have used nearly all of the time.
                    #expect(ProcessCensus.cpuTime(ofThreadsNamed: "nova-loop") < .milliseconds(200))
                }
                await group.shutDown()
            }
        }

        @Test func `F27 the proxy's own deadline`() async throws {
            try await withScriptedServer([.expectUpgrade, .waitForEndOfStream]) { proxy in
                let configuration = WebSocketConfiguration.with {
                    $0.proxy = .http(host: "127.0.0.1", port: proxy.port)
                    $0.deadlines.proxy = .milliseconds(200)
                }
                let error = await openingError(Self.target, configuration)
                #expect(error?.code == .timedOut)
                #expect(error?.deadline?.kind == .proxy, "\(String(describing: error))")
                #expect(error?.message.contains("deadlines.proxy") == true, "\(String(describing: error))")
            }
        }

        @Test func `cancellation while the proxy is silent`() async throws {
            // In a process of its own: descriptors are counted.
            await #expect(processExitsWith: .success) {
                let group = try EventLoopGroup()
                try await openRuntimeTimers()
                var census: ProcessCensus?
                for number in 0..<20 {
                    try await withScriptedServer([.expectUpgrade, .mark("asked"), .waitForEndOfStream]) { proxy in
                        let configuration = WebSocketConfiguration.with {
                            $0.eventLoopGroup = group
                            $0.proxy = .http(host: "127.0.0.1", port: proxy.port)
                        }
                        let attempt = Task {
                            try await WebSocket.connect(to: Self.target, configuration: configuration)
                        }
                        try await proxy.reached("asked")
                        let stopwatch = Stopwatch()
                        attempt.cancel()
                        await #expect(throws: CancellationError.self) { try await attempt.value }
                        #expect(stopwatch.elapsedInMotion < .seconds(2))
                        _ = try await proxy.finished()
                        await eventually("no connection is left") { group.loops[0].liveTunnels == 0 }
                    }
                    // The first one leaves what the loop keeps to watch with.
                    if number == 0 { census = ProcessCensus.take() }
                }
                let before = try #require(census)
                await eventually("descriptors are as before: \(before)") {
                    ProcessCensus.take().descriptors <= before.descriptors
                }
                await group.shutDown()
            }
        }

        // MARK: The way to the proxy

        @Test func `a proxy without an address`() async throws {
            let configuration = WebSocketConfiguration.with {
                $0.proxy = .http(host: "proxy.invalid", port: 3128)
                $0.deadlines.open = .seconds(30)
            }
            let error = await openingError(Self.target, configuration)
            #expect(error?.code == .resolveFailed)
            #expect(error?.message.contains("proxy.invalid") == true)
        }

        @Test func `a proxy on which nobody listens`() async throws {
            let port = try unusedPort()
            let error = await openingError(Self.target, .with { $0.proxy = .http(host: "127.0.0.1", port: port) })
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("the proxy http://127.0.0.1:\(port)") == true)
        }

        @Test func `a loop that is shut down while the proxy is silent`() async throws {
            let group = try EventLoopGroup()
            try await withScriptedServer([.expectUpgrade, .mark("asked"), .waitForEndOfStream]) { proxy in
                let configuration = WebSocketConfiguration.with {
                    $0.eventLoopGroup = group
                    $0.proxy = .http(host: "127.0.0.1", port: proxy.port)
                }
                async let error = openingError(Self.target, configuration)
                try await proxy.reached("asked")
                await group.shutDown()
                #expect(await error?.code == .loopShutDown)
            }
        }
    }
}
