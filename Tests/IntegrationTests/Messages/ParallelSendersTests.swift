import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Parallel senders", .timeLimit(.minutes(1)))
    struct ParallelSendersTests {
        private static let senders = 8
        private static let each = 250

        /// One sender's message, of a length of its own: the number, and what it says of itself.
        private static func text(_ sender: Int, _ number: Int) -> String {
            "\(sender) \(number) " + String(repeating: Character("\(sender)"), count: number * 37 % 3_000)
        }

        /// Run by scripts/sanitize thread as all tests are: what the senders share is looked at there.
        @Test func `F90 messages come back whole, and each sender's in its order`() async throws {
            try await withEchoServer { server in
                let closed = try await withWebSocket(to: server.url) { socket in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for sender in 0..<Self.senders {
                            group.addTask {
                                for number in 0..<Self.each {
                                    try await socket.send(Self.text(sender, number))
                                    if number % 50 == 0 { try await socket.ping() }
                                }
                            }
                        }
                        group.addTask { try await Self.receive(socket) }
                        try await group.waitForAll()
                    }
                }
                #expect(closed.wasClean)
            }
        }

        private static func receive(_ socket: WebSocket) async throws {
            var next = [Int](repeating: 0, count: Self.senders)
            for _ in 0..<Self.senders * Self.each {
                guard case .text(let text)? = try await socket.nextMessage() else { break }
                let sender = try #require(text.first?.wholeNumberValue)
                try #require(next.indices.contains(sender))
                #expect(text == Self.text(sender, next[sender]))
                next[sender] += 1
            }
            #expect(next == [Int](repeating: Self.each, count: Self.senders))
        }
    }
}
