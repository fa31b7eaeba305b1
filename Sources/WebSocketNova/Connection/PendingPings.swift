/// The pings that have not been answered, in the order in which they were sent.
struct PendingPings {
    struct Ping {
        /// Names it, whatever its payload.
        var id: UInt64
        var payload: [UInt8]
        /// Where its frame ends in the stream of bytes that go out.
        var end: UInt64
        /// When the kernel got it; before that, when the channel did, or the queue: its pong can be here before the channel
        /// has told that it has passed the ping on.
        var sent: Duration
        var isTaken = false
        var isWritten = false
        /// Who waits for the pong: nobody, if the caller has given up, or if it is a ping of the connection's own.
        var continuation: CheckedContinuation<Duration, any Error>?
        var isOwn = false
    }

    private var pings: [Ping] = []
    private var lastID: UInt64 = 0
    /// The next payload that nobody chose: it counts up from a number that the peer cannot know, so that a pong without a
    /// ping is not taken for an answer.
    private var nextPayload = UInt64.random(in: .min ... .max)
    /// How many have not been written, so that there is nothing to look for in each write.
    private var unwritten = 0

    /// How many of the user's there are.
    var count: Int { self.pings.count { !$0.isOwn } }

    /// Whether some have not been written to the socket.
    var hasUnwritten: Bool { self.unwritten > 0 }

    mutating func makeID() -> UInt64 {
        self.lastID += 1
        return self.lastID
    }

    /// Eight bytes.
    mutating func makePayload() -> [UInt8] {
        self.nextPayload &+= 1
        return withUnsafeBytes(of: self.nextPayload.bigEndian) { Array($0) }
    }

    mutating func append(_ ping: Ping) {
        // Of the connection's own, an earlier one has been made up for by whatever came since.
        if ping.isOwn { self.removeAll { $0.isOwn } }
        self.pings.append(ping)
        if !ping.isWritten { self.unwritten += 1 }
    }

    private mutating func removeAll(where isToGo: (Ping) -> Bool) {
        self.pings.removeAll(where: isToGo)
        self.unwritten = self.pings.count { !$0.isWritten }
    }

    /// The channel has taken the stream up to a position, and the kernel up to another.
    ///
    /// - Returns: whether a ping of the connection's own has come to the kernel.
    mutating func written(upTo position: UInt64, taken: UInt64, at now: Duration) -> Bool {
        var isOwnWritten = false
        for index in self.pings.indices where !self.pings[index].isWritten && self.pings[index].end <= taken {
            let isWritten = self.pings[index].end <= position
            if isWritten || !self.pings[index].isTaken { self.pings[index].sent = now }
            self.pings[index].isTaken = true
            self.pings[index].isWritten = isWritten
            if isWritten, self.pings[index].isOwn { isOwnWritten = true }
        }
        self.removeAll { $0.isWritten && $0.continuation == nil && !$0.isOwn }
        return isOwnWritten
    }

    /// Takes out the pings that a pong answers: the oldest with its payload, the last of the result, and all before that,
    /// because a peer may answer only the latest of several (RFC 6455 section 5.5.3).
    mutating func takeAnswered(by payload: UnsafeRawBufferPointer) -> ArraySlice<Ping> {
        guard let index = self.pings.firstIndex(where: { $0.payload.elementsEqual(payload) }) else { return [] }
        defer {
            self.pings.removeSubrange(...index)
            self.unwritten = self.pings.count { !$0.isWritten }
        }
        return self.pings[...index]
    }

    /// The caller of a ping has given up: its pong, should it come, is nobody's.
    ///
    /// Until it has been written it still counts, so that who pings and gives up again and again, while the peer takes
    /// nothing, does not make the queue grow.
    mutating func giveUp(_ id: UInt64) -> CheckedContinuation<Duration, any Error>? {
        guard let index = self.pings.firstIndex(where: { $0.id == id }) else { return nil }
        if self.pings[index].isWritten { return self.pings.remove(at: index).continuation }
        return self.pings[index].continuation.take()
    }

    /// Takes out all.
    mutating func takeAll() -> [Ping] {
        defer {
            self.pings = []
            self.unwritten = 0
        }
        return self.pings
    }
}
