import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("Large messages in fragments", .timeLimit(.minutes(1)))
    struct LargeMessageTests {
        typealias Frame = ScriptedServer.Frame

        /// A message in frames of random sizes, empty ones among them, with pings in between.
        private static func frames(
            _ opcode: Frame.Opcode,
            _ payload: [UInt8],
            _ random: inout SeededGenerator
        ) -> [UInt8] {
            var bytes: [UInt8] = []
            var begin = 0
            repeat {
                let end = min(payload.count, begin + Int.random(in: 0...100_000, using: &random))
                let kind: Frame.Opcode = begin == 0 && bytes.isEmpty ? opcode : .continuation
                bytes += Frame(kind, Array(payload[begin..<end]), isFinal: end == payload.count).encoded
                if end < payload.count { bytes += Frame(.ping, [UInt8(truncatingIfNeeded: end)]).encoded }
                begin = end
            } while begin < payload.count
            return bytes
        }

        @Test(arguments: [1, 2, 3] as [UInt64])
        func `F35 messages of 1 MiB and more in fragments arrive whole, however they are cut`(seed: UInt64) async throws
        {
            var random = SeededGenerator(seed: seed)
            let binary = random.bytes(1 << 20)
            // 1.75 bytes each on average: more than 1 MiB.
            let text = random.text(650_000)
            #expect(text.count >= 1 << 20)
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Self.frames(.binary, binary, &random), inChunksOf: 9_973),
                .send(Self.frames(.text, text, &random)), .send(Frame.close(1000)), .receiveFrame,
            ]
            try await withScript(script, .with { $0.limits.messageSize = 2 << 20 }) { socket, _ in
                let (messages, error) = await socket.readToEnd()
                #expect(error == nil, "seed \(seed)")
                #expect(messages.count == 2, "seed \(seed)")
                #expect(messages.first == .binary(binary), "seed \(seed)")
                #expect(messages.last == .text(String(decoding: text, as: UTF8.self)), "seed \(seed)")
            }
        }

        @Test func `a small message behind a large one that came in pieces is told at once`() async throws {
            let large = [UInt8](repeating: 7, count: 1 << 20)
            var script: [ScriptedServer.Step] = [.acceptUpgrade()]
            for _ in 0..<3 {
                script += [
                    .send(Frame(.binary, large).encoded, inChunksOf: 50_000), .receiveFrame, .send(Frame.text("small")),
                    .receiveFrame,
                ]
            }
            script += [.send(Frame.close(1000)), .receiveFrame]
            // A ping would bring the small message to light.
            try await withScript(script, .with { $0.keepalive = .off }) { socket, _ in
                for _ in 0..<3 {
                    #expect(try await socket.nextMessage() == .binary(large))
                    try await socket.send("taken")
                    #expect(try await socket.nextMessage() == .text("small"))
                    try await socket.send("taken")
                }
                #expect(await socket.readToEnd().error == nil)
            }
        }

        @Test func `the end of the stream in the middle of a large message is told at once`() async throws {
            let part = Frame(.binary, [UInt8](repeating: 7, count: 1 << 20)).encoded.prefix(300_000)
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .send(Array(part), inChunksOf: 50_000), .shutdownWrite, .waitForEndOfStream,
            ]
            try await withScript(script) { socket, _ in
                let (messages, error) = await socket.readToEnd()
                #expect(messages.isEmpty)
                #expect((error as? WebSocketError)?.code == .transportFailed)
            }
        }
    }
}
