/// How many pings are answered at once in each second. No clock: the time comes in.
///
/// Seconds are counted from the first ping of each on, so that an idle connection has nothing to do for this.
struct PingLimiter {
    private let limit: Int
    private var count = 0
    /// When the second ends that is counted now, and the next ping will be answered at once again.
    private(set) var end = Duration.zero

    init(limit: Int) { self.limit = limit }

    /// Whether a ping that comes now is to be answered at once.
    mutating func admits(at now: Duration) -> Bool {
        if now >= self.end {
            self.end = now + .seconds(1)
            self.count = 0
        }
        guard self.count < self.limit else { return false }
        self.count += 1
        return true
    }
}
