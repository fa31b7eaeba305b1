internal import CLibwebsockets
internal import Glibc
internal import Logging
internal import Synchronization
internal import WebSocketCore

/// What belongs to a loop's thread: the lws context, its vhosts, timers, buffers and the tunnels on it.
///
/// `@unchecked Sendable` because every stored property below "on the loop" is only touched by the loop's thread, which
/// `assertOnLoop` checks in debug builds before each use; the others are constants or atomics.
final class LoopCore: @unchecked Sendable {
    /// lws writes its request and its log lines into a buffer of this size, and lets no read bring more (service.c:383).
    /// A multiple of 16, because lws lays structures behind it (context.c:859).
    static let serviceBufferSize = scratchSize + 4096
    /// How many bytes one read takes at most. One that empties the socket is worth many that do not: while there is something
    /// left, the kernel has the reader do the receiving of packets too.
    static let scratchSize = 1 << 20

    let backend: LoopBackend
    let logger: Logger
    /// lws has made tables for descriptors below this number.
    private let descriptorCapacity: Int
    /// Read by metrics and tests on other threads.
    let tunnelCount = Atomic<Int>(0)
    private let threadID = Atomic<UInt>(0)
    private nonisolated(unsafe) let context: OpaquePointer  // its backend's wake() may take it on any thread

    // On the loop.
    /// Set once, before the thread starts. Unowned: the thread owns the loop, the loop owns this.
    unowned var loop: EventLoop!
    let scratch: UnsafeMutableRawBufferPointer
    private var timers = LoopTimers()
    private var timerDescriptor: Int32 = -1
    private var timerWSI: OpaquePointer?
    private var armedDeadline: Duration?
    private var tunnels: [ObjectIdentifier: Tunnel] = [:]
    private var doomed: [TunnelAttempt] = []
    private var gate = OpeningGate<Tunnel>()
    private var gateTimer: TransportTimer?
    private var isShuttingDown = false
    private let vhosts: VhostCache
    /// Made when it is first needed.
    private var socketWatcher: SocketWatcher?

    /// Makes a context with the first backend that there is.
    static func make(_ configuration: EventLoop.Configuration) -> (LoopCore, EventLoopBackend)? {
        _ = AllocatorTuning.prepared
        for kind in configuration.backends {
            guard let backend = LoopBackend(kind) else { continue }
            if let context = Self.makeContext(on: backend, configuration) {
                if kind != configuration.backends.first {
                    configuration.logger.warning(
                        "event loop library not available, using another one",
                        metadata: [
                            "wanted": "\(configuration.backends.first?.rawValue ?? "none")", "used": "\(kind.rawValue)",
                        ]
                    )
                }
                guard let core = LoopCore(backend: backend, context: context, configuration) else {
                    backend.destroy(context)
                    return nil
                }
                return (core, kind)
            }
            backend.destroyUnused()
        }
        return nil
    }

    private static func makeContext(
        on backend: LoopBackend,
        _ configuration: EventLoop.Configuration
    ) -> OpaquePointer? {
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN
        // Vhosts are made by hand: TLS must not be initialised with the context (its global index would be made anew,
        // openssl-tls.c:145), only with the vhosts that use it.
        info.options = UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS) | backend.contextOption
        info.pt_serv_buf_size = UInt32(Self.serviceBufferSize)
        // The response's headers and the request's strings share this buffer; it is freed after the upgrade.
        info.max_http_header_data2 = UInt32(HeaderLimits.lwsBufferSize)
        // The deadlines are ours. lws's own would come first with its default of 5 s for each phase.
        info.timeout_secs = 3600
        info.connect_timeout_secs = 3600
        info.timeout_secs_ah_idle = 3600
        var foreignLoops: [UnsafeMutableRawPointer?] = [backend.foreignLoop]
        return foreignLoops.withUnsafeMutableBufferPointer { loops in
            if backend.foreignLoop != nil { info.foreign_loops = loops.baseAddress }
            return LWSGlobal.makeContext(&info, maximumDescriptors: configuration.maximumDescriptors)
        }
    }

    private init?(backend: LoopBackend, context: OpaquePointer, _ configuration: EventLoop.Configuration) {
        guard let vhosts = VhostCache(context: context) else { return nil }
        self.backend = backend
        self.context = context
        self.logger = configuration.logger
        self.descriptorCapacity = min(Descriptors.limit, configuration.maximumDescriptors)
        self.vhosts = vhosts
        self.scratch = .allocate(byteCount: Self.scratchSize, alignment: 64)
        guard self.openTimer() else {
            self.scratch.deallocate()
            return nil
        }
    }

    // MARK: The thread

    var isCurrentThread: Bool { self.threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    func bindToCurrentThread() { self.threadID.store(UInt(pthread_self()), ordering: .relaxed) }

    func unbind() { self.threadID.store(0, ordering: .relaxed) }

    func assertOnLoop() {
        assert(self.isCurrentThread, "an lws call from a thread that is not the loop's")
    }

    /// Any thread.
    func wake() { self.backend.wake(self.context) }

    func turn(blocking: Bool) {
        self.assertOnLoop()
        self.vhosts.trim()
        self.backend.turn(self.context, blocking: blocking && self.doomed.isEmpty)
    }

    // MARK: The end

    var isIdle: Bool { self.tunnels.isEmpty && self.doomed.isEmpty }

    func beginShutdown() {
        guard !self.isShuttingDown else { return }
        self.isShuttingDown = true
        for tunnel in self.tunnels.values { tunnel.loopWillShutDown() }
    }

    /// Frees the context. Every tunnel is gone by now; it is called once, on the loop's thread or before that has started.
    func destroy() {
        // lws tells the end of every wsi to the first protocol, which takes what it finds there for a tunnel.
        if let wsi = self.timerWSI { lws_set_opaque_user_data(wsi, nil) }
        self.timerWSI = nil
        self.socketWatcher?.forget()
        self.socketWatcher = nil
        // lws closes the timer's descriptor with its wsi.
        self.backend.destroy(self.context)
        // Its number may soon be somebody else's.
        self.timerDescriptor = -1
        self.timers = LoopTimers()
        self.vhosts.contextWasDestroyed()
        self.scratch.deallocate()
    }

    // MARK: Tunnels

    /// Takes a tunnel in. False when the loop is shutting down.
    func add(_ tunnel: Tunnel) -> Bool {
        self.assertOnLoop()
        guard !self.isShuttingDown else { return false }
        self.tunnels[ObjectIdentifier(tunnel)] = tunnel
        self.tunnelCount.add(1, ordering: .relaxed)
        return true
    }

    func remove(_ tunnel: Tunnel) {
        self.assertOnLoop()
        if self.tunnels.removeValue(forKey: ObjectIdentifier(tunnel)) != nil {
            self.tunnelCount.subtract(1, ordering: .relaxed)
        }
        self.openingEnded(tunnel)
    }

    /// A tunnel wants to be opened. It proceeds when its turn has come, which mostly is at once; see ``OpeningGate``.
    func openInTurn(_ tunnel: Tunnel) {
        self.assertOnLoop()
        let (ticket, isInside) = self.gate.arrive(tunnel, now: monotonicNow())
        tunnel.openingTicket = ticket
        if isInside { tunnel.proceed() } else { self.armGateTimer() }
    }

    /// The opening of a tunnel is over, whatever came of it.
    func openingEnded(_ tunnel: Tunnel) {
        guard let ticket = tunnel.openingTicket.take() else { return }
        self.gate.leave(ticket)
        if self.gate.waitingCount > 0 { self.letIn() }
    }

    private func letIn() {
        while let tunnel = self.gate.next(now: monotonicNow()) { tunnel.proceed() }
        self.armGateTimer()
    }

    private func armGateTimer() {
        guard self.gateTimer == nil, let time = self.gate.nextEntrance else { return }
        self.gateTimer = self.schedule(at: time) { [unowned self] in
            // The loop's own timers do not outlive it.
            self.gateTimer = nil
            self.letIn()
        }
    }

    /// Notes an attempt whose wsi is to be closed between this turn and the next. Not at once: to close a wsi within its own
    /// callback frees it under lws's feet.
    func doom(_ attempt: TunnelAttempt) {
        self.assertOnLoop()
        self.doomed.append(attempt)
    }

    func killDoomed() {
        while let attempt = self.doomed.popLast() { attempt.kill() }
    }

    /// The vhost for a TLS context, or the one for connections in the clear; give it back.
    func takeVhost(for tls: TLSContext?) throws(WebSocketError) -> OpaquePointer {
        self.assertOnLoop()
        return try self.vhosts.take(for: tls)
    }

    /// How many vhosts there are for TLS. For tests.
    var secureVhostCount: Int {
        self.assertOnLoop()
        return self.vhosts.count
    }

    func giveBackVhost(of tls: TLSContext?) {
        self.assertOnLoop()
        if let tls { self.vhosts.giveBack(tls) }
    }

    /// Watches sockets beside lws. Nil if there is no descriptor for it.
    func watcher() -> SocketWatcher? {
        self.assertOnLoop()
        if self.socketWatcher == nil { self.socketWatcher = SocketWatcher(vhost: self.vhosts.plain) }
        return self.socketWatcher
    }

    /// Why an attempt to connect may have failed that failed on this side.
    var descriptorShortage: WebSocketError? { Descriptors.shortage(capacity: self.descriptorCapacity) }

    /// Whether lws holds nothing that it has read and not handed over.
    var hasNothingBuffered: Bool {
        self.assertOnLoop()
        return lws_service_adjust_timeout(self.context, 1, 0) != 0
    }

    /// The context, for the calls that open connections.
    var contextOnLoop: OpaquePointer {
        self.assertOnLoop()
        return self.context
    }

    // MARK: Timers

    func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> TransportTimer {
        self.assertOnLoop()
        let timer = self.timers.schedule(at: deadline, action)
        self.armTimer()
        return timer
    }

    func cancel(_ timer: TransportTimer) {
        self.assertOnLoop()
        self.timers.cancel(timer)
        // The descriptor stays armed for the old time: one needless wake costs less than a system call per cancellation.
    }

    var pendingTimers: Int {
        self.assertOnLoop()
        return self.timers.count
    }

    /// The timer's descriptor is in lws's own set, which works alike with every backend; lws's timers do not (an earlier
    /// one is ignored while a later one is pending, libev.c:44).
    private func openTimer() -> Bool {
        let descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
        guard descriptor >= 0 else { return false }
        var file = lws_sock_file_fd_type()
        file.filefd = descriptor
        let wsi = lws_adopt_descriptor_vhost(
            self.vhosts.plain,
            LWS_ADOPT_RAW_FILE_DESC,
            file,
            LWSCallbacks.timerProtocolName,
            nil
        )
        guard let wsi else {
            close(descriptor)
            return false
        }
        self.timerDescriptor = descriptor
        self.timerWSI = wsi
        lws_set_opaque_user_data(wsi, Unmanaged.passUnretained(self).toOpaque())
        return true
    }

    /// TFD_TIMER_ABSTIME, a macro that Swift does not see.
    private static let absoluteTime: Int32 = 1

    private func armTimer() {
        guard self.timerDescriptor >= 0, let deadline = self.timers.nextDeadline else { return }
        if let armed = self.armedDeadline, armed <= deadline { return }
        self.armedDeadline = deadline
        let (seconds, attoseconds) = deadline.components
        var time = itimerspec()
        time.it_value.tv_sec = Int(seconds)
        // Zero would disarm it.
        time.it_value.tv_nsec = max(1, Int(attoseconds / 1_000_000_000))
        timerfd_settime(self.timerDescriptor, Self.absoluteTime, &time, nil)
    }

    /// Runs what has been scheduled, whenever it is due: the loop ends, and who waits for a time that will not come must be
    /// told. What that schedules runs the next time.
    ///
    /// - Returns: whether there was anything.
    func runTimersAtEnd() -> Bool {
        var timers = self.timers
        self.timers = timers.emptied()
        var hasRun = false
        while let action = timers.popDue(now: .seconds(Int64.max)) {
            hasRun = true
            action()
        }
        return hasRun
    }

    /// The timer's descriptor is readable: runs what is due.
    func timerFired() {
        var expirations: UInt64 = 0
        _ = read(self.timerDescriptor, &expirations, 8)
        self.armedDeadline = nil
        let now = monotonicNow()
        while let action = self.timers.popDue(now: now) { action() }
        self.armTimer()
    }
}
