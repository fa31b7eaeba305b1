import Testing
import WebSocketCore

@testable import WebSocketNova

@Suite("When reads wait for more to come")
struct ReadModerationTests {
    private static let limits = ReadModerationLimits(
        least: 1000,
        within: .milliseconds(10),
        mark: 300,
        delay: .milliseconds(1)
    )

    /// Bytes that come in steps of 500, each some time after the last, of which two windows are full at the fourth.
    private func begins(step: Duration, written: (Int) -> UInt64 = { _ in 0 }) -> Bool {
        var moderation = ReadModeration(Self.limits)
        var begins: [Bool] = []
        for number in 0..<4 {
            begins.append(moderation.note(500, written: written(number), now: step * number))
        }
        #expect(begins.dropLast().allSatisfy { !$0 })
        #expect(moderation.isOn == begins[3])
        #expect(moderation.awaitedBytes == (begins[3] ? 300 : 0))
        return begins[3]
    }

    @Test func `it begins when much comes in a short time, and nothing is sent meanwhile`() {
        #expect(self.begins(step: .milliseconds(5)))
        #expect(!self.begins(step: .microseconds(5001)))
        #expect(!self.begins(step: .milliseconds(5)) { $0 == 3 ? 1 : 0 })
        #expect(self.begins(step: .milliseconds(5)) { $0 == 0 ? 0 : 1 })
    }

    private func begun() -> ReadModeration {
        var moderation = ReadModeration(Self.limits)
        _ = moderation.note(1000, written: 7, now: .zero)
        let begins = moderation.note(1000, written: 7, now: .zero)
        #expect(begins)
        return moderation
    }

    @Test func `it goes on while something comes between two times of the timer`() {
        var moderation = self.begun()
        for _ in 0..<3 {
            let begins = moderation.note(300, written: 7, now: .zero)
            let goesOn = moderation.timerFired(written: 7)
            #expect(!begins && goesOn)
        }
        let goesOn = moderation.timerFired(written: 7)
        #expect(!goesOn)
        #expect(!moderation.isOn)
        #expect(moderation == ReadModeration(Self.limits))
    }

    @Test func `it ends when something has been sent`() {
        var moderation = self.begun()
        _ = moderation.note(300, written: 7, now: .zero)
        let goesOn = moderation.timerFired(written: 8)
        #expect(!goesOn)
        #expect(moderation.awaitedBytes == 0)
    }
}
