/// How long pings take to be answered.
struct RoundTripTime: Sendable, Equatable {
    /// The last one.
    private(set) var latest: Duration
    /// The mean of those before it, of which the recent ones count more: RFC 6298 section 2.3, with its alpha of 1/8.
    private(set) var smoothed: Duration

    init(_ first: Duration) {
        self.latest = first
        self.smoothed = first
    }

    mutating func add(_ time: Duration) {
        self.latest = time
        self.smoothed += (time - self.smoothed) / 8
    }
}
