import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Parallel senders of a client", .timeLimit(.minutes(2)))
    struct ClientSendersTests {
        private static let senders = 8
        private static let each = 200

        /// Their two ways: without asking the engine, and past a rate limiter.
        enum Way: CaseIterable { case direct, limited }

        /// One sender's message, of a length of its own: the number, and what it says of itself.
        private static func text(_ sender: Int, _ number: Int) -> String {
            "\(sender) \(number) " + String(repeating: Character("\(sender)"), count: number * 37 % 3_000)
        }

        @Test("F90, F73: messages of many tasks come back whole, and each task's in its order", arguments: Way.allCases)
        func senders(way: Way) async throws {
            try await withEchoServer { server in
                let client = try await WebSocketClient.connect(to: server.url) { configuration in
                    guard way == .limited else { return }
                    // So few at a time that most have to wait.
                    configuration.handlers.rateLimit = try DefaultRateLimitHandler(
                        capacity: 50,
                        refillRate: 50,
                        refillInterval: .milliseconds(10)
                    )
                }
                let messages = client.messages
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<Self.senders {
                        group.addTask {
                            for number in 0..<Self.each {
                                try await client.send(Self.text(sender, number))
                                if number % 50 == 0 { try await client.ping() }
                            }
                        }
                    }
                    group.addTask { try await Self.receive(messages) }
                    try await group.waitForAll()
                }
                #expect(try await client.close() == .local)
            }
        }

        @Test("F90, F79: requests and sends of many tasks do not disturb each other")
        func requests() async throws {
            try await withEchoServer { server in
                let client = try await WebSocketClient.connect(to: server.url)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in 0..<Self.senders {
                        group.addTask {
                            for number in 0..<Self.each {
                                let id = JSONValue.string("\(task) \(number)")
                                if number % 3 == 0 { try await client.send("noise \(number)") }
                                let answer = try await client.request(.json(["id": id]), correlatedBy: \.id)
                                #expect(answer.json.id == id)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await client.close() == .local)
            }
        }

        private static func receive(_ messages: ClientMessages) async throws {
            var next = [Int](repeating: 0, count: Self.senders)
            var left = Self.senders * Self.each
            for try await message in messages {
                guard case .text(let text) = message else { break }
                let sender = try #require(text.first?.wholeNumberValue)
                try #require(next.indices.contains(sender))
                #expect(text == Self.text(sender, next[sender]))
                next[sender] += 1
                left -= 1
                if left == 0 { break }
            }
            #expect(next == [Int](repeating: Self.each, count: Self.senders))
        }
    }
}
