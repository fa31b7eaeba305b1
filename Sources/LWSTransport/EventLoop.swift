internal import CLibwebsockets
internal import Glibc
public import Logging
internal import Synchronization
public import WebSocketCore

/// One thread that drives one libwebsockets context, and the executor of the connections on it.
///
/// Other threads make no lws call but `lws_cancel_service` ("the only API that is safe to call from another thread context",
/// lws's README.coding.md), and with libev not that one either, which has its own (`ev_async_send`); everything else is put
/// into a queue that this thread empties between two turns.
///
/// Users' tasks can run on it as well, on its ``taskExecutor``, which saves the hop between two threads for each batch of
/// messages. They must not block it.
///
/// What it changes in the process stands in the article "Effects on the whole process".
public final class EventLoop: Sendable {
    /// How a loop is made.
    public struct Configuration: Sendable {
        /// The event loop library to use, tried in this order. Default: libev, libuv, poll; a fallback is logged as a
        /// warning.
        public var backends: [EventLoopBackend] = [.libev, .libuv, .poll]

        /// How many file descriptors the loop makes room for: it serves sockets whose number is below this and below the
        /// soft limit of the process (`RLIMIT_NOFILE`) at the time when the loop is made. 64 to 1,048,576. Default: 65,536.
        ///
        /// It defends against the limits of a million or more that containers come with: libwebsockets takes 16 bytes for
        /// each possible descriptor, and Debian's build of it looks through all of them for each socket that is closed.
        /// Raise it if the process has more descriptors than that; a connection beyond it fails with `resource_exhausted`.
        public var maximumDescriptors = 65_536

        /// What turns names into addresses for the connections on the loop.
        package var resolver = Resolver.shared

        /// When reads are held back for more to come: from 1 GB/s on, at which the mark is reached in twice the delay.
        /// With half the mark a flood of messages of 64 KiB takes a fifth more processor time.
        package var readModeration: ReadModerationLimits? = ReadModerationLimits(
            least: 4 << 20,
            within: .milliseconds(4),
            mark: 512 << 10,
            delay: .microseconds(250)
        )

        /// Where the loop logs to. Default: a logger labelled `websocketnova.loop`.
        public var logger = Logger(label: "websocketnova.loop")

        /// The defaults.
        public init() {}
    }

    private struct Job {
        var job: UnownedJob
        /// Whether it belongs to a task that prefers the loop, rather than to an actor on it. The two have to be run as what
        /// they are: run as an actor's, each of the task's `await`s would find itself on the wrong executor, and be queued
        /// again.
        var isTask: Bool
    }

    private struct Queue {
        var jobs: [Job] = []
        var work: [any TransportLoopWork] = []
        /// The loop waits, or is about to, and nobody has woken it yet.
        var needsWake = false
        /// Set by ``shutDown()``.
        var isShuttingDown = false
        /// The lws context is gone: jobs are run by threads of their own from here on.
        var isRetired = false
        /// Such a thread runs; at first it is the loop's own.
        var isDrained = false
        /// The context has been freed.
        var isOver = false
        var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Which backend the loop got.
    public let backend: EventLoopBackend

    let core: LoopCore
    let resolver: Resolver
    package let readModeration: ReadModerationLimits?
    private let loopTaskExecutor: LoopTaskExecutor
    private let queue: Mutex<Queue>
    /// Threads between "may wake the loop" and "have woken it"; the context is destroyed when there are none.
    private let wakersInFlight = Atomic<Int>(0)
    private let logger: Logger
    /// How often the queue is emptied before the sockets are looked at again.
    private static let roundsPerTurn = 8
    /// How often timers are run at the end that those before have made: for somebody who would go on for ever.
    private static let maximumEndRounds = 100

    /// Starts a loop.
    ///
    /// - Throws: ``WebSocketError``: `resource_exhausted` if no context or no thread can be had; `invalid_configuration`.
    public init(configuration: Configuration = Configuration()) throws(WebSocketError) {
        guard (64...1_048_576).contains(configuration.maximumDescriptors) else {
            throw WebSocketError(
                .invalidConfiguration,
                "maximumDescriptors is \(configuration.maximumDescriptors); it must be from 64 to 1048576"
            )
        }
        self.logger = configuration.logger
        self.resolver = configuration.resolver
        self.readModeration = configuration.readModeration
        self.queue = Mutex(Queue())
        self.loopTaskExecutor = LoopTaskExecutor()
        // A context with its loop takes about ten; the rest is for what other threads open meanwhile.
        guard Descriptors.areAvailable(32) else {
            throw WebSocketError(.resourceExhausted, "not enough file descriptors for an event loop")
        }
        guard let (core, backend) = LoopCore.make(configuration) else {
            throw WebSocketError(.resourceExhausted, "libwebsockets could not create a context")
        }
        self.core = core
        self.backend = backend
        core.loop = self
        self.loopTaskExecutor.loop = self
        try self.startThread()
    }

    private func startThread() throws(WebSocketError) {
        let status = spawnThread(named: "nova-loop") {
            // The thread keeps its loop alive: a loop ends by `shutDown`, or with the process.
            self.run()
        }
        guard status == 0 else {
            self.core.destroy()
            throw WebSocketError(.resourceExhausted, "no thread for the event loop: \(describe(errno: status))")
        }
    }

    /// Closes every connection on this loop, waits for their end, frees the context and ends the thread.
    ///
    /// Connections on it end with the error `loop_shut_down`. Calling it again, or at the same time, just waits.
    public func shutDown() async {
        self.beginShutdown()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isOver = self.queue.withLock { queue in
                if !queue.isOver { queue.shutdownWaiters.append(continuation) }
                return queue.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    /// Does what ``shutDown()`` does, without waiting for it.
    func beginShutdown() {
        let isNew = self.queue.withLock { queue in
            defer { queue.isShuttingDown = true }
            return !queue.isShuttingDown
        }
        if isNew { self.signal() }
    }

    /// How many connections are on this loop, in whatever phase. For tests and metrics.
    package var liveTunnels: Int { self.core.tunnelCount.load(ordering: .relaxed) }

    // MARK: The thread

    private func run() {
        LWSGlobal.blockSIGPIPE()
        self.core.bindToCurrentThread()
        var jobs: [Job] = []
        var work: [any TransportLoopWork] = []
        var endRounds = 0
        while true {
            var isShuttingDown = self.takeQueue(&jobs, &work)
            // What the jobs themselves queue is mostly the answer to what they received: it goes out in the same turn.
            // The bound lets sockets and timers have their turn as well.
            var rounds = 0
            while !jobs.isEmpty || !work.isEmpty {
                self.runAll(&jobs, &work)
                rounds += 1
                if rounds == Self.roundsPerTurn { break }
                isShuttingDown = self.takeQueue(&jobs, &work)
            }
            if isShuttingDown { self.core.beginShutdown() }
            self.core.killDoomed()
            if isShuttingDown, self.core.isIdle {
                // What is queued may be the news that a timer would only repeat, in worse words.
                if endRounds < Self.maximumEndRounds, self.isQueueEmpty, self.core.runTimersAtEnd() {
                    endRounds += 1
                    continue
                }
                if self.retireIfQuiet() { break }
            }
            self.core.turn(blocking: self.mayWait(isShuttingDown: isShuttingDown))
        }
    }

    private func takeQueue(_ jobs: inout [Job], _ work: inout [any TransportLoopWork]) -> Bool {
        self.queue.withLock { queue in
            swap(&queue.jobs, &jobs)
            swap(&queue.work, &work)
            queue.needsWake = false
            return queue.isShuttingDown
        }
    }

    private var isQueueEmpty: Bool { self.queue.withLock { $0.jobs.isEmpty && $0.work.isEmpty } }

    /// Whether there is nothing to do but to wait for sockets and timers; from then on who queues something has to wake.
    private func mayWait(isShuttingDown: Bool) -> Bool {
        self.queue.withLock { queue in
            guard queue.jobs.isEmpty, queue.work.isEmpty, queue.isShuttingDown == isShuttingDown else { return false }
            queue.needsWake = true
            return true
        }
    }

    private func runAll(_ jobs: inout [Job], _ work: inout [any TransportLoopWork]) {
        for item in work { item.runOnLoop() }
        work.removeAll(keepingCapacity: work.capacity < 1024)
        for job in jobs { self.runSynchronously(job) }
        jobs.removeAll(keepingCapacity: jobs.capacity < 1024)
    }

    private func runSynchronously(_ job: Job) {
        if job.isTask {
            job.job.runSynchronously(on: self.loopTaskExecutor.asUnownedTaskExecutor())
        } else {
            job.job.runSynchronously(on: self.asUnownedSerialExecutor())
        }
    }

    /// Ends the loop if nothing is queued any more; the context is gone afterwards.
    private func retireIfQuiet() -> Bool {
        let isQuiet = self.queue.withLock { queue in
            guard queue.jobs.isEmpty, queue.work.isEmpty else { return false }
            queue.isRetired = true
            // What comes from here on is for this thread, until the context is gone.
            queue.isDrained = true
            return true
        }
        guard isQuiet else { return false }
        while self.wakersInFlight.load(ordering: .acquiring) != 0 { sched_yield() }
        self.core.destroy()
        let waiters = self.queue.withLock { queue in
            queue.isOver = true
            defer { queue.shutdownWaiters = [] }
            return queue.shutdownWaiters
        }
        for waiter in waiters { waiter.resume() }
        self.drain()
        return true
    }

    // MARK: Waking

    /// Wakes the thread out of its wait.
    private func signal() {
        self.wakersInFlight.add(1, ordering: .acquiring)
        if !self.queue.withLock({ $0.isRetired }) { self.core.wake() }
        self.wakersInFlight.subtract(1, ordering: .releasing)
    }

    private enum Push {
        case done
        case wake
        case drain
    }

    private func push(_ change: (inout Queue) -> Void) {
        let isCurrent = self.isCurrent
        let result = self.queue.withLock { queue -> Push in
            change(&queue)
            if queue.isRetired {
                if queue.isDrained { return .done }
                queue.isDrained = true
                return .drain
            }
            // On its own thread the loop looks into the queue before it waits.
            guard queue.needsWake, !isCurrent else { return .done }
            queue.needsWake = false
            self.wakersInFlight.add(1, ordering: .relaxed)
            return .wake
        }
        switch result {
        case .done: break
        case .wake:
            self.core.wake()
            self.wakersInFlight.subtract(1, ordering: .releasing)
        case .drain: self.drainRetired()
        }
    }

    /// After the end of the loop, its actors may still get jobs: a short-lived thread runs them, so that nothing hangs.
    private func drainRetired() {
        let status = spawnThread(named: "nova-drain") {
            self.core.bindToCurrentThread()
            self.drain()
        }
        if status != 0 {
            // Out of threads: the next push tries again.
            self.queue.withLock { $0.isDrained = false }
            self.logger.error("no thread to finish the jobs of an event loop that was shut down")
        }
    }

    /// Runs what is queued, until nothing is.
    private func drain() {
        var jobs: [Job] = []
        var work: [any TransportLoopWork] = []
        while true {
            _ = self.takeQueue(&jobs, &work)
            self.runAll(&jobs, &work)
            let isDone = self.queue.withLock { queue in
                guard queue.jobs.isEmpty, queue.work.isEmpty else { return false }
                queue.isDrained = false
                // Under the lock: the next thread may bind itself at once.
                self.core.unbind()
                return true
            }
            if isDone { return }
        }
    }
}

extension EventLoop: TransportLoop {
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = Job(job: UnownedJob(job), isTask: false)
        self.push { $0.jobs.append(job) }
    }

    fileprivate func enqueueTask(_ job: consuming ExecutorJob) {
        let job = Job(job: UnownedJob(job), isTask: true)
        self.push { $0.jobs.append(job) }
    }

    /// Runs users' tasks on this loop: `Task(executorPreference: loop.taskExecutor) { … }`.
    public var taskExecutor: any TaskExecutor { self.loopTaskExecutor }

    package func wake(_ work: any TransportLoopWork) {
        self.push { $0.work.append(work) }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    public func checkIsolated() {
        precondition(self.isCurrent, "not on the event loop's thread")
    }

    public func isIsolatingCurrentContext() -> Bool? {
        self.isCurrent
    }

    package var isCurrent: Bool { self.core.isCurrentThread }

    package var now: Duration { monotonicNow() }

    package var wallClock: Double { wallClockNow() }

    /// A task that does nothing else sends 64 KiB of 125-byte messages in about 30 us, of which the loop is told at once.
    package var gatheringDelay: Duration? { .microseconds(50) }

    package func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> TransportTimer {
        self.core.schedule(at: deadline, action)
    }

    package func cancel(_ timer: TransportTimer) {
        self.core.cancel(timer)
    }
}

/// The side of a loop on which tasks run that prefer it.
private final class LoopTaskExecutor: TaskExecutor {
    /// Set once, before anyone else knows of this object. Weak: the loop owns this, and a task that goes on after the loop
    /// was shut down and released must not crash.
    nonisolated(unsafe) weak var loop: EventLoop?

    func enqueue(_ job: consuming ExecutorJob) {
        if let loop {
            loop.enqueueTask(job)
        } else {
            globalConcurrentExecutor.enqueue(job)
        }
    }
}
