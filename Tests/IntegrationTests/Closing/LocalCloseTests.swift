import TestSupport
import Testing
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    @Suite("A close of this side's", .timeLimit(.minutes(1)))
    struct LocalCloseTests {
        typealias Frame = ScriptedServer.Frame

        @Test(arguments: [(1000, ""), (1001, "é"), (4001, String(repeating: "r", count: 123))] as [(UInt16, String)])
        func `F55 code and reason are on the wire, and the peer's answer is awaited`(
            code: UInt16,
            reason: String
        ) async throws {
            let script: [ScriptedServer.Step] = [
                .acceptUpgrade(), .receiveFrame, .mark("asked"), .pause(until: "answer"),
                .send(Frame.close(WebSocketCloseCode(rawValue: code))), .close,
            ]
            try await withScript(script) { socket, server in
                let isOver = Locked(false)
                let closing = Task {
                    defer { isOver.value = true }
                    return try await socket.close(code: WebSocketCloseCode(rawValue: code), reason: reason)
                }
                try await server.reached("asked")
                let frames = server.transcript.first.frames
                #expect(frames.map(\.opcode) == [.close])
                #expect(frames.first?.payload == [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
                // Long enough to return without the answer, for one that would.
                try await Task.sleep(for: .milliseconds(100))  // Nothing tells that nothing happens.
                #expect(!isOver.value && socket.closeInfo == nil)
                server.proceed("answer")
                let closed = try await closing.value
                #expect(closed.wasClean && closed.initiator == .local && closed.code.rawValue == code)
            }
        }

        @Test func `F55 an answer that does not come is awaited as long as the deadline says`() async throws {
            let script: [ScriptedServer.Step] = [.acceptUpgrade(), .receiveFrame, .waitForEndOfStream]
            let limit = Duration.milliseconds(300)
            try await withScript(script, .with { $0.deadlines.close = limit }) { socket, server in
                let stopwatch = Stopwatch()
                let closed = try await socket.close(code: 4000, reason: "bye")
                let duration = stopwatch.elapsed
                #expect(duration >= limit && stopwatch.elapsedInMotion < limit + .seconds(5))
                #expect(!closed.wasClean && closed.initiator == .local && closed.code == .abnormalClosure)
                #expect(try await server.finished().first.frames.first?.payload == [0x0F, 0xA0] + Array("bye".utf8))
            }
        }
    }
}
