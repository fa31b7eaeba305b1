import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Pings that wait for their pongs", .timeLimit(.minutes(1)))
struct PendingPingsTests {
    private func bytes(_ payload: UInt64) -> [UInt8] { withUnsafeBytes(of: payload.bigEndian) { Array($0) } }

    /// Runs the body with three pings under way, and tells which of them were answered by it.
    private func answered(_ body: (inout PendingPings, [UInt64]) -> Void) async -> [Bool] {
        var pings = PendingPings()
        let payloads = (0..<3).map { _ in pings.makePayload() }
        var tasks: [Task<Duration, any Error>] = []
        for payload in payloads {
            let (stream, registration) = AsyncStream<CheckedContinuation<Duration, any Error>>.makeStream()
            tasks.append(Task { try await withCheckedThrowingContinuation { registration.yield($0) } })
            for await continuation in stream {
                pings.append(PendingPings.Ping(payload: payload, sent: .zero, continuation: continuation))
                break
            }
        }
        body(&pings, payloads)
        #expect(Set(payloads).count == 3)
        for ping in pings.takeAll() { ping.continuation.resume(throwing: CancellationError()) }
        #expect(pings.count == 0)
        var answered: [Bool] = []
        for task in tasks { answered.append((try? await task.value) != nil) }
        return answered
    }

    private func answer(_ pings: inout PendingPings, with payload: [UInt8]) {
        payload.withUnsafeBytes { payload in
            for ping in pings.takeAnswered(by: payload) { ping.continuation.resume(returning: .seconds(1)) }
        }
    }

    @Test func `a pong answers its ping and all before it`() async {
        for last in 0..<3 {
            let answered = await self.answered { pings, payloads in
                self.answer(&pings, with: self.bytes(payloads[last]))
                #expect(pings.count == 2 - last)
                // The same pong again answers nobody.
                self.answer(&pings, with: self.bytes(payloads[last]))
                #expect(pings.count == 2 - last)
            }
            #expect(answered == (0..<3).map { $0 <= last })
        }
    }

    @Test func `other pongs answer nobody`() async {
        let answered = await self.answered { pings, payloads in
            self.answer(&pings, with: [])
            self.answer(&pings, with: Array(self.bytes(payloads[0]).dropLast()))
            self.answer(&pings, with: self.bytes(payloads[0]) + [0])
            self.answer(&pings, with: self.bytes(payloads[2] &+ 1))
            self.answer(&pings, with: self.bytes(payloads[0] &- 1))
            #expect(pings.count == 3)
        }
        #expect(answered == [false, false, false])
    }

    @Test func `a ping can be given up`() async {
        let answered = await self.answered { pings, payloads in
            pings.take(payloads[1])?.continuation.resume(throwing: CancellationError())
            #expect(pings.take(payloads[1])?.payload == nil)
            // Its late pong answers nobody, and is no pong of those before it.
            self.answer(&pings, with: self.bytes(payloads[1]))
            #expect(pings.count == 2)
            self.answer(&pings, with: self.bytes(payloads[2]))
        }
        #expect(answered == [true, false, true])
    }
}
