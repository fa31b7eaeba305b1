import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Bursts of messages", .timeLimit(.minutes(1)))
    struct BurstTests {
        /// The loop holds back the end of a burst that it sees a part of. Nothing follows it, and nobody tells the loop of it a
        /// second time.
        @Test(arguments: [(highWaterMark: 1 << 20, size: 16), (1 << 20, 4096), (300, 16), (1, 16)])
        func `the last message of a burst goes out, however the burst meets the writes`(
            highWaterMark: Int,
            size: Int
        ) async throws {
            try await withEchoServer { server in
                var configuration = WebSocketConfiguration()
                configuration.limits.outboundHighWaterMark = highWaterMark
                try await withWebSocket(to: server.url, configuration: configuration) { socket in
                    for burst in 0..<250 {
                        // From one message, which is not held back, to more than are worth a write at once.
                        let count = 1 + (burst &* 7919) % (burst % 10 == 0 ? 600 : 60)
                        for number in 0..<count {
                            try await socket.send([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size))
                        }
                        for number in 0..<count {
                            let expected = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
                            guard try await socket.nextMessage() == .binary(expected) else {
                                Issue.record("burst \(burst), message \(number) of \(count)")
                                return
                            }
                        }
                    }
                }
            }
        }
    }
}
