internal import WebSocketCore

/// Decides when a connection pings its peer, and when the peer is taken for gone. No I/O and no clock: the time, and what was
/// seen of the connection, come as arguments.
///
/// ```
///              silent for a period ──▶ ping
///   listening ──────────────────────────────▶ awaiting ──── silent for the timeout ──▶ giveUp
///       ▲                                        │
///       └────────────── anything came ───────────┘
/// ```
///
/// It is asked when its timer comes up, and only then: what comes in meanwhile is noted by the connection as a time, without
/// a timer to move. A timer that comes up early for that reason is answered with ``Action/wait(until:)``.
///
/// ## What a slow peer is not blamed for
/// A ping that waits behind other bytes is no reason to give up while these move: as long as the peer's host acknowledges
/// bytes from before the ping, the timeout begins anew. The peer is given the full timeout behind the ping's own delivery.
struct KeepaliveMonitor {
    /// What is known of the connection at one moment.
    struct Observation {
        var now: Duration
        /// When something came last.
        var heard: Duration
        /// When this side went on reading after it had paused.
        var resumed: Duration
        /// This side does not read.
        var isReadingPaused: Bool
    }

    enum Action: Equatable {
        case wait(until: Duration)
        /// Send a ping, and come again.
        case ping(thenWaitUntil: Duration)
        case giveUp(Reason)
    }

    enum Reason: Equatable {
        /// The ping was written, and nothing came.
        case noPong
        /// The ping could not be written, because the peer took nothing.
        case nothingTaken
    }

    private struct Ping {
        /// The value of ``Observation/heard`` when it was sent. A later one differs, because a period lies between.
        var heardBefore: Duration
        /// When the timeout began, the last time.
        var since: Duration
        var isWritten = false
        /// What the peer's host had acknowledged then.
        var acknowledged: UInt64
        /// What the peer's host has acknowledged when it has the ping; nothing is known of that before it is written.
        var target = UInt64.max
        /// The timeout has begun anew because bytes from before the ping moved.
        var wasDelayed = false
    }

    private enum State {
        case listening
        case awaiting(Ping)
    }

    /// After how much silence a ping is sent.
    let period: Duration
    let timeout: Duration
    private var state = State.listening

    /// The most that is taken off the interval.
    private static let jitterShare = 0.2

    /// - Parameter jitter: from 0, for the whole interval, to 1, for the shortest period. Each connection has its own, so that
    ///   those which a broadcast has reached together are not pinged together.
    init(_ configuration: WebSocketConfiguration.Keepalive, jitter: Double) {
        self.period = configuration.interval * (1 - Self.jitterShare * jitter)
        self.timeout = configuration.timeout
    }

    /// The timer has come up.
    ///
    /// - Parameter progress: how far the connection's bytes have come; asked only when it counts, as it takes system calls.
    mutating func timerFired(_ seen: Observation, progress: () -> TransportProgress) -> Action {
        switch self.state {
        case .listening:
            return self.listened(seen, progress)
        case .awaiting(let ping) where seen.heard != ping.heardBefore:
            self.state = .listening
            return self.listened(seen, progress)
        case .awaiting(var ping):
            let action = self.waited(&ping, seen, progress)
            self.state = .awaiting(ping)
            return action
        }
    }

    private mutating func listened(_ seen: Observation, _ progress: () -> TransportProgress) -> Action {
        if seen.isReadingPaused { return .wait(until: seen.now + self.period) }
        let due = max(seen.heard, seen.resumed) + self.period
        if seen.now < due { return .wait(until: due) }
        let acknowledged = progress().acknowledged
        self.state = .awaiting(Ping(heardBefore: seen.heard, since: seen.now, acknowledged: acknowledged))
        // The answer moves no timer: where the period is the shorter one, the next ping must not wait for the timeout.
        return .ping(thenWaitUntil: seen.now + min(self.timeout, self.period))
    }

    private func waited(_ ping: inout Ping, _ seen: Observation, _ progress: () -> TransportProgress) -> Action {
        if seen.isReadingPaused { return .wait(until: seen.now + self.timeout) }
        let end = max(ping.since, seen.resumed) + self.timeout
        if seen.now < end { return .wait(until: end) }
        let acknowledged = progress().acknowledged
        let isOnItsWay = !ping.isWritten || acknowledged < ping.target
        // Once more when it has arrived late, because nothing tells when.
        guard acknowledged > ping.acknowledged, isOnItsWay || ping.wasDelayed else {
            return .giveUp(ping.isWritten ? .noPong : .nothingTaken)
        }
        ping.acknowledged = acknowledged
        ping.wasDelayed = isOnItsWay
        ping.since = seen.now
        return .wait(until: seen.now + self.timeout)
    }

    /// The ping has been written to the socket: only now the peer can be expected to answer.
    mutating func pingWritten(at now: Duration, progress: () -> TransportProgress) {
        guard case .awaiting(var ping) = self.state, !ping.isWritten else { return }
        let progress = progress()
        ping.isWritten = true
        ping.since = now
        ping.acknowledged = progress.acknowledged
        ping.target = progress.acknowledged + progress.outstanding
        self.state = .awaiting(ping)
    }
}
