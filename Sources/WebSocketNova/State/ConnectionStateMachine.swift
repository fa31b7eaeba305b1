internal import WebSocketCore

/// The life of a client's connection over all its transports: facts in, actions out. No I/O, no clock, no user code.
///
/// There is one transport at a time, one timer and one count of attempts. Whatever an earlier transport still tells is known
/// by its ``StreamRef`` and ignored. A local close wins over everything.
///
/// ```
///  connectRequested        transportUp     upgradeAccepted
///  ────────▶ connecting ──────▶ connected ──────▶ websocketConnected
///               ▲    │              │                   │
///    timerFired │    └──────────────┴── transportLost ──┘
///               │                          │
///          reconnecting ◀── policy: after a delay ── disconnected ── policy: give up ──▶ error
///
///  closeRequested: at once, or when the transport has ended ──▶ closed
/// ```
struct ConnectionStateMachine: Sendable {
    /// What the connection has to do next.
    enum Action: Sendable, Equatable {
        case none
        /// Open a transport and ask for the upgrade.
        case open(StreamRef)
        /// The connection is open.
        case announce(StreamRef, isReconnection: Bool, attempt: Int, gap: ClientEvent.Gap?)
        /// Ask the error handler for a delay, unless a handler wants one of its own, and tell the machine with
        /// ``policyDecided(_:)``. Before that, have the error handler reset its count if the connection had been stable.
        case askPolicy(DisconnectReason, attempt: Int, wasStable: Bool, wanted: Duration?)
        /// Start the timer.
        case armTimer(Timer, delay: Duration, attempt: Int)
        /// Close the transport with a Close frame; ``transportLost(_:reason:now:)`` follows.
        case close(StreamRef)
        /// End the transport now; ``transportLost(_:reason:now:)`` follows.
        case abort(StreamRef)
        /// It is over. Whatever timer runs is to be cancelled. The last action that is not `none`.
        case finish(DisconnectReason)
    }

    /// Names one start of the timer.
    struct Timer: Sendable, Hashable {
        var number: UInt64
    }

    /// What the error handler wants.
    enum Decision: Sendable, Equatable {
        case retry(after: Duration)
        case giveUp
    }

    private(set) var state: ConnectionState
    let connection: ConnectionID
    /// The transport's stream, open or not.
    private(set) var stream: StreamRef
    /// How many streams there have been.
    private var generations: UInt64 = 0
    /// How many attempts to come back have been made since the connection was last stable.
    private(set) var attempts = 0
    private(set) var isClosing = false
    private var timer: Timer?
    private var timers: UInt64 = 0
    /// The loss that the policy is being asked about.
    private var pendingReason: DisconnectReason?
    /// A handler's own delay for the next attempt.
    private var requestedDelay: Duration?
    private var openedAt: Duration?
    /// When an open connection was lost, and how many attempts have been made since.
    private var loss: (time: Duration, attempts: Int)?
    /// The loss that came before the present connection, on which things are being restored: if it is lost too, the gap
    /// goes on.
    private var lossBefore: (time: Duration, attempts: Int)?

    init(_ state: ConnectionState, connection: ConnectionID) {
        self.state = state
        self.connection = connection
        self.stream = StreamRef(connection: connection, generation: 0)
    }

    // MARK: The way up

    /// The user connects.
    ///
    /// - Throws: `invalid_transition` if that was done before.
    mutating func connectRequested() throws(WebSocketError) -> Action {
        guard self.state.status == .initialized else {
            throw WebSocketError(
                .invalidTransition,
                "from \(self.state.status.rawValue) to \(ConnectionStatus.connecting.rawValue)"
            )
        }
        return self.begin()
    }

    private mutating func begin() -> Action {
        self.stream = self.makeStream()
        self.state.updateStatus(.connecting)
        return .open(self.stream)
    }

    private mutating func makeStream() -> StreamRef {
        self.generations += 1
        let stream = StreamRef(connection: self.connection, generation: self.generations)
        self.state.addActiveStream(stream, .upgrading)
        return stream
    }

    // MARK: Further streams

    /// The user asks for another stream to the same peer. It has a transport of its own, which is not opened again when it
    /// is lost.
    ///
    /// - Throws: `not_connected` if the connection itself is not open.
    mutating func streamRequested() throws(WebSocketError) -> StreamRef {
        guard self.state.status == .websocketConnected, !self.isClosing else {
            throw WebSocketError(.notConnected, "\(self.connection) is \(self.state.status.rawValue)")
        }
        return self.makeStream()
    }

    /// The server's 101 for a further stream was in order.
    ///
    /// - Returns: whether the stream is wanted still.
    mutating func streamAccepted(_ stream: StreamRef, data: StreamInfo.Data) -> Bool {
        guard stream != self.stream, self.state.activeStreams[stream]?.status == .upgrading else { return false }
        self.state.updateStream(stream, StreamInfo(.websocket, data: data))
        return true
    }

    /// The server answered an upgrade with another status. A stream whose answer is no success is over with its head; one
    /// with a success (2xx) is listed until its body has come and its transport has ended.
    mutating func responseReceived(_ stream: StreamRef, status: Int) {
        if !(200...299).contains(status) { self.state.removeStream(stream) }
    }

    /// A further stream's transport is gone, or never came up.
    ///
    /// - Returns: whether the stream was listed.
    mutating func streamLost(_ stream: StreamRef) -> Bool {
        guard stream != self.stream, self.state.activeStreams[stream] != nil else { return false }
        self.state.removeStream(stream)
        return true
    }

    /// TCP, proxy and TLS are done; the request is about to go.
    mutating func transportUp(_ stream: StreamRef) {
        guard self.isCurrent(stream), self.state.status == .connecting else { return }
        self.state.updateStatus(.connected)
    }

    /// The server's 101 was in order.
    mutating func upgradeAccepted(_ stream: StreamRef, data: StreamInfo.Data, now: Duration) -> Action {
        self.transportUp(stream)
        guard self.isCurrent(stream), self.state.status == .connected else { return .none }
        self.state.updateStatus(.websocketConnected)
        self.state.updateStream(stream, StreamInfo(.websocket, data: data))
        // It was too late for the user's close to keep the upgrade from happening.
        if self.isClosing { return .close(stream) }
        let loss = self.loss.take()
        self.lossBefore = loss
        self.openedAt = now
        return .announce(
            stream,
            isReconnection: loss != nil,
            attempt: loss.map(\.attempts) ?? self.attempts + 1,
            gap: loss.map { ClientEvent.Gap(duration: now - $0.time, attempts: $0.attempts) }
        )
    }

    /// Everything is restored on the connection, and users have it.
    mutating func restored(_ stream: StreamRef) {
        if self.isCurrent(stream) { self.lossBefore = nil }
    }

    /// A Close frame came or went.
    mutating func closeSeen(_ stream: StreamRef) {
        guard self.state.activeStreams[stream] != nil else { return }
        self.state.updateStream(stream, StreamInfo(.closing, data: self.state.activeStreams[stream]?.data))
    }

    // MARK: The way down

    /// The transport is gone, or never came up.
    ///
    /// - Parameter stability: how long it must have been open for attempts to be counted anew.
    mutating func transportLost(
        _ stream: StreamRef,
        reason: DisconnectReason,
        now: Duration,
        stability: Duration
    ) -> Action {
        guard self.isCurrent(stream), self.hasTransport else { return .none }
        self.state.removeStream(stream)
        self.state.updateTransportID(nil)
        self.state.updateTransportMonitor(nil)
        if self.isClosing { return self.finish(.local, status: .closed) }
        self.state.updateStatus(.disconnected)
        if case .failed(let error) = reason { self.state.recordError(error) }
        var wasStable = false
        if let openedAt = self.openedAt.take() {
            self.loss = self.lossBefore.take() ?? (now, 0)
            wasStable = now - openedAt >= stability
            if wasStable { self.attempts = 0 }
        }
        self.pendingReason = reason
        return .askPolicy(
            reason,
            attempt: self.attempts + 1,
            wasStable: wasStable,
            wanted: self.requestedDelay.take()
        )
    }

    /// The error handler has answered.
    mutating func policyDecided(_ decision: Decision) -> Action {
        guard let reason = self.pendingReason.take(), self.state.status == .disconnected else { return .none }
        switch decision {
        case .retry(let delay): return self.arm(delay)
        case .giveUp: return self.finish(reason, status: .error)
        }
    }

    private mutating func arm(_ delay: Duration) -> Action {
        self.timers += 1
        let timer = Timer(number: self.timers)
        self.timer = timer
        self.attempts += 1
        self.loss?.attempts += 1
        self.state.updateStatus(.reconnecting)
        return .armTimer(timer, delay: max(.zero, delay), attempt: self.attempts)
    }

    /// The timer has run out.
    mutating func timerFired(_ timer: Timer) -> Action {
        guard self.timer == timer, self.state.status == .reconnecting else { return .none }
        self.timer = nil
        return self.begin()
    }

    // MARK: Orders

    /// The user closes.
    mutating func closeRequested() -> Action {
        guard !self.isClosing, !self.state.status.isTerminal else { return .none }
        self.isClosing = true
        guard self.hasTransport else { return self.finish(.local, status: .closed) }
        guard self.state.status == .websocketConnected else { return .abort(self.stream) }
        self.closeSeen(self.stream)
        return .close(self.stream)
    }

    /// A handler wants another transport.
    ///
    /// - Parameter delay: before the next attempt; nil to ask the policy.
    mutating func reconnectRequested(after delay: Duration?) -> Action {
        guard !self.isClosing, self.hasTransport else { return .none }
        self.requestedDelay = delay
        return .abort(self.stream)
    }

    /// A handler gives the connection up. The transport that it may have is to be aborted, and what it still tells ignored.
    mutating func stopRequested(_ error: WebSocketError) -> Action {
        guard !self.isClosing, !self.state.status.isTerminal else { return .none }
        self.state.recordError(error)
        return self.finish(.failed(error), status: .error)
    }

    private mutating func finish(_ reason: DisconnectReason, status: ConnectionStatus) -> Action {
        self.timer = nil
        self.pendingReason = nil
        if status == .closed { self.state.prepareForTermination() } else { self.state.clearAllStreams() }
        self.state.updateStatus(status)
        return .finish(reason)
    }

    // MARK: Looking

    private var hasTransport: Bool {
        switch self.state.status {
        case .connecting, .connected, .websocketConnected: true
        case .initialized, .disconnected, .reconnecting, .error, .closed: false
        }
    }

    private func isCurrent(_ stream: StreamRef) -> Bool { stream == self.stream }

    /// Refuses a stream on which nothing can be sent.
    ///
    /// - Throws: `not_connected`, `stream_not_found`, `invalid_stream_status`, each with the stream's name.
    func checkSendable(on stream: StreamRef) throws(WebSocketError) {
        // A further stream has a transport of its own, which may be there while the connection has none.
        guard let info = self.state.activeStreams[stream] else {
            guard self.hasTransport else {
                throw WebSocketError(.notConnected, "\(self.connection) is \(self.state.status.rawValue)")
            }
            let present = stream.generation < self.stream.generation ? "; the present one is \(self.stream)" : ""
            throw WebSocketError(.streamNotFound, "\(stream) is no stream of \(self.connection)\(present)")
        }
        guard info.status == .websocket else {
            throw WebSocketError(.invalidStreamStatus, "\(stream) is \(info.status.rawValue)")
        }
    }

    /// Changes what the transport's part of the state holds of others: listener, connections, handlers.
    mutating func update(_ body: (inout ConnectionState) -> Void) { body(&self.state) }

    /// The handlers, in place.
    var handlers: HandlerSet {
        get { self.state.handlers }
        _modify { yield &self.state.handlers }
    }
}
