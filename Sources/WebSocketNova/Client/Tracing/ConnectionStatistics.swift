/// What the history of a connection adds up to.
public struct ConnectionStatistics: Sendable, Hashable {
    /// A return of the connection.
    public struct Reconnection: Sendable, Hashable {
        /// When messages flowed again, in seconds since 1970.
        public var wallClock: Double
        /// From the loss to the return.
        public var duration: Duration

        /// Makes the record.
        public init(wallClock: Double, duration: Duration) {
            self.wallClock = wallClock
            self.duration = duration
        }
    }

    /// How long it took to come back.
    public struct ReconnectionDurations: Sendable, Hashable {
        public var minimum: Duration
        public var mean: Duration
        public var maximum: Duration
        public var last: Duration

        /// Makes the record.
        public init(minimum: Duration, mean: Duration, maximum: Duration, last: Duration) {
            self.minimum = minimum
            self.mean = mean
            self.maximum = maximum
            self.last = last
        }
    }

    /// How often a transport came up, whether or not the server then accepted the upgrade.
    public var connects = 0
    /// How often the server accepted the upgrade.
    public var upgrades = 0
    /// How often an attempt to come back was decided on, whether or not it succeeded.
    public var attempts = 0
    /// How often messages flowed again after an open connection was lost.
    public var reconnects = 0
    /// How long there was a transport. Each one counts for 1 ms at least; the one that is up counts up to now.
    public var totalUptime = Duration.zero
    /// When a transport came up last, in seconds since 1970.
    public var lastConnectedAt: Double?
    /// When a transport was lost or given up last, in seconds since 1970.
    public var lastDisconnectedAt: Double?
    /// How long the returns took; nil before the first.
    public var reconnectionDurations: ReconnectionDurations?
    /// The last returns, oldest first; 100 at most.
    public var reconnections: [Reconnection] = []
    /// The longest time without messages after an open connection was lost: until its return, its end, or now.
    public var longestOutage = Duration.zero

    /// Nothing has happened yet.
    public init() {}
}

/// Adds transitions up.
struct ConnectionTally: Sendable {
    /// How many returns are listed.
    static let listedReconnections = 100

    private var sums = ConnectionStatistics()
    private var totalOutage = Duration.zero
    /// When the transport came up that is up.
    private var upSince: Duration?
    /// When the open connection was lost that has not come back.
    private var downSince: Duration?
    private var isOpen = false

    /// The connection has another status.
    mutating func enter(_ status: ConnectionStatus, now: Duration, wallClock: Double) {
        switch status {
        case .connected:
            self.transportUp(now, wallClock)
        case .websocketConnected:
            self.transportUp(now, wallClock)
            self.opened(now, wallClock)
        case .initialized, .connecting, .disconnected, .reconnecting, .error, .closed:
            self.transportDown(now, wallClock)
            if status == .reconnecting { self.sums.attempts += 1 }
            if status.isTerminal { self.endOutage(now) }
        }
    }

    private mutating func transportUp(_ now: Duration, _ wallClock: Double) {
        guard self.upSince == nil else { return }
        self.upSince = now
        self.sums.connects += 1
        self.sums.lastConnectedAt = wallClock
    }

    private mutating func opened(_ now: Duration, _ wallClock: Double) {
        self.isOpen = true
        self.sums.upgrades += 1
        guard let downSince = self.downSince else { return }
        self.endOutage(now)
        let duration = max(.zero, now - downSince)
        self.sums.reconnects += 1
        self.totalOutage += duration
        let former = self.sums.reconnectionDurations
        self.sums.reconnectionDurations = ConnectionStatistics.ReconnectionDurations(
            minimum: min(former?.minimum ?? duration, duration),
            mean: self.totalOutage / self.sums.reconnects,
            maximum: max(former?.maximum ?? duration, duration),
            last: duration
        )
        if self.sums.reconnections.count >= Self.listedReconnections { self.sums.reconnections.removeFirst() }
        self.sums.reconnections.append(.init(wallClock: wallClock, duration: duration))
    }

    private mutating func transportDown(_ now: Duration, _ wallClock: Double) {
        guard let upSince = self.upSince.take() else { return }
        self.sums.totalUptime += Self.uptime(since: upSince, now)
        self.sums.lastDisconnectedAt = wallClock
        if self.isOpen { self.downSince = now }
        self.isOpen = false
    }

    /// The connection is back, or will not come back.
    private mutating func endOutage(_ now: Duration) {
        guard let downSince = self.downSince.take() else { return }
        self.sums.longestOutage = max(self.sums.longestOutage, now - downSince)
    }

    private static func uptime(since begin: Duration, _ now: Duration) -> Duration {
        max(.milliseconds(1), now - begin)
    }

    func statistics(now: Duration) -> ConnectionStatistics {
        var statistics = self.sums
        if let upSince { statistics.totalUptime += Self.uptime(since: upSince, now) }
        if let downSince { statistics.longestOutage = max(statistics.longestOutage, now - downSince) }
        return statistics
    }
}
