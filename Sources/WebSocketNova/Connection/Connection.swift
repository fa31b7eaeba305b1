internal import LWSTransport
internal import Logging
internal import Synchronization
internal import WebSocketCore

/// One connection, from the open channel to its end: takes what the transport tells, decides with its state machine
/// (``ConnectionLifecycle``), and carries the decisions out.
///
/// It runs on its event loop. The transport calls it there, synchronously: no task, queue or lock is between a readable
/// socket and the decoder. Other threads reach it through `await`, or, where that would cost a task for each message, by
/// ``signal(_:)``.
actor Connection {
    /// What other threads ask of a connection without waiting for it.
    struct Signal: OptionSet {
        let rawValue: UInt8
        /// There is something to write.
        static let flush = Signal(rawValue: 1)
        /// The reader has made room.
        static let resumeReading = Signal(rawValue: 2)
        /// The reader has read all that came before the peer's last word.
        static let passBarrier = Signal(rawValue: 4)
        /// The task that opens was cancelled.
        static let cancelOpening = Signal(rawValue: 8)
        /// The user aborts.
        static let abort = Signal(rawValue: 16)
        /// Nobody holds the connection any more.
        static let release = Signal(rawValue: 32)
        /// The task in the scope of the connection was cancelled.
        static let cancelScope = Signal(rawValue: 64)
    }

    /// Who gets the messages.
    enum Consumer {
        case queue(InboundQueue)
        case handler(WebSocket.MessageHandler)
        case client(ClientStream)
    }

    /// What is known once the connection is open.
    struct Opened: Sendable {
        var outbound: OutboundQueue
        var upgrade: UpgradeResult
    }

    /// What of the configuration an open connection needs.
    struct Settings: Sendable {
        var closeDeadline: Duration
        var idleDeadline: Duration?
        var keepalive: WebSocketConfiguration.Keepalive
        var pendingPings: Int
        var outboundMessageSize: Int

        init(_ configuration: WebSocketConfiguration) {
            self.closeDeadline = configuration.deadlines.close
            self.idleDeadline = configuration.deadlines.idle
            self.keepalive = configuration.keepalive
            self.pendingPings = configuration.limits.pendingPings
            self.outboundMessageSize = configuration.limits.outboundMessageSize
        }
    }

    /// What only the opening needs. It is let go of then, because a connection that is idle is to be small.
    final class Plan: Sendable {
        let configuration: WebSocketConfiguration
        let request: UpgradeRequest

        init(_ configuration: WebSocketConfiguration, _ request: UpgradeRequest) {
            self.configuration = configuration
            self.request = request
        }
    }

    nonisolated let loop: any TransportLoop
    nonisolated let logger: Logger
    nonisolated let settings: Settings
    let transport: any Transport
    let consumer: Consumer
    /// When the opening began of which this connection is a part; from then the open deadline counts.
    let openingBegin: Duration
    private nonisolated let signals = Atomic<UInt8>(0)
    private let life = LiveObject(.connection)
    /// Set at the end; read by anyone.
    nonisolated let closeInfo = Mutex<WebSocketCloseInfo?>(nil)
    /// Of the pings that were answered; read by anyone.
    nonisolated let roundTripTime = Mutex<RoundTripTime?>(nil)

    var lifecycle = ConnectionLifecycle()
    var channel: (any TransportChannel)?

    // Opening.
    var plan: Plan?
    var opening: CheckedContinuation<Opened, any Error>?
    var openingFailure: (any Error)?
    var isOpeningCancelled = false
    var phase = TransportPhase.resolve
    var openTimer: TransportTimer?
    var phaseTimer: TransportTimer?

    // Receiving.
    var decoder: InboundDecoder?
    /// The messages of the read under way.
    var batch = InboundBatch()
    /// Messages are dropped: this side has closed, and nobody has read those that came before.
    var isDiscarding = false
    /// What the handler is given, if there is one.
    var loopContext: WebSocket.LoopContext?
    /// Bytes that were read and not decoded, because reading has paused in the middle of them.
    var carried: [UInt8] = []
    /// The socket is not read: the inbound queue is full, the handler's own sends have filled the outbound queue, or the peer
    /// has said its last word.
    var isReadingPaused = false {
        // The peer cannot be blamed for what this side did not read.
        didSet { if oldValue, !self.isReadingPaused { self.lastResumed = self.loop.now } }
    }
    /// The inbound queue is above its high mark.
    var isReadingAhead = false
    var pauseTimer: TransportTimer?
    /// Since when the stream is known to be broken that is not read.
    var brokenSince: Duration?
    var pingLimiter: PingLimiter
    /// The payload of the last ping that was not answered at once.
    var owedPong: [UInt8]?
    var isPongScheduled = false
    /// The channel has said that it is readable, and nothing has been read since.
    var isReadable = false
    /// What the client does with messages; of use only if there is one.
    var interest = ClientStream.Interest.ignore
    /// Reading pauses until what was sent from the loop has gone out.
    var waitsForOutbound = false

    // Sending.
    var outbound: OutboundQueue?
    /// What is being written.
    var inflight = OutboundBuffer()
    /// Something was appended during a read; it goes out at its end.
    var needsFlush = false
    var gathering: WriteGathering
    /// Until when what waits is held back; nil when nothing is.
    var gatheringEnd: Duration?
    var gatheringTimer: TransportTimer?
    /// How many bytes the channel has taken, and how many of them the kernel may not have yet.
    var bytesWritten: UInt64 = 0
    var bytesHeld = 0
    var pings = PendingPings()

    // Signs of life.
    var keepalive: KeepaliveMonitor?
    var keepaliveTimer: TransportTimer?
    var idleTimer: TransportTimer?
    /// When something came last, and when something other than control frames did.
    var lastHeard = Duration.zero
    var lastData = Duration.zero
    /// When reading went on after a pause.
    var lastResumed = Duration.zero
    var readSize: ReadSize
    /// How many bytes have come, and how many of them were of pings and pongs.
    var bytesRead = 0
    var controlBytesRead = 0
    /// The difference of the two when it was last looked at.
    var dataBytesRead = 0
    /// How many bytes of a payload the channel has been told to wait for.
    var awaitedBytes = 0
    /// Nil where the channel or its loop has no use for it.
    var moderation: ReadModeration?
    var moderationTimer: TransportTimer?

    // Closing.
    private var closeTimer: TransportTimer?
    private var closeWaiters: [CheckedContinuation<WebSocketCloseInfo, Never>] = []
    /// What ended an open connection from below, where that is more than the end of its stream.
    /// A box, as is the next: both are rarely there, and large.
    var transportError: (any Error)?
    /// Which deadline has ended an open connection.
    var deadlineError: (any Error)?
    private var endWaiters: [Int: CheckedContinuation<WebSocketCloseInfo, any Error>] = [:]
    private var nextEndWaiter = 0

    /// How long a reader may take to come to the peer's last word before it is answered anyway.
    static let readerGrace = Duration.seconds(1)
    /// How long the server may take to end the TCP connection when both Close frames have gone (RFC 6455 section 7.1.1
    /// leaves the number open).
    static let transportEndGrace = Duration.seconds(2)

    init(
        transport: any Transport,
        request: UpgradeRequest,
        configuration: WebSocketConfiguration,
        consumer: Consumer,
        openingBegin: Duration
    ) {
        self.transport = transport
        self.loop = transport.loop
        self.plan = Plan(configuration, request)
        self.settings = Settings(configuration)
        self.logger = configuration.logger
        self.consumer = consumer
        self.openingBegin = openingBegin
        self.moderation = transport.loop.readModeration.map(ReadModeration.init)
        self.readSize = ReadSize(most: configuration.limits.inboundHighWaterMark)
        self.pingLimiter = PingLimiter(limit: configuration.limits.pingsPerSecond)
        self.gathering = WriteGathering(
            delay: transport.loop.gatheringDelay,
            highWaterMark: configuration.limits.outboundHighWaterMark
        )
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    /// Asks for something without waiting. Any thread; takes no allocation.
    nonisolated func signal(_ signal: Signal) {
        let before = self.signals.bitwiseOr(signal.rawValue, ordering: .acquiringAndReleasing).oldValue
        // The work that is queued already will see the new bit as well.
        if before == 0 { self.loop.wake(self) }
    }

    // MARK: Timers

    func schedule(after delay: Duration, _ action: @escaping @Sendable (isolated Connection) -> Void) -> TransportTimer
    {
        self.schedule(at: self.loop.now + delay, action)
    }

    func schedule(
        at deadline: Duration,
        _ action: @escaping @Sendable (isolated Connection) -> Void
    ) -> TransportTimer {
        self.loop.schedule(at: deadline) { [weak self] in
            self?.assumeIsolated { action($0) }
        }
    }

    private func armCloseTimer(_ delay: Duration, _ action: @escaping @Sendable (isolated Connection) -> Void) {
        if let timer = self.closeTimer.take() { self.loop.cancel(timer) }
        self.closeTimer = self.schedule(after: delay, action)
    }

    // MARK: Closing

    /// Closes, and waits for the end. Not cut short by cancellation, which the deadline makes bearable: for who has to see
    /// it through. ``WebSocket/close(code:reason:)`` begins to close, and waits as long as its task is not cancelled.
    func close(_ frame: CloseFrame) async -> WebSocketCloseInfo {
        self.perform(self.lifecycle.closeRequested(frame))
        if let info = self.closeInfo.withLock({ $0 }) { return info }
        return await withCheckedContinuation { self.closeWaiters.append($0) }
    }

    /// Waits for the end, whoever brings it about.
    func end() async throws -> WebSocketCloseInfo {
        let waiter = self.nextEndWaiter
        self.nextEndWaiter += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let info = self.closeInfo.withLock({ $0 }) {
                    continuation.resume(returning: info)
                } else if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    self.endWaiters[waiter] = continuation
                }
            }
        } onCancel: {
            Task { await self.cancelEndWaiter(waiter) }
        }
    }

    private func cancelEndWaiter(_ waiter: Int) {
        self.endWaiters.removeValue(forKey: waiter)?.resume(throwing: CancellationError())
    }

    /// Closes without waiting for the end.
    func beginClosing(_ frame: CloseFrame) {
        self.perform(self.lifecycle.closeRequested(frame))
    }

    func perform(_ action: ConnectionLifecycle.Action) {
        switch action {
        case .none:
            break
        case .sendClose(let frame):
            self.sendClose(frame)
        case .awaitReader:
            self.awaitReader()
        case .awaitTransportEnd:
            let limit = min(Self.transportEndGrace, self.settings.closeDeadline)
            self.armCloseTimer(limit) { $0.closeDeadlinePassed(limit) }
        }
    }

    private func sendClose(_ frame: CloseFrame) {
        if case .client(let client) = self.consumer { client.willEnd() }
        var wake = false
        let error = WebSocketError(.connectionClosed, "the connection is closing (\(frame.code))")
        self.outbound?.appendClose(frame, error: error, wake: &wake)
        let answersPeer = self.lifecycle.received != nil || self.lifecycle.violation != nil
        let limit = self.settings.closeDeadline
        let delay = answersPeer ? min(Self.transportEndGrace, limit) : limit
        self.armCloseTimer(delay) { $0.closeDeadlinePassed(delay) }
        self.flush()
        // The peer's Close frame may be behind messages that nobody reads any more.
        self.resumeReading()
    }

    private func awaitReader() {
        switch self.consumer {
        case .queue(let queue) where !queue.appendBarrier():
            // Nothing more is wanted of the peer. Its end of the stream, which many send with their Close frame, is not
            // looked at before the reader's answers and our Close frame have gone.
            self.pauseReading()
            self.armCloseTimer(Self.readerGrace) { $0.perform($0.lifecycle.barrierReached()) }
        case .queue, .handler, .client:
            self.perform(self.lifecycle.barrierReached())
        }
    }

    private func closeDeadlinePassed(_ limit: Duration) {
        if self.lifecycle.received != nil || self.lifecycle.violation != nil {
            // Nothing more will come; only the server is slow to end the TCP connection, or to read what we sent.
            self.channel?.close()
            self.armCloseTimer(Self.transportEndGrace) { $0.abort("the closing handshake did not end") }
        } else {
            self.abort("the peer did not answer the Close frame within \(limit)")
        }
    }

    /// Gives the connection up, for a reason that the end will tell.
    func abort(
        _ reason: String,
        _ cause: WebSocketCloseInfo.Cause = .timedOut,
        by initiator: WebSocketCloseInfo.Initiator = .local
    ) {
        if case .client(let client) = self.consumer { client.willEnd() }
        self.lifecycle.abandoned(reason, cause, by: initiator)
        self.channel?.abort()
    }

    // MARK: The end

    /// The channel is gone: everyone who waits for something is told, once.
    func transportEnded(_ failure: TransportFailure?) {
        let position = self.decoder?.position ?? .betweenMessages
        guard let info = self.lifecycle.transportClosed(failure, at: position) else { return }
        self.cancelOpeningTimers()
        self.stopKeepalive()
        self.stopIdleTimer()
        if let timer = self.closeTimer.take() { self.loop.cancel(timer) }
        if let timer = self.pauseTimer.take() { self.loop.cancel(timer) }
        if let timer = self.gatheringTimer.take() { self.loop.cancel(timer) }
        if let timer = self.moderationTimer.take() { self.loop.cancel(timer) }
        self.gatheringEnd = nil
        self.channel = nil
        self.decoder = nil
        self.loopContext = nil
        self.closeInfo.withLock { $0 = info }
        let closed = WebSocketError(.connectionClosed, "the connection has ended", close: info)
        let end = self.inboundEnd(info)
        if case .queue(let queue) = self.consumer { queue.finish(end) }
        self.outbound?.fail(closed)
        self.inflight.removeAll()
        for ping in self.pings.takeAll() { ping.continuation?.resume(throwing: closed) }
        for waiter in self.closeWaiters { waiter.resume(returning: info) }
        self.closeWaiters = []
        for waiter in self.endWaiters.values { waiter.resume(returning: info) }
        self.endWaiters = [:]
        self.logger.debug("connection ended", metadata: ["close": "\(info)"])
        // The opening tells itself what has come of it: another request may be under way already.
        if case .client(let client) = self.consumer, self.outbound != nil { client.ended(info, end) }
    }

    /// How the reader learns of the end: quietly where this side wanted it or the peer said goodbye, else with an error.
    private func inboundEnd(_ info: WebSocketCloseInfo) -> InboundQueue.End {
        if let violation = self.lifecycle.violation {
            let code: WebSocketError.Code =
                violation.closeCode == .messageTooBig ? .messageTooLarge : .protocolViolation
            return .failed(WebSocketError(code, violation.message, close: info))
        }
        if var deadlineError = self.deadlineError as? WebSocketError {
            deadlineError.close = info
            return .failed(deadlineError)
        }
        if let transportError = self.transportError as? WebSocketError {
            return .failed(WebSocketError(transportError.code, transportError.message, close: info))
        }
        if info.initiator == .local { return .finished }
        // Whether our answer could still be sent says nothing about what the peer said.
        if self.lifecycle.received != nil {
            switch info.code {
            case .normalClosure, .goingAway, .noStatusReceived: return .finished
            default: return .failed(WebSocketError(.connectionClosed, "the peer closed the connection", close: info))
            }
        }
        return .failed(WebSocketError(.transportFailed, info.failure ?? "the connection broke", close: info))
    }
}

// MARK: - Signals

extension Connection: TransportLoopWork {
    nonisolated func runOnLoop() {
        let signals = Signal(rawValue: self.signals.exchange(0, ordering: .acquiringAndReleasing))
        self.assumeIsolated { $0.handle(signals) }
    }

    private func handle(_ signals: Signal) {
        if signals.contains(.flush) { self.flush() }
        if signals == .flush { return }
        if signals.contains(.cancelOpening) { self.openingCancelled() }
        if signals.contains(.passBarrier) { self.perform(self.lifecycle.barrierReached()) }
        if signals.contains(.resumeReading), self.mayResume { self.resumeReading() }
        if signals.contains(.abort) { self.abort("aborted by this side", .aborted) }
        if signals.contains(.release), self.lifecycle.state != .closed {
            self.logger.debug("an open connection was released; it closes with 1001")
            self.perform(self.lifecycle.closeRequested(Self.goingAway))
        }
        if signals.contains(.cancelScope) { self.perform(self.lifecycle.closeRequested(Self.goingAway)) }
    }

    /// 1001 is sendable, and there is no reason text to be too long.
    static let goingAway = (try? CloseFrame(code: .goingAway)) ?? .withoutCode
}
