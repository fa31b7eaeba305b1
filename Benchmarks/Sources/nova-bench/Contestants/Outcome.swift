/// What a contestant did: measured by its process, counted by itself.
struct Outcome: Sendable {
    var messages: Int
    /// Payload bytes received, where they were counted.
    var bytes: Int?
    /// Of an echo, in nanoseconds; empty for other work.
    var roundTrips: [UInt64] = []

    /// What another connection did.
    mutating func add(_ other: Outcome) {
        self.messages += other.messages
        if let bytes = other.bytes { self.bytes = (self.bytes ?? 0) + bytes }
        self.roundTrips += other.roundTrips
    }
}

extension Outcome {
    init(_ tally: Tally) {
        self.init(messages: tally.messages, bytes: tally.bytes)
    }
}
