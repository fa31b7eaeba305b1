import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A connection to the echo server", .timeLimit(.minutes(1)))
    struct EchoTests {
        @Test("F23, F29, F30: Text and binary messages come back as they went")
        func echo() async throws {
            try await withEchoServer { server in
                let closed = try await withWebSocket(to: server.url) { socket in
                    try await socket.send("hello")
                    #expect(try await socket.nextMessage() == .text("hello"))
                    try await socket.send([1, 2, 3])
                    #expect(try await socket.nextMessage() == .binary([1, 2, 3]))
                    try await socket.send("")
                    #expect(try await socket.nextMessage() == .text(""))
                }
                #expect(closed.code == .normalClosure)
                #expect(closed.initiator == .local)
                #expect(closed.wasClean)
            }
        }

        @Test(
            "F30, F35: Messages of every length form come back",
            arguments: [0, 1, 125, 126, 65_535, 65_536, 300_000, 1 << 20]
        )
        func sizes(size: Int) async throws {
            try await withEchoServer { server in
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try await withWebSocket(to: server.url) { socket in
                    for _ in 0..<3 {
                        try await socket.send(bytes)
                        #expect(try await socket.nextMessage() == .binary(bytes))
                    }
                }
            }
        }

        @Test("F80: A ping gives the round trip")
        func ping() async throws {
            try await withEchoServer { server in
                try await withWebSocket(to: server.url) { socket in
                    let roundTrip = try await socket.ping()
                    #expect(roundTrip > .zero)
                }
            }
        }
    }
}
