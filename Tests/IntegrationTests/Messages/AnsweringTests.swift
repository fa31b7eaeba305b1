import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// The first answer to what has come may go out without the event loop, everything else goes with it.
    @Suite("Answering while others send", .timeLimit(.minutes(1)))
    struct AnsweringTests {
        @Test(arguments: EventLoopBackend.allCases)
        func `answers and other messages arrive whole, each sender's in order`(backend: EventLoopBackend) async throws {
            let senders = 4
            let count = 500
            var loop = EventLoop.Configuration()
            loop.backends = [backend]
            let group = try EventLoopGroup(loopCount: 1, configuration: loop)
            try await withEchoServer { server in
                try await withWebSocket(to: server.url, configuration: .with { $0.eventLoopGroup = group }) { socket in
                    try await withThrowingTaskGroup(of: Void.self) { tasks in
                        for sender in 0..<senders {
                            tasks.addTask {
                                for number in 0..<count {
                                    try await socket.send(
                                        "\(sender) \(number) " + String(repeating: "x", count: number + 1)
                                    )
                                    if number % 16 == 0 { await Task.yield() }
                                }
                            }
                        }
                        var next: [Substring: Int] = [:]
                        for _ in 0..<2 * senders * count {
                            guard case .text(let text) = try await socket.nextMessage() else {
                                Issue.record("no text")
                                break
                            }
                            let parts = text.split(separator: " ")
                            let number = try #require(parts.count == 3 ? Int(parts[1]) : nil)
                            #expect(next[parts[0], default: 0] == number)
                            #expect(parts[2].count == number + 1 + (parts[0].hasPrefix("re") ? 1 : 0))
                            next[parts[0]] = number + 1
                            if !parts[0].hasPrefix("re") { try await socket.send("re" + text + "x") }
                        }
                        try await tasks.waitForAll()
                    }
                }
            }
            await group.shutDown()
        }
    }
}
