import TestSupport
import Testing

@testable import WebSocketNova

@Suite("Back-off")
struct BackoffTests {
    private func delays(_ backoff: Backoff, _ attempts: ClosedRange<Int>, seed: UInt64 = 1) -> [Duration?] {
        var random = SeededGenerator(seed: seed)
        return attempts.map { backoff.delay(before: $0, using: &random) }
    }

    @Test func `F71 linear delays are all the base`() {
        #expect(self.delays(Backoff(growth: .linear), 1...5) == Array(repeating: .seconds(1), count: 5))
    }

    /// The bounds of each growth, attempt by attempt, in seconds.
    @Test(
        arguments: [
            (.exponential, [1...1.1, 2...2.2, 4...4.4, 8...8.8, 16...17.6, 30...30, 30...30]),
            (.jittered, [0.8...1.2, 1.6...2.4, 2.4...3.6, 3.2...4.8, 4...6]),
            (.fullJitter, [0...1, 0...2, 0...4, 0...8, 0...16, 0...30, 0...30]),
        ] as [(Backoff.Growth, [ClosedRange<Double>])]
    )
    func `F71 delays stay within their bounds and differ`(growth: Backoff.Growth, bounds: [ClosedRange<Double>]) {
        let backoff = Backoff(growth: growth, limit: .unlimited)
        var seen: [Set<Duration>] = Array(repeating: [], count: bounds.count)
        for seed in 0..<200 as Range<UInt64> {
            for (index, delay) in self.delays(backoff, 1...bounds.count, seed: seed).enumerated() {
                guard let delay else {
                    Issue.record("seed \(seed): no attempt \(index + 1)")
                    return
                }
                #expect(bounds[index].contains(delay / .seconds(1)), "seed \(seed), attempt \(index + 1)")
                seen[index].insert(delay)
            }
        }
        for (index, range) in bounds.enumerated() where range.lowerBound < range.upperBound {
            #expect(seen[index].count > 100, "attempt \(index + 1)")
        }
    }

    @Test func `F71 one seed gives one sequence`() {
        let backoff = Backoff(growth: .fullJitter)
        #expect(self.delays(backoff, 1...5, seed: 7) == self.delays(backoff, 1...5, seed: 7))
        #expect(self.delays(backoff, 1...5, seed: 7) != self.delays(backoff, 1...5, seed: 8))
    }

    @Test(arguments: Backoff.Growth.allCases)
    func `F71 attempts end at the limit`(growth: Backoff.Growth) {
        #expect(
            self.delays(Backoff(growth: growth, limit: .limit(2)), 1...4).map { $0 == nil } == [
                false, false, true, true,
            ]
        )
        #expect(self.delays(Backoff(growth: growth, limit: .limit(0)), 1...1) == [nil])
        #expect(self.delays(Backoff(growth: growth, limit: .unlimited), 1_000_000...1_000_001).allSatisfy { $0 != nil })
    }

    @Test(arguments: Backoff.Growth.allCases)
    func `extreme values do not trap`(growth: Backoff.Growth) {
        for (base, maximum) in [
            (Duration.zero, .zero), (.seconds(1 << 40), .seconds(1 << 40)), (.nanoseconds(1), .seconds(1 << 40)),
        ]
            as [(Duration, Duration)]
        {
            let backoff = Backoff(growth: growth, base: base, maximum: maximum, limit: .unlimited)
            for delay in self.delays(backoff, 1...100) + self.delays(backoff, Int.max...Int.max)
                + self.delays(backoff, -1...0)
            {
                #expect(delay.map { $0 >= .zero && $0 <= maximum } == true)
            }
        }
    }
}
