internal import DequeModule
internal import Synchronization
internal import WebSocketCore

/// Tasks that wait for the same thing, in the order in which they came. Each is resumed once: with what they wait for, by
/// its own time limit, or by its cancellation.
final class WaiterList<Value: Sendable>: Sendable {
    private typealias Continuation = CheckedContinuation<Value, any Error>

    private struct Waiter {
        var id: UInt64
        /// Nil until the task has come to its wait.
        var continuation: Continuation?
    }

    private struct State {
        var waiters: Deque<Waiter> = []
        /// What those are to get who had not come to their wait when it was there for them.
        var early: [UInt64: Result<Value, any Error>] = [:]
        var made: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How many wait.
    var count: Int { self.state.withLock { $0.waiters.count } }

    var isEmpty: Bool { self.count == 0 }

    /// Waits. Call it on the loop: from the call on the task is among those who wait.
    ///
    /// - Parameter limit: the time until which to wait, and the error of those who have waited until then.
    func wait(
        on loop: any TransportLoop,
        limit: (time: Duration, error: WebSocketError)? = nil
    ) async throws -> Value {
        // Here, and not where the continuation is made: closures that the standard library is given in a function that runs
        // on its caller's actor run on another thread, and what is waited for may happen before they do.
        let id = self.state.withLock { state in
            state.made += 1
            state.waiters.append(Waiter(id: state.made))
            return state.made
        }
        let timer = limit.map { limit in
            loop.schedule(at: limit.time) { self.resume(id, with: .failure(limit.error)) }
        }
        defer { if let timer { loop.cancel(timer) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = self.state.withLock { state in Self.arrive(&state, id, continuation) }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            self.resume(id, with: .failure(CancellationError()))
        }
    }

    /// A task has come to its wait.
    ///
    /// - Returns: what it gets, if that is there already.
    private static func arrive(
        _ state: inout State,
        _ id: UInt64,
        _ continuation: Continuation
    ) -> Result<Value, any Error>? {
        if let result = state.early.removeValue(forKey: id) { return result }
        guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
        state.waiters[index].continuation = continuation
        return nil
    }

    /// Takes out one who waits.
    ///
    /// - Returns: its continuation, if it has come to its wait; it finds the result otherwise.
    private static func settle(
        _ state: inout State,
        _ waiter: Waiter,
        with result: Result<Value, any Error>
    ) -> Continuation? {
        if waiter.continuation == nil { state.early[waiter.id] = result }
        return waiter.continuation
    }

    private func resume(_ id: UInt64, with result: Result<Value, any Error>) {
        let continuation = self.state.withLock { state -> Continuation? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return Self.settle(&state, state.waiters.remove(at: index), with: result)
        }
        continuation?.resume(with: result)
    }

    /// Resumes all.
    func resumeAll(with result: Result<Value, any Error>) {
        let continuations = self.state.withLock { state -> [Continuation] in
            var continuations: [Continuation] = []
            while let waiter = state.waiters.popFirst() {
                if let continuation = Self.settle(&state, waiter, with: result) { continuations.append(continuation) }
            }
            return continuations
        }
        for continuation in continuations { continuation.resume(with: result) }
    }
}
