/// Decides which address is tried when (RFC 8305 section 5, "Happy Eyeballs"): each a fixed delay after the one before, or
/// at once when one has failed; all run until one is connected or every one has failed. No clock, no socket.
///
/// The order is the resolver's (RFC 6724), with the families taking turns, so that a family that does not work costs one
/// delay and not one for each of its addresses (RFC 8305 section 4).
///
/// ```
///  began ─▶ connect(first, nextAfter: delay)
///  delayPassed ─▶ connect(next, …) │ wait          nothing left: those under way decide
///  attemptFailed ─▶ connect(next, …) │ wait │ giveUp    the last one under way has failed, and none is left
/// ```
struct ConnectionRace {
    /// What is to be done.
    enum Action: Equatable {
        /// Start an attempt; then call ``ConnectionRace/delayPassed()`` after the time, counted from now, if there is one.
        case connect(String, nextAfter: Duration?)
        /// Nothing: an attempt or the delay is under way.
        case wait
        /// Every address has failed.
        case giveUp
    }

    /// How many attempts run at a time; a name's addresses are not bounded by anything else.
    static let maximumRunning = 32

    private var remaining: ArraySlice<String>
    private var running = 0
    private let attemptDelay: Duration

    init(addresses: [String], attemptDelay: Duration) {
        self.remaining = Self.interleaved(addresses)[...]
        self.attemptDelay = attemptDelay
    }

    /// The race starts; there is nothing under way yet.
    mutating func began() -> Action { self.next() }

    /// An attempt that had been started is over without a connection.
    mutating func attemptFailed() -> Action {
        self.running -= 1
        return self.next()
    }

    /// The delay after the last start has passed.
    mutating func delayPassed() -> Action { self.next() }

    private mutating func next() -> Action {
        guard self.running < Self.maximumRunning else { return .wait }
        guard let address = self.remaining.popFirst() else { return self.running == 0 ? .giveUp : .wait }
        self.running += 1
        return .connect(address, nextAfter: self.remaining.isEmpty ? nil : self.attemptDelay)
    }

    /// The families by turns, the one that the first address is of first; each in its order.
    static func interleaved(_ addresses: [String]) -> [String] {
        let isIPv6First = addresses.first?.contains(":") ?? false
        let preferred = addresses.filter { $0.contains(":") == isIPv6First }
        let others = addresses.filter { $0.contains(":") != isIPv6First }
        var result: [String] = []
        for index in 0..<max(preferred.count, others.count) {
            if index < preferred.count { result.append(preferred[index]) }
            if index < others.count { result.append(others[index]) }
        }
        return result
    }
}
