/// When the loop, rather than write what little it finds, comes back for it together with what follows.
///
/// A task that sends without a break is about as quick as the loop that writes: each write would then carry the few messages
/// that came during the one before, and both would spend their time on system calls and on each other's lock. Whoever sends
/// a few messages now and then does not notice: nothing is held back before ``promptWrites`` writes in a row have each found
/// something new.
///
/// Measured, sink of 125-byte messages from a task on the default executor, two cores: 192 ns of CPU per message without,
/// 134 with, and 139 and 99 ns of time.
struct WriteGathering: Sendable, Hashable {
    /// How many writes in a row may be small.
    static let promptWrites = 3

    /// So many bytes are worth a write of their own: the loop is told of them at once.
    static let enough = 64 << 10

    /// How long messages are held back at most; nil: not at all.
    let delay: Duration?
    private let enough: Int
    private var writes = 0

    /// - Parameter highWaterMark: where senders have to wait; what is held back never comes near it.
    init(delay: Duration?, highWaterMark: Int) {
        self.delay = delay
        self.enough = delay == nil ? 0 : min(Self.enough, max(1, highWaterMark / 2))
    }

    /// How many bytes have to wait for the next write to be made at once. 0: however many there are.
    var least: Int { self.writes < Self.promptWrites ? 0 : self.enough }

    /// The senders had something again when the last write was made.
    mutating func foundMore() {
        if self.writes < Self.promptWrites { self.writes += 1 }
    }

    /// There was nothing more.
    mutating func foundNothing() { self.writes = 0 }
}
