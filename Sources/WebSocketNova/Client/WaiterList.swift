internal import DequeModule
internal import Synchronization
internal import WebSocketCore

/// Tasks that wait for the same thing, in the order in which they came. Each is resumed once: with what they wait for, by
/// its own time limit, or by its cancellation.
final class WaiterList<Value: Sendable>: Sendable {
    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<Value, any Error>
    }

    private struct State {
        var waiters: Deque<Waiter> = []
        var made: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How many wait.
    var count: Int { self.state.withLock { $0.waiters.count } }

    var isEmpty: Bool { self.count == 0 }

    /// Waits. Call it on the loop; between the call and the wait nothing else runs there.
    ///
    /// - Parameter limit: the time until which to wait, and the error of those who have waited until then.
    func wait(
        on loop: any TransportLoop,
        limit: (time: Duration, error: WebSocketError)? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Value {
        let id = self.state.withLock { state in
            state.made += 1
            return state.made
        }
        let timer = limit.map { limit in
            loop.schedule(at: limit.time) { self.remove(id)?.resume(throwing: limit.error) }
        }
        defer { if let timer { loop.cancel(timer) } }
        return try await withTaskCancellationHandler {
            // Named so that this closure, which would leave the caller's actor otherwise, stays on it: an answer must not
            // come between the request and the wait for it.
            _ = isolation
            return try await withCheckedThrowingContinuation { continuation in
                let isCancelled = self.state.withLock { state in
                    // The cancellation's handler takes the same lock: it either finds the waiter, or has set the task's
                    // flag before this looks at it.
                    if Task.isCancelled { return true }
                    state.waiters.append(Waiter(id: id, continuation: continuation))
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            self.remove(id)?.resume(throwing: CancellationError())
        }
    }

    private func remove(_ id: UInt64) -> CheckedContinuation<Value, any Error>? {
        self.state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index).continuation
        }
    }

    /// Resumes the one who has waited longest.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    func resumeFirst(with result: Result<Value, any Error>) -> Bool {
        guard let waiter = self.state.withLock({ $0.waiters.popFirst() }) else { return false }
        waiter.continuation.resume(with: result)
        return true
    }

    /// Resumes all.
    func resumeAll(with result: Result<Value, any Error>) {
        let waiters = self.state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(with: result) }
    }
}
