import Glibc
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// In processes of their own, with few descriptors.
    @Suite("The limit on descriptors", .timeLimit(.minutes(1)))
    struct DescriptorLimitTests {
        private static func lowerLimit(to count: Int) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = rlim_t(count)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }

        /// Opens connections until one fails.
        private static func openUntilFailure(
            _ url: String,
            _ configuration: WebSocketConfiguration
        ) async -> (sockets: [WebSocket], error: (any Error)?) {
            var sockets: [WebSocket] = []
            do {
                while sockets.count < 1_000 {
                    sockets.append(try await WebSocket.connect(to: url, configuration: configuration))
                }
                return (sockets, nil)
            } catch {
                return (sockets, error)
            }
        }

        private static func echo(_ text: String, on socket: WebSocket?) async throws {
            try await socket?.send(text)
            #expect(try await socket?.nextMessage() == .text(text))
        }

        @Test func `the connection beyond it fails, the others live, and closing one makes room`() async throws {
            try await withEchoServer { server in
                await #expect(processExitsWith: .success) { [url = server.url as String] in
                    Self.lowerLimit(to: 200)
                    let group = try EventLoopGroup()
                    let configuration = WebSocketConfiguration.with { $0.eventLoopGroup = group }
                    var (sockets, error) = await Self.openUntilFailure(url, configuration)
                    #expect(sockets.count > 100)
                    let limit = error as? WebSocketError
                    #expect(
                        limit?.code == .resourceExhausted && limit?.isRetryable == true,
                        "\(String(describing: error))"
                    )
                    #expect(limit?.message.contains("200 (RLIMIT_NOFILE)") == true, "\(String(describing: error))")
                    // A name has to be looked up, for which files are read; so are those with the roots to trust.
                    for other in [
                        url.replacing("127.0.0.1", with: "localhost"), url.replacing("ws:", with: "wss:"),
                    ] {
                        let error = await openingError(other, configuration)
                        #expect(error?.code == .resourceExhausted, "\(String(describing: error))")
                        #expect(error?.message.contains("RLIMIT_NOFILE") == true, "\(String(describing: error))")
                    }
                    #expect(group.loops[0].liveTunnels == sockets.count)
                    try await Self.echo("still", on: sockets.first)
                    try await sockets.popLast()?.close()
                    sockets.append(try await WebSocket.connect(to: url, configuration: configuration))
                    try await Self.echo("again", on: sockets.last)
                    await group.shutDown()
                }
            }
        }

        @Test func `so does one beyond what the loop has room for`() async throws {
            try await withEchoServer { server in
                await #expect(processExitsWith: .success) { [url = server.url as String] in
                    var loop = EventLoop.Configuration()
                    loop.maximumDescriptors = 64
                    let group = try EventLoopGroup(configuration: loop)
                    let configuration = WebSocketConfiguration.with { $0.eventLoopGroup = group }
                    let (sockets, error) = await Self.openUntilFailure(url, configuration)
                    #expect((20..<64).contains(sockets.count))
                    #expect((error as? WebSocketError)?.code == .resourceExhausted, "\(String(describing: error))")
                    #expect("\(String(describing: error))".contains("RLIMIT_NOFILE was 64"))
                    try await Self.echo("still", on: sockets.last)
                    await group.shutDown()
                }
            }
        }

        @Test(arguments: [0, 63, 1_048_577])
        func `room for too few or too many is refused by name`(count: Int) {
            var loop = EventLoop.Configuration()
            loop.maximumDescriptors = count
            let error = #expect(throws: WebSocketError.self) { try EventLoopGroup(configuration: loop) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("maximumDescriptors is \(count)") == true)
        }
    }
}
