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
}
