import Testing

@testable import WebSocketNova

@Suite("Round trips")
struct RoundTripTimeTests {
    @Test func `the mean follows the latest by an eighth`() {
        var time = RoundTripTime(.milliseconds(80))
        #expect(time.latest == .milliseconds(80))
        #expect(time.smoothed == .milliseconds(80))
        time.add(.milliseconds(160))
        #expect(time.latest == .milliseconds(160))
        #expect(time.smoothed == .milliseconds(90))
        time.add(.milliseconds(10))
        #expect(time.latest == .milliseconds(10))
        #expect(time.smoothed == .milliseconds(80))
    }
}
