internal import DequeModule
internal import Synchronization
internal import WebSocketCore

/// Tasks that wait for the same thing, in the order in which they came. Each is resumed once: with what they wait for, by
/// its own time limit, or by its cancellation.
final class WaiterList<Value: Sendable>: Sendable {
    private struct Waiter {
        var id: UInt64
        /// Nil until the task has been suspended.
        var continuation: CheckedContinuation<Value, any Error>?
    }

    private struct State {
        var waiters: Deque<Waiter> = []
        /// What those get who were resumed before they had been suspended.
        var early: [UInt64: Result<Value, any Error>] = [:]
        var made: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How many wait.
    var count: Int { self.state.withLock { $0.waiters.count } }

    var isEmpty: Bool { self.count == 0 }

    /// Waits. Call it on the loop.
    ///
    /// The place in line is taken before anything else runs there. The suspension is not as quick: other jobs of the loop may
    /// come before it, and what they bring is kept for the waiter.
    ///
    /// - Parameter limit: the time until which to wait, and the error of those who have waited until then.
    func wait(
        on loop: any TransportLoop,
        limit: (time: Duration, error: WebSocketError)? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Value {
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
            _ = isolation
            return try await withCheckedThrowingContinuation { continuation in
                let early = self.state.withLock { state in
                    if let index = state.waiters.lastIndex(where: { $0.id == id }) {
                        state.waiters[index].continuation = continuation
                    }
                    return state.early.removeValue(forKey: id)
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            self.resume(id, with: .failure(CancellationError()))
        }
    }

    private func resume(_ id: UInt64, with result: Result<Value, any Error>) {
        let continuation = self.state.withLock { state -> CheckedContinuation<Value, any Error>? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            let waiter = state.waiters.remove(at: index)
            if waiter.continuation == nil { state.early[id] = result }
            return waiter.continuation
        }
        continuation?.resume(with: result)
    }

    /// Resumes all.
    func resumeAll(with result: Result<Value, any Error>) {
        let waiters = self.state.withLock { state in
            defer { state.waiters = [] }
            for waiter in state.waiters where waiter.continuation == nil { state.early[waiter.id] = result }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation?.resume(with: result) }
    }
}
