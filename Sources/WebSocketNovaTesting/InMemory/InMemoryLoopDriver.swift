import Glibc
import LWSTransport
import Synchronization
import WebSocketCore

/// What an ``InMemoryLoop`` consists of: a thread that runs queued jobs and due timers, and a clock that is moved by hand.
///
/// When nothing is queued and no timer is due, the loop has settled: then whoever waits for that is told, and the clock goes
/// on to the next timer of an ``advance(by:)`` that is under way.
///
/// It is the task executor of the loop as well, which must not keep the loop: the loop is gone when its actors are.
final class InMemoryLoopDriver: TaskExecutor, @unchecked Sendable {
    // Sendable because everything is behind the lock, but for the timers, which only the loop's thread touches.

    private struct Job {
        var job: UnownedJob
        /// Whether it belongs to a task that prefers the loop, rather than to an actor on it: it is run as what it is.
        var isTask: Bool
    }

    /// A part of time that somebody lets pass.
    private struct Advance {
        enum Extent {
            case span(Duration)
            /// To the next timer, whenever it is due.
            case nextTimer
        }

        var extent: Extent
        /// Resumed with whether the clock has moved.
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var jobs: [Job] = []
        var work: [any TransportLoopWork] = []
        var now = Duration.zero
        /// The wall clock's time when ``now`` was zero: 2026-01-01, 00:00 UTC.
        var wallClockOrigin = 1_767_225_600.0
        /// The thread waits, and nobody has woken it yet.
        var isWaiting = false
        var isStopping = false
        /// The thread has ended, or is about to: it takes nothing any more.
        var isOver = false
        var settling: [CheckedContinuation<Void, Never>] = []
        var advances: [Advance] = []
        /// Up to when the first of ``advances`` goes; nil if it has not begun.
        var target: Duration?
    }

    private let state = Mutex(State())
    private let wakeUp: UnsafeMutablePointer<sem_t>
    /// The number of the loop's thread; 0 before and after it.
    private let owner = Atomic<UInt>(0)
    private var timers = LoopTimers()
    private weak var loop: InMemoryLoop?

    init() {
        self.wakeUp = .allocate(capacity: 1)
        sem_init(self.wakeUp, 0, 0)
    }

    deinit {
        sem_destroy(self.wakeUp)
        self.wakeUp.deallocate()
    }

    /// Lets the thread begin; before, it does nothing.
    func begin(_ loop: InMemoryLoop) {
        self.loop = loop
        sem_post(self.wakeUp)
    }

    /// Lets the thread end once nothing is queued. Called when nobody has the loop any more.
    func stop() { self.change { $0.isStopping = true } }

    var isCurrent: Bool { self.owner.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: The clock

    var now: Duration { self.state.withLock { $0.now } }

    var wallClock: Double {
        get { self.state.withLock { $0.wallClockOrigin + $0.now / .seconds(1) } }
        set { self.state.withLock { $0.wallClockOrigin = newValue - $0.now / .seconds(1) } }
    }

    func advance(by duration: Duration) async {
        _ = await self.advance(.span(duration))
    }

    func advanceToNextTimer() async -> Bool { await self.advance(.nextTimer) }

    private func advance(_ extent: Advance.Extent) async -> Bool {
        await withCheckedContinuation { continuation in
            self.change { $0.advances.append(Advance(extent: extent, continuation: continuation)) }
        }
    }

    func settle() async {
        await withCheckedContinuation { continuation in
            self.change { $0.settling.append(continuation) }
        }
    }

    // MARK: What comes in

    func wake(_ work: any TransportLoopWork) { self.change { $0.work.append(work) } }

    func enqueueForActor(_ job: consuming ExecutorJob) {
        let job = Job(job: UnownedJob(job), isTask: false)
        self.change { $0.jobs.append(job) }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let isTaken = self.change { state in
            if !state.isOver { state.jobs.append(Job(job: unowned, isTask: true)) }
            return !state.isOver
        }
        // A task may outlive the loop that it preferred.
        if !isTaken { globalConcurrentExecutor.enqueue(unowned) }
    }

    @discardableResult
    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        let (result, mustWake) = self.state.withLock { state in
            let result = body(&state)
            defer { state.isWaiting = false }
            return (result, state.isWaiting)
        }
        if mustWake { sem_post(self.wakeUp) }
        return result
    }

    // MARK: On the loop

    func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> TransportTimer {
        assert(self.isCurrent, "a timer scheduled from outside of the loop")
        return self.timers.schedule(at: deadline, action)
    }

    func cancel(_ timer: TransportTimer) {
        assert(self.isCurrent, "a timer cancelled from outside of the loop")
        self.timers.cancel(timer)
    }

    func run() {
        self.wait()
        self.owner.store(UInt(pthread_self()), ordering: .relaxed)
        while self.turn() {}
        self.owner.store(0, ordering: .relaxed)
    }

    private func wait() {
        // It returns early when a signal has come.
        while sem_wait(self.wakeUp) != 0 {}
    }

    /// Runs what is there to be run.
    ///
    /// - Returns: false when the loop has ended.
    private func turn() -> Bool {
        if self.runQueue() { return true }
        if let action = self.timers.popDue(now: self.now) {
            action()
            return true
        }
        switch self.settled() {
        case .goOn: return true
        case .told(let settling):
            for continuation in settling { continuation.resume() }
            return true
        case .advanced(let advance, let hasMoved):
            advance.continuation.resume(returning: hasMoved)
            return true
        case .wait:
            self.wait()
            return true
        case .end: return false
        }
    }

    private func runQueue() -> Bool {
        // Held while actors run on it. There are none whose loop is gone, for they hold it.
        let loop = self.loop
        let (work, jobs) = self.state.withLock { state in
            defer { (state.work, state.jobs) = ([], []) }
            return (state.work, state.jobs)
        }
        for item in work { item.runOnLoop() }
        for job in jobs {
            if let loop, !job.isTask {
                job.job.runSynchronously(on: loop.asUnownedSerialExecutor())
            } else {
                job.job.runSynchronously(on: self.asUnownedTaskExecutor())
            }
        }
        return !work.isEmpty || !jobs.isEmpty
    }

    private enum Step {
        case goOn
        case told([CheckedContinuation<Void, Never>])
        case advanced(Advance, hasMoved: Bool)
        case wait
        case end
    }

    /// Nothing was queued, and no timer was due: what comes next?
    private func settled() -> Step {
        let next = self.timers.nextDeadline
        return self.state.withLock { state in
            guard state.work.isEmpty, state.jobs.isEmpty else { return .goOn }
            if !state.settling.isEmpty {
                defer { state.settling = [] }
                return .told(state.settling)
            }
            if !state.advances.isEmpty { return Self.advance(&state, next) }
            if state.isStopping {
                state.isOver = true
                return .end
            }
            state.isWaiting = true
            return .wait
        }
    }

    /// A thousand years: sums of it do not overflow.
    private static let longestSpan = Duration.seconds(1_000 * 365 * 86_400)

    /// Moves the clock to the next timer, or to where the advance ends.
    private static func advance(_ state: inout State, _ next: Duration?) -> Step {
        let target: Duration
        switch (state.target, state.advances[0].extent) {
        case (let begun?, _): target = begun
        case (nil, .span(let span)): target = state.now + min(max(span, .zero), Self.longestSpan)
        case (nil, .nextTimer):
            guard let next else { return .advanced(state.advances.removeFirst(), hasMoved: false) }
            target = next
        }
        if let next, next <= target {
            state.now = max(state.now, next)
            state.target = target
            return .goOn
        }
        state.now = target
        state.target = nil
        return .advanced(state.advances.removeFirst(), hasMoved: true)
    }
}
