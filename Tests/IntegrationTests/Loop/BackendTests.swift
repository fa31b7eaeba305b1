import Glibc
import LWSTransport
import Logging
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("The event loop libraries", .timeLimit(.minutes(1)))
    struct BackendTests {
        @Test(arguments: EventLoopBackend.allCases)
        func `an echo on each`(backend: EventLoopBackend) async throws {
            let log = LogCapture()
            var loop = EventLoop.Configuration()
            loop.backends = [backend]
            loop.logger = log.logger()
            let group = try EventLoopGroup(configuration: loop)
            #expect(group.loops[0].backend == backend)
            try await withEchoServer(configuration: EchoServer.Configuration(isTLS: true)) { server in
                try await withEchoServer { plain in
                    let configuration = WebSocketConfiguration.with {
                        $0.eventLoopGroup = group
                        $0.tls.trustRoots = .pem(server.certificatePEM)
                    }
                    for url in [server.url, plain.url] {
                        let closed = try await withWebSocket(to: url, configuration: configuration) { socket in
                            async let sent: Void = {
                                for number in 0..<300 {
                                    try await socket.send([UInt8](repeating: UInt8(number & 0xFF), count: number * 37))
                                }
                            }()
                            for number in 0..<300 {
                                let expected = [UInt8](repeating: UInt8(number & 0xFF), count: number * 37)
                                #expect(try await socket.nextMessage() == .binary(expected))
                            }
                            try await sent
                            #expect(try await socket.ping() > .zero)
                            #expect(try await socket.ping() < .seconds(10))
                        }
                        #expect(closed.wasClean)
                    }
                }
            }
            await group.shutDown()
            #expect(log.lines.filter { $0.level >= .warning }.isEmpty, "\(log.lines)")
        }

        @Test func `a library that is not to be had is replaced, with a warning`() async {
            await #expect(processExitsWith: .success) {
                // libev offers no other way to fail: this asks it for kqueue, which Linux has not.
                setenv("LIBEV_FLAGS", "8", 1)
                let log = LogCapture()
                var loop = EventLoop.Configuration()
                loop.logger = log.logger()
                let group = try EventLoopGroup(configuration: loop)
                #expect(group.loops[0].backend == .libuv)
                #expect(log.lines.map(\.level) == [.warning])
                #expect(log.lines.first?.metadata.contains("libev") == true)
                #expect(log.lines.first?.metadata.contains("libuv") == true)
                loop.backends = [.libev]
                let error = #expect(throws: WebSocketError.self) { try EventLoopGroup(configuration: loop) }
                #expect(error?.code == .resourceExhausted)
                try await withEchoServer { server in
                    try await withWebSocket(to: server.url, configuration: .with { $0.eventLoopGroup = group }) {
                        socket in
                        try await socket.send("still")
                        #expect(try await socket.nextMessage() == .text("still"))
                    }
                }
                await group.shutDown()
            }
        }

        @Test func `the process is as it was, and nothing is logged`() async {
            await #expect(processExitsWith: .success) {
                let log = LogCapture()
                LoggingSystem.bootstrap { _ in log.handler }
                setenv("http_proxy", "http://127.0.0.1:1", 1)
                func disposition(of signal: Int32) -> UInt {
                    var action = sigaction()
                    sigaction(signal, nil, &action)
                    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
                }
                let signals = [SIGPIPE, SIGINT, SIGTERM, SIGSEGV, SIGHUP, SIGFPE, SIGCHLD]
                var limit = rlimit()
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                let before = signals.map { disposition(of: $0) }
                for backend in EventLoopBackend.allCases {
                    var loop = EventLoop.Configuration()
                    loop.backends = [backend]
                    let group = try EventLoopGroup(loopCount: 2, configuration: loop)
                    let server = try EchoServer(configuration: EchoServer.Configuration(isTLS: true))
                    let configuration = WebSocketConfiguration.with {
                        $0.eventLoopGroup = group
                        $0.tls.trustRoots = .pem(server.certificatePEM)
                    }
                    try await withWebSocket(to: server.url, configuration: configuration) { socket in
                        try await socket.send("x")
                        #expect(try await socket.nextMessage() == .text("x"))
                    }
                    await server.stop()
                    await group.shutDown()
                }
                #expect(signals.map { disposition(of: $0) } == before)
                var after = rlimit()
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &after)
                #expect(after.rlim_cur == limit.rlim_cur && after.rlim_max == limit.rlim_max)
                #expect(log.lines.filter { $0.level >= .notice }.isEmpty, "\(log.lines)")
            }
        }
    }
}
