import Glibc
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("The exit of the process", .timeLimit(.minutes(1)))
    struct ExitTests {
        /// The connections are busy on their loop's thread while the process takes itself apart.
        @Test(arguments: [false, true])
        func `a process may exit while connections are open and busy`(isTLS: Bool) async {
            for _ in 0..<5 {
                await #expect(processExitsWith: .success) { [isTLS] in
                    let server = try EchoServer(configuration: EchoServer.Configuration(isTLS: isTLS))
                    var configuration = WebSocketConfiguration()
                    configuration.tls.trustRoots = .pem(server.certificatePEM)
                    var echoes: [AsyncStream<Void>] = []
                    for _ in 0..<4 {
                        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
                        echoes.append(stream)
                        let socket = try await WebSocket.connect(to: server.url, configuration: configuration) {
                            context,
                            _,
                            _ in
                            try? context.send("again")
                            continuation.yield()
                        }
                        for _ in 0..<50 { try await socket.send("first") }
                        Task { _ = try await socket.waitUntilClosed() }
                    }
                    for echo in echoes { for await _ in echo { break } }
                    exit(0)
                }
            }
        }
    }
}
