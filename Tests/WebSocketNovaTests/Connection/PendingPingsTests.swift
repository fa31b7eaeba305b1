import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("Pings that wait for their pongs", .timeLimit(.minutes(1)))
struct PendingPingsTests {
    /// What a ping's caller got.
    enum Outcome: Equatable {
        case answered
        case givenUp
        case left
    }

    struct GivenUp: Error {}

    /// Runs the body with a ping under way for each payload, the frame of the n-th ending at position 10 n, and tells what
    /// became of each.
    private func outcomes(
        _ payloads: [[UInt8]],
        _ body: (inout PendingPings, [UInt64]) -> Void
    ) async -> [Outcome] {
        var pings = PendingPings()
        var ids: [UInt64] = []
        var tasks: [Task<Duration, any Error>] = []
        for payload in payloads {
            let (stream, registration) = AsyncStream<CheckedContinuation<Duration, any Error>>.makeStream()
            tasks.append(Task { try await withCheckedThrowingContinuation { registration.yield($0) } })
            for await continuation in stream {
                ids.append(pings.makeID())
                pings.append(
                    PendingPings.Ping(
                        id: ids.last ?? 0,
                        payload: payload,
                        end: UInt64(10 * ids.count),
                        sent: .zero,
                        continuation: continuation
                    )
                )
                break
            }
        }
        body(&pings, ids)
        for ping in pings.takeAll() { ping.continuation?.resume(throwing: CancellationError()) }
        #expect(pings.count == 0)
        var outcomes: [Outcome] = []
        for task in tasks {
            switch await task.result {
            case .success: outcomes.append(.answered)
            case .failure(is GivenUp): outcomes.append(.givenUp)
            case .failure: outcomes.append(.left)
            }
        }
        return outcomes
    }

    private func answer(_ pings: inout PendingPings, with payload: [UInt8]) {
        payload.withUnsafeBytes { payload in
            for ping in pings.takeAnswered(by: payload) { ping.continuation?.resume(returning: .seconds(1)) }
        }
    }

    private func giveUp(_ pings: inout PendingPings, _ id: UInt64) {
        pings.giveUp(id)?.resume(throwing: GivenUp())
    }

    private static let three: [[UInt8]] = [[1], [2, 2], []]

    @Test func `a pong answers its ping and all before it`() async {
        for last in 0..<3 {
            let outcomes = await self.outcomes(Self.three) { pings, _ in
                self.answer(&pings, with: Self.three[last])
                #expect(pings.count == 2 - last)
                // The same pong again answers nobody.
                self.answer(&pings, with: Self.three[last])
                #expect(pings.count == 2 - last)
            }
            #expect(outcomes == (0..<3).map { $0 <= last ? .answered : .left })
        }
    }

    @Test func `other pongs answer nobody`() async {
        let outcomes = await self.outcomes([[1], [2, 2], [3, 3]]) { pings, _ in
            for payload: [UInt8] in [[], [2], [2, 2, 0], [3, 2], [0]] { self.answer(&pings, with: payload) }
            #expect(pings.count == 3)
        }
        #expect(outcomes == [.left, .left, .left])
    }

    @Test func `of pings with one payload, the oldest is answered`() async {
        let outcomes = await self.outcomes([[7], [7], [7]]) { pings, _ in
            self.answer(&pings, with: [7])
            #expect(pings.count == 2)
            self.answer(&pings, with: [7])
        }
        #expect(outcomes == [.answered, .answered, .left])
    }

    @Test func `a ping that is written can be given up`() async {
        let outcomes = await self.outcomes(Self.three) { pings, ids in
            _ = pings.written(upTo: 30, taken: 30, at: .zero)
            self.giveUp(&pings, ids[1])
            self.giveUp(&pings, ids[1])
            // Its late pong answers nobody, and is no pong of those before it.
            self.answer(&pings, with: Self.three[1])
            #expect(pings.count == 2)
            self.answer(&pings, with: Self.three[2])
        }
        #expect(outcomes == [.answered, .givenUp, .answered])
    }

    @Test func `one that is not written counts until it is`() async {
        let outcomes = await self.outcomes(Self.three) { pings, ids in
            self.giveUp(&pings, ids[0])
            self.giveUp(&pings, ids[1])
            #expect(pings.count == 3)
            _ = pings.written(upTo: 19, taken: 19, at: .zero)
            #expect(pings.count == 2)
            _ = pings.written(upTo: 20, taken: 20, at: .zero)
            #expect(pings.count == 1)
            #expect(pings.hasUnwritten)
            _ = pings.written(upTo: 30, taken: 30, at: .zero)
            #expect(!pings.hasUnwritten)
        }
        #expect(outcomes == [.givenUp, .givenUp, .left])
    }

    @Test func `the time of a ping is that of its writing`() {
        var pings = PendingPings()
        for number in 1...2 {
            let end = UInt64(number * 10)
            pings.append(.init(id: end, payload: [UInt8(number)], end: end, sent: .seconds(number), isOwn: false))
        }
        let step1 = pings.written(upTo: 15, taken: 15, at: .seconds(5))
        #expect(!step1)
        let step2 = pings.written(upTo: 15, taken: 15, at: .seconds(6))
        #expect(!step2)
        #expect(pings.hasUnwritten)
        // The channel has the second, and cannot say yet whether the kernel has.
        let step3 = pings.written(upTo: 15, taken: 20, at: .seconds(7))
        let step4 = pings.written(upTo: 15, taken: 25, at: .seconds(8))
        #expect(!step3 && !step4)
        #expect(pings.hasUnwritten)
        // Nobody waits for the first, so that it is gone.
        let sent = pings.takeAll().map(\.sent)
        #expect(sent == [.seconds(7)])
    }

    @Test func `of the connection's own there is one, and it does not count`() {
        var pings = PendingPings()
        let first = pings.makePayload()
        let second = pings.makePayload()
        #expect(first.count == 8 && first != second)
        pings.append(.init(id: 1, payload: first, end: 10, sent: .seconds(1), isOwn: true))
        let step1 = pings.written(upTo: 10, taken: 10, at: .seconds(2))
        #expect(step1)
        pings.append(.init(id: 2, payload: second, end: 20, sent: .seconds(3), isOwn: true))
        #expect(pings.count == 0)
        #expect(pings.hasUnwritten)
        let step2 = pings.written(upTo: 19, taken: 19, at: .seconds(4))
        #expect(!step2)
        let step3 = pings.written(upTo: 20, taken: 20, at: .seconds(5))
        #expect(step3)
        let late = first.withUnsafeBytes { pings.takeAnswered(by: $0) }
        #expect(late.isEmpty)
        let answered = second.withUnsafeBytes { pings.takeAnswered(by: $0) }
        #expect(answered.map(\.sent) == [.seconds(5)])
    }
}
