import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// Peers that keep to the protocol and ask for too much.
    @Suite("Limits", .timeLimit(.minutes(1)))
    struct LimitTests {
        typealias Frame = ScriptedServer.Frame
        typealias Step = ScriptedServer.Step

        struct Excess: CustomTestStringConvertible, Sendable, Codable {
            var name: String
            /// What begins it, and what is then repeated.
            var beginning: [UInt8]
            var repeated: [UInt8]
            var closeCode: UInt16

            var testDescription: String { self.name }
        }

        static let excesses = [
            Excess(
                name: "one-byte fragments",
                beginning: Frame(.binary, [1], isFinal: false).encoded,
                repeated: Frame(.continuation, [1], isFinal: false).encoded,
                closeCode: 1008
            ),
            Excess(
                name: "empty fragments",
                beginning: Frame(.text, [], isFinal: false).encoded,
                repeated: Frame(.continuation, [], isFinal: false).encoded,
                closeCode: 1008
            ),
            Excess(
                name: "one-byte fragments with pings between them",
                beginning: Frame(.binary, [1], isFinal: false).encoded,
                repeated: Frame(.continuation, [1], isFinal: false).encoded + Frame(.ping, [1]).encoded,
                closeCode: 1008
            ),
            Excess(
                name: "a message in large fragments",
                beginning: Frame(.binary, [1], isFinal: false).encoded,
                repeated: Frame(.continuation, [UInt8](repeating: 1, count: 60_000), isFinal: false).encoded,
                closeCode: 1009
            ),
        ]

        /// In a process of its own, whose memory is nobody else's.
        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"), arguments: excesses)
        func `a message without end is cut off, in little memory`(excess: Excess) async {
            await #expect(processExitsWith: .success) { [excess] in
                var some: [UInt8] = []
                while some.count < 100_000 { some += excess.repeated }
                let script: [Step] = [
                    .acceptUpgrade(), .send(excess.beginning), .pause(until: "measured"),
                    .flood(some, atMost: 64 << 20, isReading: true), .waitForEndOfStream,
                ]
                try await withScript(script, deadline: .seconds(40)) { socket, server in
                    let before = ProcessCensus.residentKiB
                    server.proceed("measured")
                    let (messages, error) = await socket.readToEnd()
                    let growth = ProcessCensus.residentKiB - before
                    #expect(messages.isEmpty)
                    let failure = error as? WebSocketError
                    #expect(failure?.code == (excess.closeCode == 1009 ? .messageTooLarge : .protocolViolation))
                    #expect(failure?.close?.code.rawValue == excess.closeCode)
                    #expect(failure?.close?.cause == .limitExceeded)
                    // The server records what it gets, here pongs.
                    #expect(growth < 8 << 10, "\(growth) KiB more")
                }
            }
        }

        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"))
        func `a frame that announces a gibibyte takes memory only as its bytes come`() async {
            await #expect(processExitsWith: .success) {
                let script: [Step] = [
                    .acceptUpgrade(), .pause(until: "measured"),
                    .send(Frame(.binary, [UInt8](repeating: 1, count: 200_000), declaredLength: 1 << 30)),
                    .send(Frame.text("x")), .mark("sent"), .waitForEndOfStream,
                ]
                let configuration = WebSocketConfiguration.with { $0.limits.messageSize = Int(Int32.max) }
                try await withScript(script, configuration) { socket, server in
                    let before = ProcessCensus.residentKiB
                    server.proceed("measured")
                    try await server.reached("sent")
                    // Time for what was sent to be taken in, of which nothing tells.
                    try await Task.sleep(for: .milliseconds(200))
                    let growth = ProcessCensus.residentKiB - before
                    #expect(growth < 4 << 10, "\(growth) KiB more")
                }
            }
        }

        // MARK: Pings

        @Test func `of more pings than are answered in a second the latest is, when it is over`() async throws {
            let pings = (0..<1_000).flatMap { Frame(.ping, Array("\($0)".utf8)).encoded }
            let script: [Step] = [
                .acceptUpgrade(), .send(pings + Frame.text("behind them").encoded), .receiveFrames(11),
                .send(Frame(.ping, Array("another".utf8))), .receiveFrame,
            ]
            try await withScript(script, .with { $0.limits.pingsPerSecond = 10 }) { socket, server in
                #expect(try await socket.nextMessage() == .text("behind them"))
                let frames = try await server.finished().first.frames
                #expect(frames.allSatisfy { $0.opcode == .pong })
                #expect(frames.map(\.text) == (0..<10).map { "\($0)" } + ["999", "another"])
            }
        }

        /// Its pongs are counted by the server: about a hundred for each second that the flood lasts.
        @Test func `a flood of pings does not become one of pongs, and messages come through`() async throws {
            let pings = [UInt8]((0..<1_000).flatMap { _ in Frame(.ping, [UInt8](repeating: 7, count: 125)).encoded })
            let stopwatch = Stopwatch()
            let script: [Step] = [
                .acceptUpgrade(), .flood(pings, atMost: 16 << 20, isReading: true), .send(Frame.text("through")),
                .receiveClose, .send(Frame.close(1000)),
            ]
            try await withScript(script) { socket, server in
                #expect(try await socket.nextMessage() == .text("through"))
                #expect(try await socket.close().wasClean)
                let pongs = try await server.finished().first.receivedFrames.count { $0.opcode == .pong }
                let seconds = Int(stopwatch.elapsed / .seconds(1)) + 2
                #expect(pongs >= 100 && pongs <= 101 * seconds, "\(pongs) in \(seconds) s")
            }
        }
    }
}
