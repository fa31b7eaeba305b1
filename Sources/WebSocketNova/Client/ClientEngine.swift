internal import LWSTransport
internal import Logging
internal import Synchronization
internal import WebSocketCore

/// A client at work: the one owner of a user's connection over all its transports.
///
/// It tells its ``ConnectionStateMachine`` what happens, carries out what that decides, and calls the handlers. It runs on
/// the event loop of its connections, which call it there synchronously, through ``ClientStream``. A connection is in the
/// middle of something then, so that the engine never calls one back: it signals, and leaves the rest to a task.
///
/// | file | what |
/// |---|---|
/// | `+Opening` | transports, up and down |
/// | `+Reconnection` | policy and timer |
/// | `+Restoring` | what is done with a new connection before users have it |
/// | `+Receiving` | messages, to handlers, requests, subscriptions, listeners |
/// | `+Sending` | messages of users and handlers |
/// | `+RateLimit` | what waits for the rate limiter |
/// | `+Requests`, `+Authentication`, `+Subscriptions` | exchanges that wait for an answer |
/// | `+Handlers` | calls of handlers, and their decisions |
/// | `+Ending` | closing, and the end |
actor ClientEngine {
    /// What other threads ask of it without waiting.
    struct Signal: OptionSet {
        let rawValue: UInt8
        /// A listener has room again.
        static let listenerHasRoom = Signal(rawValue: 1)
        /// Messages were sent that the metrics have not been told of.
        static let count = Signal(rawValue: 2)
        /// Nobody holds the client any more.
        static let release = Signal(rawValue: 4)
        /// A subscription was let go of.
        static let prune = Signal(rawValue: 8)
    }

    /// A stream with a transport, from the attempt to open it to its end.
    struct Live {
        let follower: ClientStream
        let monitor: TransportMonitor
        /// What it is the further stream's opening that somebody waits for.
        var waiter: CheckedContinuation<StreamRef, any Error>?
        var opening: Task<Void, Never>?
        var socket: WebSocket?
        let path: String
        let began: Duration
        var up: Duration?
        var opened: Duration?
    }

    nonisolated let id: ConnectionID
    nonisolated let configuration: ClientConfiguration
    let url: WebSocketURL
    nonisolated let transport: any Transport
    nonisolated let shared: ClientShared
    nonisolated let logger: Logger
    private nonisolated let signals = Atomic<UInt8>(0)
    private let life = LiveObject(.clientEngine)

    var machine: ConnectionStateMachine
    var history: ConnectionHistory
    var live: [StreamRef: Live] = [:] {
        didSet { self.liveVersion &+= 1 }
    }
    /// Changes with `live`: what was found there holds as long as this is the same.
    var liveVersion: UInt64 = 0
    /// What handlers want to be told of, read once.
    let wants: HandlerWants

    // Opening and ending.
    let connectWaiters = WaiterList<Void>()
    let endWaiters = WaiterList<DisconnectReason>()
    var reconnectTimer: TransportTimer?
    var lastLoss: DisconnectReason?
    var restoration: Task<Void, Never>?
    var hasBeenOpen = false
    /// A handler has given the present connection up, to have another one.
    var reconnectIsWanted = false
    /// The connection handler has been told of a connection, and not yet of its loss.
    var owesDisconnect = false
    /// Why the end came, for those who call later.
    var ending: WebSocketError?
    /// Everyone has been told of the end, and is told of nothing more.
    var hasToldEnd = false
    /// The Close frame that the user, or a handler, wants to be sent.
    var closeFrame: CloseFrame?

    // Sending.
    nonisolated let routeWaiters = WaiterList<WebSocket>()
    var limiter = RateLimitQueue<Admission>()
    var limiterTimer: TransportTimer?

    // Exchanges.
    var requests = PendingRequests()
    /// How many wait: for a connection, the rate limiter or their answers.
    var requestCount = 0
    var requestWaiters: [PendingRequests.ID: PendingRequest] = [:]
    var authentication = Authentication()
    var channels: [String: Channel] = [:]
    /// How many are about to ask for a channel.
    var askers: [String: Int] = [:]
    /// Channels that were left while there was no open connection.
    var leftChannels: Set<String> = []
    /// Which channel a subscription is to.
    var channelNames: [SubscriptionID: String] = [:]
    let restoringWaiters = WaiterList<Void>()

    // Listening.
    var listeners: [EventListener]
    nonisolated let eventQueues = EventQueues()
    /// The sequences as of the last look.
    private var seenQueues: (list: [EventQueue], version: Int) = ([], -1)
    nonisolated let readers: ReaderPlace
    private var seenReader: (queue: InboundQueue?, version: Int) = (nil, -1)
    var frameHandlers = FrameHandlers()
    var outgoing = InboundBatch()
    /// The messages of a read are being looked at: listeners are woken behind the last of them.
    var isInBatch = false
    /// An error is being reported: one that comes of that is not.
    var isReporting = false

    /// - Throws: ``WebSocketError``: `invalid_*` for what is wrong with the configuration.
    init(_ configuration: ClientConfiguration) throws {
        try configuration.validate()
        let id = ConnectionID.make()
        var options = try configuration.connectionOptions()
        // Kept where they are let go of at the end: what a listener holds may hold the client.
        let listeners = configuration.listeners
        options.listener = nil
        var configuration = configuration
        configuration.listeners = []
        var state = ConnectionState(host: options.host ?? "", port: options.port ?? 0, options: options)
        state.updateHandlers(configuration.handlers.unshared())
        state.updateListener(listeners.first)
        let machine = ConnectionStateMachine(state, connection: id)
        self.id = id
        self.configuration = configuration
        self.url = try WebSocketURL(configuration.url)
        let transport = try configuration.webSocket.nextTransport()
        self.transport = transport
        self.readers = ReaderPlace(marks: configuration.webSocket.limits.inboundMarks)
        self.logger = configuration.webSocket.logger
        self.machine = machine
        self.history = ConnectionHistory(now: transport.loop.now, wallClock: transport.loop.wallClock)
        self.shared = ClientShared(machine.stream)
        self.wants = HandlerWants(configuration.handlers)
        // The first one is the state's.
        self.listeners = listeners.filter { $0 != listeners.first }
    }

    nonisolated var loop: any TransportLoop { self.transport.loop }

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    /// The sequences of events that somebody may read.
    var heard: [EventQueue] {
        if let list = self.eventQueues.look(&self.seenQueues.version) { self.seenQueues.list = list }
        return self.seenQueues.list
    }

    /// The queue of the reader of messages, if there is one.
    var reader: InboundQueue? {
        if let queue = self.readers.look(&self.seenReader.version) { self.seenReader.queue = queue }
        return self.seenReader.queue
    }

    // MARK: Machine

    /// Tells the machine what happened, keeps the record of what that changes, and carries out what it decides.
    func step(
        _ cause: ConnectionHistory.Cause,
        _ metadata: ConnectionHistory.Metadata = ConnectionHistory.Metadata(),
        _ fact: (inout ConnectionStateMachine) throws -> ConnectionStateMachine.Action
    ) rethrows {
        let before = self.machine.state.status
        let action = try fact(&self.machine)
        self.noteStatus(from: before, cause, metadata)
        self.perform(action)
    }

    /// Keeps the record of a change of the status.
    func noteStatus(
        from before: ConnectionStatus,
        _ cause: ConnectionHistory.Cause,
        _ metadata: ConnectionHistory.Metadata = ConnectionHistory.Metadata()
    ) {
        let (after, stream) = (self.machine.state.status, self.machine.stream)
        self.shared.state.withLock { state in
            state.status = after
            state.stream = stream
        }
        guard before != after else { return }
        var metadata = metadata
        metadata.stream = metadata.stream ?? stream
        self.history.record(
            from: before,
            to: after,
            cause: cause,
            now: self.loop.now,
            wallClock: self.loop.wallClock,
            metadata: metadata
        )
    }

    private func perform(_ action: ConnectionStateMachine.Action) {
        switch action {
        case .none:
            break
        case .open(let stream):
            self.open(stream)
        case .announce(let stream, let isReconnection, let attempt, let gap):
            self.announce(stream, isReconnection: isReconnection, attempt: attempt, gap: gap)
        case .askPolicy(let reason, let attempt, let wasStable, let wanted):
            self.askPolicy(reason, attempt: attempt, wasStable: wasStable, wanted: wanted)
        case .armTimer(let timer, let delay, let attempt):
            self.armReconnectTimer(timer, delay, attempt)
        case .close(let stream):
            self.sendClose(on: stream)
        case .abort(let stream):
            self.abort(stream)
        case .finish(let reason):
            self.finish(reason)
        }
    }

    // MARK: Tasks and timers

    /// Runs a task of the engine's own, all of it on the loop: also where a task is on no actor, at its beginning for one.
    @discardableResult
    nonisolated func task(
        _ body: @escaping @Sendable (isolated ClientEngine) async -> Void
    ) -> Task<Void, Never> {
        Task(executorPreference: self.loop.taskExecutor) { await body(self) }
    }

    func schedule(
        after delay: Duration,
        _ action: @escaping @Sendable (isolated ClientEngine) -> Void
    ) -> TransportTimer {
        self.loop.schedule(at: self.loop.now + delay) { [weak self] in
            self?.assumeIsolated { action($0) }
        }
    }

    func cancel(_ timer: inout TransportTimer?) {
        if let timer = timer.take() { self.loop.cancel(timer) }
    }
}

// MARK: - Signals

extension ClientEngine: TransportLoopWork {
    /// Asks for something without waiting. Any thread; takes no allocation.
    nonisolated func signal(_ signal: Signal) {
        let before = self.signals.bitwiseOr(signal.rawValue, ordering: .acquiringAndReleasing).oldValue
        if before == 0 { self.loop.wake(self) }
    }

    nonisolated func runOnLoop() {
        let signals = Signal(rawValue: self.signals.exchange(0, ordering: .acquiringAndReleasing))
        self.assumeIsolated { $0.handle(signals) }
    }

    private func handle(_ signals: Signal) {
        if signals.contains(.count) { self.countSent() }
        if signals.contains(.prune) { self.pruneSubscriptions() }
        if signals.contains(.listenerHasRoom) { self.resumeReading() }
        if signals.contains(.release) { self.released() }
    }
}

extension ConnectionID {
    private static let made = Atomic<UInt64>(0)

    /// A name that no other connection of the process has had.
    static func make() -> ConnectionID {
        ConnectionID(rawValue: self.made.add(1, ordering: .relaxed).newValue)
    }
}

extension TransportID {
    private static let made = Atomic<UInt64>(0)

    /// A name that no other transport of the process has had.
    static func make() -> TransportID {
        TransportID(rawValue: self.made.add(1, ordering: .relaxed).newValue)
    }
}
