internal import DequeModule
public import WebSocketCore

/// The transitions of a connection's status from its beginning on, and what they add up to.
///
/// A pure value: times come as arguments. It holds at most ``capacity`` transitions, the last ones; those that had to make
/// room are counted, and the statistics go on over all of them. Nothing in it can be a secret: there is no place for texts,
/// header fields or payloads.
public struct ConnectionHistory: Sendable {
    /// What made the status change.
    public enum Cause: String, Sendable, Hashable, Codable, CaseIterable {
        /// The user connected.
        case connectRequested = "connect_requested"
        /// TCP, proxy and TLS were done.
        case transportUp = "transport_up"
        /// The server's 101 was in order.
        case upgradeAccepted = "upgrade_accepted"
        /// The transport was lost, or could not be opened, or the upgrade was refused.
        case transportLost = "transport_lost"
        /// The error handler or another one asked for an attempt after a delay.
        case retryDecided = "retry_decided"
        /// The error handler gave up.
        case gaveUp = "gave_up"
        /// The delay before an attempt was over.
        case timerFired = "timer_fired"
        /// The user closed.
        case closeRequested = "close_requested"
        /// A handler gave the connection up.
        case stopRequested = "stop_requested"
    }

    /// What else is known of a transition.
    public struct Metadata: Sendable, Hashable {
        /// The stream concerned.
        public var stream: StreamRef?
        /// Which attempt to come back was made or is to be made.
        public var attempt: Int?
        /// How long until that attempt.
        public var delay: Duration?
        /// What kind of error was the reason.
        public var error: WebSocketError.Code?
        /// The HTTP status with which the upgrade was refused.
        public var httpStatus: Int?
        /// The code with which the stream was closed.
        public var closeCode: WebSocketCloseCode?

        /// Makes the record.
        public init(
            stream: StreamRef? = nil,
            attempt: Int? = nil,
            delay: Duration? = nil,
            error: WebSocketError.Code? = nil,
            httpStatus: Int? = nil,
            closeCode: WebSocketCloseCode? = nil
        ) {
            self.stream = stream
            self.attempt = attempt
            self.delay = delay
            self.error = error
            self.httpStatus = httpStatus
            self.closeCode = closeCode
        }
    }

    /// One transition.
    public struct Transition: Sendable, Hashable {
        /// What made the status change.
        public var cause: Cause
        /// The status before.
        public var from: ConnectionStatus
        /// The status after.
        public var to: ConnectionStatus
        /// When, since the history began, by a clock that is never set.
        public var elapsed: Duration
        /// When, in seconds since 1970. This clock may be set, forwards and backwards.
        public var wallClock: Double
        /// What else is known.
        public var metadata: Metadata

        /// Makes the record.
        public init(
            cause: Cause,
            from: ConnectionStatus,
            to: ConnectionStatus,
            elapsed: Duration,
            wallClock: Double,
            metadata: Metadata = Metadata()
        ) {
            self.cause = cause
            self.from = from
            self.to = to
            self.elapsed = elapsed
            self.wallClock = wallClock
            self.metadata = metadata
        }
    }

    /// The history's name.
    public let traceID: TraceID
    /// When it began, in seconds since 1970.
    public let startedAt: Double
    /// How many transitions it holds at most.
    public let capacity: Int
    /// How many transitions had to make room for later ones.
    public private(set) var droppedCount = 0

    private let begin: Duration
    private var deque: Deque<Transition> = []
    private var tally = ConnectionTally()

    /// Begins a history.
    ///
    /// - Parameters:
    ///   - traceID: its name. Default: a random one.
    ///   - capacity: how many transitions it holds, at least one. Default: 1,000.
    ///   - now: the time of a clock that is never set, such as CLOCK_MONOTONIC.
    ///   - wallClock: the time in seconds since 1970.
    public init(traceID: TraceID = .random(), capacity: Int = 1000, now: Duration, wallClock: Double) {
        self.traceID = traceID
        self.capacity = max(1, capacity)
        self.begin = now
        self.startedAt = wallClock
    }

    /// The transitions, oldest first.
    public var transitions: [Transition] { Array(self.deque) }

    /// Adds a transition. Where the status stays what it was, there is none.
    public mutating func record(
        from: ConnectionStatus,
        to: ConnectionStatus,
        cause: Cause,
        now: Duration,
        wallClock: Double,
        metadata: Metadata = Metadata()
    ) {
        guard from != to else { return }
        if self.deque.count >= self.capacity {
            self.deque.removeFirst()
            self.droppedCount += 1
        }
        self.deque.append(
            Transition(
                cause: cause,
                from: from,
                to: to,
                elapsed: now - self.begin,
                wallClock: wallClock,
                metadata: metadata
            )
        )
        self.tally.enter(to, now: now, wallClock: wallClock)
    }

    /// What all transitions so far add up to, what goes on at this moment included.
    public func statistics(now: Duration) -> ConnectionStatistics { self.tally.statistics(now: now) }

    /// The history as it is written to a file.
    public func export(host: String, port: UInt16, now: Duration) -> ConnectionTrace {
        ConnectionTrace(
            host: host,
            port: port,
            traceID: self.traceID.rawValue,
            startedAt: self.startedAt,
            statistics: self.statistics(now: now),
            droppedEvents: self.droppedCount,
            events: self.transitions
        )
    }
}
