import Testing

@testable import LWSTransport

@Suite("The race of connection attempts")
struct ConnectionRaceTests {
    /// What happens to a race.
    enum Event {
        case began, failed, delayPassed
    }

    private func actions(_ addresses: [String], _ events: [Event]) -> [ConnectionRace.Action] {
        var race = ConnectionRace(addresses: addresses, attemptDelay: .milliseconds(250))
        return events.map { event in
            switch event {
            case .began: race.began()
            case .failed: race.attemptFailed()
            case .delayPassed: race.delayPassed()
            }
        }
    }

    private static let delay = Duration.milliseconds(250)

    @Test(
        arguments: [
            // No address at all.
            ([], [.began], [.giveUp]),
            // One: no delay to wait for.
            (["a"], [.began, .failed], [.connect("a", nextAfter: nil), .giveUp]),
            // The first is silent: the second starts after the delay; then both run to their end.
            (
                ["a", "b"], [.began, .delayPassed, .failed, .failed],
                [.connect("a", nextAfter: Self.delay), .connect("b", nextAfter: nil), .wait, .giveUp]
            ),
            // The first fails: the second starts at once.
            (
                ["a", "b"], [.began, .failed, .failed],
                [.connect("a", nextAfter: Self.delay), .connect("b", nextAfter: nil), .giveUp]
            ),
            // A failure after the delay starts the one after the next, with a delay of its own.
            (
                ["a", "b", "c", "d"],
                [.began, .delayPassed, .failed, .delayPassed, .delayPassed, .failed, .failed, .failed],
                [
                    .connect("a", nextAfter: Self.delay), .connect("b", nextAfter: Self.delay),
                    .connect("c", nextAfter: Self.delay), .connect("d", nextAfter: nil), .wait, .wait, .wait, .giveUp,
                ]
            ),
        ] as [([String], [Event], [ConnectionRace.Action])]
    )
    func `each address has its turn, and the end comes after the last`(
        addresses: [String],
        events: [Event],
        expected: [ConnectionRace.Action]
    ) {
        #expect(self.actions(addresses, events) == expected)
    }

    @Test(
        arguments: [
            ([], []),
            (["1.1.1.1"], ["1.1.1.1"]),
            (["::1", "::2", "1.1.1.1"], ["::1", "1.1.1.1", "::2"]),
            (["1.1.1.1", "1.1.1.2", "::1"], ["1.1.1.1", "::1", "1.1.1.2"]),
            (["1.1.1.1", "::1", "::2", "::3"], ["1.1.1.1", "::1", "::2", "::3"]),
            (["::1", "1.1.1.1", "::2", "1.1.1.2"], ["::1", "1.1.1.1", "::2", "1.1.1.2"]),
        ] as [([String], [String])]
    )
    func `the families take turns`(addresses: [String], expected: [String]) {
        #expect(ConnectionRace.interleaved(addresses) == expected)
    }

    @Test func `the number of attempts at a time is bounded, and all addresses are tried`() {
        let addresses = (0..<100).map { "1.1.1.\($0)" }
        var race = ConnectionRace(addresses: addresses, attemptDelay: .milliseconds(250))
        var started = 0
        func note(_ action: ConnectionRace.Action) {
            if case .connect = action { started += 1 }
        }
        note(race.began())
        for _ in 0..<200 { note(race.delayPassed()) }
        #expect(started == ConnectionRace.maximumRunning)
        for failed in 1..<100 {
            note(race.attemptFailed())
            #expect(started == min(100, ConnectionRace.maximumRunning + failed))
        }
        #expect(race.attemptFailed() == .giveUp)
    }
}
