internal import WebSocketCore

/// When to leave what comes with the kernel until there is much of it, as network cards do with their interrupts.
///
/// A peer that sends without a break wakes the loop for each few packets, and a turn of the loop costs about as much as the
/// reading of a message of 64 KiB. While very much comes, and nothing is sent that it could be the answer to, the loop is
/// woken for many bytes at a time instead, or after a delay. The first time that nothing was read within that, it ends.
struct ReadModeration: Sendable, Hashable {
    let limits: ReadModerationLimits
    private(set) var isOn = false
    /// Since when, how much has come, and what had been written when that began.
    private var begin: Duration?
    private var bytes = 0
    private var written: UInt64 = 0
    /// Whether anything has come since the timer was set.
    private var hasRead = false

    init(_ limits: ReadModerationLimits) {
        self.limits = limits
    }

    /// How many bytes to await; 0 for each that comes.
    var awaitedBytes: Int { self.isOn ? self.limits.mark : 0 }

    /// Bytes have come.
    ///
    /// - Parameter written: how many bytes have been written until now.
    /// - Returns: whether it begins now, and a timer is to be set.
    mutating func note(
        _ count: Int,
        written: @autoclosure () -> UInt64,
        now: @autoclosure () -> Duration
    ) -> Bool {
        self.bytes += count
        if self.isOn {
            self.hasRead = true
            return false
        }
        guard self.bytes >= self.limits.least else { return false }
        let (before, begin) = (self.written, self.begin)
        let now = now()
        self.written = written()
        self.begin = now
        self.bytes = 0
        guard let begin, now - begin <= self.limits.window, self.written == before else { return false }
        self.isOn = true
        return true
    }

    /// The timer has fired.
    ///
    /// - Returns: whether to set it again; it ends otherwise.
    mutating func timerFired(written: UInt64) -> Bool {
        if self.isOn, self.hasRead, written == self.written {
            self.hasRead = false
            return true
        }
        self.end()
        return false
    }

    mutating func end() { self = ReadModeration(self.limits) }
}
