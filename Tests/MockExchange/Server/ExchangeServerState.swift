import Synchronization
import WebSocketNovaTesting

/// What the thread of a ``MockExchangeServer`` and its users share.
final class ExchangeServerState: Sendable {
    typealias Command = @Sendable (ExchangeServerLoop) -> Void
    typealias Condition = @Sendable (ExchangeRecord, ExchangeLedger.Snapshot) throws -> Bool

    private struct Waiter {
        var id: UInt64
        var condition: Condition
        /// On the exchange's clock; set when the thread sees it first.
        var deadline: Duration?
        var limit: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var record = ExchangeRecord()
        var commands: [Command] = []
        var waiters: [Waiter] = []
        var madeWaiters: UInt64 = 0
        /// Waiters that were cancelled before they came.
        var cancelled: Set<UInt64> = []
        var hasEnded = false
        var handedOut = 0
    }

    let ledger: ExchangeLedger
    let wakeUp: WakeUp
    private let state = Mutex(State())

    init(ledger: ExchangeLedger) throws(TestServerError) {
        self.ledger = ledger
        self.wakeUp = try WakeUp()
    }

    // MARK: On the server's thread

    func takeCommands() -> [Command] {
        self.state.withLock { state in
            defer { state.commands = [] }
            return state.commands
        }
    }

    func update(_ change: (inout ExchangeRecord) -> Void) {
        self.state.withLock { change(&$0.record) }
    }

    /// Changes the record, and resumes those whose condition holds or whose time is up.
    func update(now: Duration, _ change: (inout ExchangeRecord) -> Void) {
        self.update(change)
        let (waiters, record) = self.state.withLock { state in
            for index in state.waiters.indices where state.waiters[index].deadline == nil {
                state.waiters[index].deadline = now + state.waiters[index].limit
            }
            return (state.waiters, state.record)
        }
        guard !waiters.isEmpty else { return }
        // Users' code runs outside of the lock.
        let snapshot = self.ledger.snapshot
        for waiter in waiters {
            let late = TestServerError("not within \(waiter.limit) what was waited for")
            let isLate = waiter.deadline.map { $0 <= now } ?? false
            do {
                if try waiter.condition(record, snapshot) {
                    self.resume(waiter.id, .success(()))
                } else if isLate {
                    self.resume(waiter.id, .failure(late))
                }
            } catch {
                self.resume(waiter.id, .failure(error))
            }
        }
    }

    func nextWaiterDeadline() -> Duration? {
        self.state.withLock { $0.waiters.lazy.compactMap(\.deadline).min() }
    }

    /// The thread is about to end: nothing waits for it any longer.
    func end(_ loop: ExchangeServerLoop) {
        let (commands, waiters) = self.state.withLock { state in
            state.hasEnded = true
            defer { (state.commands, state.waiters) = ([], []) }
            return (state.commands, state.waiters)
        }
        // They find no connection, and tell those who wait for them.
        for command in commands { command(loop) }
        for waiter in waiters { waiter.continuation.resume(throwing: Self.stopped) }
    }

    private static let stopped = TestServerError("the server was stopped")

    private func resume(_ id: UInt64, _ result: Result<Void, any Error>) {
        let waiter = self.state.withLock { state -> Waiter? in
            guard let place = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: place)
        }
        waiter?.continuation.resume(with: result)
    }

    // MARK: On others

    var record: ExchangeRecord { self.state.withLock { $0.record } }

    /// Has the thread do something; false if it has ended.
    @discardableResult
    func post(_ command: @escaping Command) -> Bool {
        let isPosted = self.state.withLock { state in
            if !state.hasEnded { state.commands.append(command) }
            return !state.hasEnded
        }
        if isPosted { self.wakeUp.wake() }
        return isPosted
    }

    /// Has the thread do something, and waits until it has.
    func perform(_ body: @escaping @Sendable (ExchangeServerLoop) throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let isPosted = self.post { loop in continuation.resume(with: Result { try body(loop) }) }
            if !isPosted { continuation.resume(throwing: Self.stopped) }
        }
    }

    func wait(within limit: Duration, until condition: @escaping Condition) async throws {
        let id = self.state.withLock { state in
            state.madeWaiters += 1
            return state.madeWaiters
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                self.enqueue(Waiter(id: id, condition: condition, limit: limit, continuation: continuation))
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    private func enqueue(_ waiter: Waiter) {
        let failure = self.state.withLock { state -> (any Error)? in
            if state.cancelled.remove(waiter.id) != nil { return CancellationError() }
            if state.hasEnded { return Self.stopped }
            state.waiters.append(waiter)
            return nil
        }
        if let failure { return waiter.continuation.resume(throwing: failure) }
        self.wakeUp.wake()
    }

    private func cancel(_ id: UInt64) {
        let isWaiting = self.state.withLock { state in
            let isWaiting = state.waiters.contains { $0.id == id }
            // Ids of those who have been resumed are never seen again, and stay: one word for each such cancellation.
            if !isWaiting { state.cancelled.insert(id) }
            return isWaiting
        }
        if isWaiting { self.resume(id, .failure(CancellationError())) }
    }

    /// The place in the order of opened sessions of the one that nobody has been given yet.
    func takeNextConnection() -> Int {
        self.state.withLock { state in
            state.handedOut += 1
            return state.handedOut - 1
        }
    }
}
