import Testing

@testable import WebSocketNova

@Suite("How many pings are answered, and marks")
struct PingLimiterTests {
    @Test func `so many in each second, which begins with a ping`() {
        var limiter = PingLimiter(limit: 3)
        let pings: [(milliseconds: Int, isAdmitted: Bool)] = [
            (5_000, true), (5_100, true), (5_999, true), (5_999, false), (5_999, false),
            (6_000, true), (6_000, true), (6_500, true), (6_999, false),
            (9_500, true), (10_499, true), (10_499, true), (10_499, false), (10_500, true),
        ]
        for (time, isAdmitted) in pings {
            #expect(limiter.admits(at: .milliseconds(time)) == isAdmitted, "at \(time)")
        }
        #expect(limiter.end == .milliseconds(11_500))
    }

    @Test func `low marks are half of the high ones, or as they were given`() {
        #expect(WaterMarks(high: 100).low == 50)
        #expect(WaterMarks(high: 1).low == 0)
        #expect(WaterMarks(high: 100, low: 0).low == 0)
        #expect(WaterMarks(high: .max, low: .max).low == .max)
    }
}
