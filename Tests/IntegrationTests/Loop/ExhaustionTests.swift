import Glibc
import LWSTransport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A process without descriptors", .timeLimit(.minutes(1)))
    struct ExhaustionTests {
        /// In a process of its own, which it deprives of its descriptors.
        @Test func `opening fails, leaves nothing, and works again later`() async {
            await #expect(processExitsWith: .success) {
                try await withEchoServer { server in
                    let group = try EventLoopGroup()
                    let configuration = WebSocketConfiguration.with { $0.eventLoopGroup = group }
                    let url = server.url
                    try await withWebSocket(to: url, configuration: configuration) { _ in }
                    var taken: [Int32] = []
                    while true {
                        let descriptor = open("/dev/null", O_RDONLY)
                        guard descriptor >= 0 else { break }
                        taken.append(descriptor)
                    }
                    for address in [url, "ws://localhost:\(server.port)/"] {
                        let error = await openingError(address, configuration)
                        #expect(error?.code == .resourceExhausted, "\(String(describing: error))")
                        #expect(error?.message.contains("RLIMIT_NOFILE") == true, "\(String(describing: error))")
                        #expect(error?.isRetryable == true)
                        #expect(group.loops[0].liveTunnels == 0)
                    }
                    let error = #expect(throws: WebSocketError.self) { try EventLoopGroup() }
                    #expect(error?.code == .resourceExhausted)
                    for descriptor in taken { close(descriptor) }
                    try await withWebSocket(to: url, configuration: configuration) { socket in
                        try await socket.send("again")
                        #expect(try await socket.nextMessage() == .text("again"))
                    }
                    await group.shutDown()
                }
            }
        }
    }
}
