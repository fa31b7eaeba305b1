/// The pings that have not been answered, in the order in which they were sent.
///
/// Payloads are eight bytes: a number that counts up from one that the peer cannot know, so that a pong without a ping is
/// not taken for an answer.
struct PendingPings {
    struct Ping {
        var payload: UInt64
        var sent: Duration
        var continuation: CheckedContinuation<Duration, any Error>
    }

    private var pings: [Ping] = []
    private var next = UInt64.random(in: .min ... .max)

    /// How many wait.
    var count: Int { self.pings.count }

    /// The payload of the next ping.
    mutating func makePayload() -> UInt64 {
        self.next &+= 1
        return self.next
    }

    mutating func append(_ ping: Ping) { self.pings.append(ping) }

    /// Takes out the pings that a pong answers: its own and all before it, because a peer may answer only the latest of
    /// several (RFC 6455 section 5.5.3).
    mutating func takeAnswered(by payload: UnsafeRawBufferPointer) -> [Ping] {
        guard payload.count == 8 else { return [] }
        let value = UInt64(bigEndian: payload.loadUnaligned(as: UInt64.self))
        guard let index = self.pings.firstIndex(where: { $0.payload == value }) else { return [] }
        defer { self.pings.removeSubrange(...index) }
        return Array(self.pings[...index])
    }

    /// Takes out one ping whose caller has given up.
    mutating func take(_ payload: UInt64) -> Ping? {
        self.pings.firstIndex { $0.payload == payload }.map { self.pings.remove(at: $0) }
    }

    /// Takes out all.
    mutating func takeAll() -> [Ping] {
        defer { self.pings = [] }
        return self.pings
    }
}
