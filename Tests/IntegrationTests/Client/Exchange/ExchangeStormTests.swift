import Testing

extension Serial {
    @Suite("A storm of faults", .timeLimit(.minutes(60)))
    struct ExchangeStormTests {
        /// For a minute in the slow lane, and for as long as one likes with `scripts/soak`.
        @Test("F44, F50, F90: after random faults at random times nothing is lost, and everything is as it was")
        func storm() async throws {
            let storm = ExchangeStorm.chosen(seconds: SlowLane.isOn ? 60 : 4)
            print("the seed of the storm is \(storm.seed)")
            await #expect(processExitsWith: .success) { [storm = storm as ExchangeStorm] in
                try await storm.run()
            }
        }
    }
}
