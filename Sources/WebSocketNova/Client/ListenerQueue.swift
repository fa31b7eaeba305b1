internal import DequeModule
internal import Synchronization
internal import WebSocketCore

/// What waits for one listener, between the loop that appends and the tasks that read.
///
/// It takes whatever is appended, and says when it is full: then nothing more should be read from the socket.
final class ListenerQueue<Element: Sendable>: Sendable {
    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<Element?, any Error>
    }

    private struct State {
        var elements: Deque<(element: Element, bytes: Int)> = []
        var bytes = 0
        /// It was full, and the loop has not been told that it is not any more.
        var isFull = false
        /// Set at the end; the error that readers get, if any.
        var end: WebSocketError??
        var waiters: Deque<Waiter> = []
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limit: ClientConfiguration.ListenerBuffer
    /// Called when a full queue has drained to a half, on whatever thread.
    private let onRoom: @Sendable () -> Void

    init(limit: ClientConfiguration.ListenerBuffer, onRoom: @escaping @Sendable () -> Void) {
        self.limit = limit
        self.onRoom = onRoom
    }

    /// Whether nothing more should be read before somebody has taken some of it.
    var isFull: Bool { self.state.withLock { $0.isFull } }

    /// Appends something. After the end it is ignored.
    ///
    /// - Returns: whether the queue is full now.
    @discardableResult
    func append(_ element: Element, bytes: Int) -> Bool {
        let (waiter, isFull) = self.state.withLock { state -> (Waiter?, Bool) in
            guard state.end == nil else { return (nil, false) }
            if let waiter = state.waiters.popFirst() { return (waiter, false) }
            state.elements.append((element, bytes))
            state.bytes += bytes
            state.isFull =
                state.isFull || state.elements.count >= self.limit.count || state.bytes >= self.limit.bytes
            return (nil, state.isFull)
        }
        waiter?.continuation.resume(returning: element)
        return isFull
    }

    /// Appends something, for which what has waited longest makes room.
    ///
    /// - Parameter merge: gives what is to stand for the two elements that have waited longest.
    func append(_ element: Element, bytes: Int, merging merge: (Element, Element) -> Element) {
        let waiter = self.state.withLock { state -> Waiter? in
            guard state.end == nil else { return nil }
            if let waiter = state.waiters.popFirst() { return waiter }
            state.elements.append((element, bytes))
            state.bytes += bytes
            while state.elements.count > 2, state.elements.count > self.limit.count || state.bytes > self.limit.bytes {
                guard let first = state.elements.popFirst(), let second = state.elements.popFirst() else { break }
                state.bytes -= first.bytes + second.bytes
                state.elements.prepend((merge(first.element, second.element), 0))
            }
            return nil
        }
        waiter?.continuation.resume(returning: element)
    }

    /// Whether it has ended: nothing that is appended will be read.
    var isOver: Bool { self.state.withLock { $0.end != nil } }

    /// Ends the queue: what has been appended can still be read. Only the first call counts.
    func finish(_ error: WebSocketError? = nil) {
        let waiters = self.state.withLock { state -> Deque<Waiter> in
            if state.end == nil { state.end = .some(error) }
            state.isFull = false
            return state.waiters.take()
        }
        for waiter in waiters { Self.resume(waiter, error) }
    }

    /// Ends the queue and forgets what nobody has read: there is no reader any more.
    func abandon() {
        self.finish()
        self.state.withLock { state in
            state.elements = []
            state.bytes = 0
        }
    }

    private static func resume(_ waiter: Waiter, _ error: WebSocketError?) {
        if let error {
            waiter.continuation.resume(throwing: error)
        } else {
            waiter.continuation.resume(returning: nil)
        }
    }

    // MARK: Reading

    private enum Take {
        case element(Element, hasRoom: Bool)
        case end(WebSocketError?)
        case nothing
    }

    /// The next element, or nil at the end.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, in which case nothing is lost; the error of the end.
    func next() async throws -> Element? {
        // Also when there is something to take: a peer that never pauses must not keep a cancelled task busy.
        try Task.checkCancellation()
        switch self.state.withLock({ self.take(&$0) }) {
        case .element(let element, let hasRoom):
            if hasRoom { self.onRoom() }
            return element
        case .end(let error):
            if let error { throw error }
            return nil
        case .nothing:
            return try await self.wait()
        }
    }

    private func take(_ state: inout State) -> Take {
        if let (element, bytes) = state.elements.popFirst() {
            state.bytes -= bytes
            let hasRoom =
                state.isFull && state.elements.count <= self.limit.count / 2 && state.bytes <= self.limit.bytes / 2
            if hasRoom { state.isFull = false }
            return .element(element, hasRoom: hasRoom)
        }
        if let end = state.end { return .end(end) }
        return .nothing
    }

    private func wait() async throws -> Element? {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = self.state.withLock { state -> Result<Take, CancellationError> in
                    // The cancellation's handler takes the same lock: it either finds the waiter, or has set the task's
                    // flag before this looks at it.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    let take = self.take(&state)
                    if case .nothing = take { state.waiters.append(Waiter(id: id, continuation: continuation)) }
                    return .success(take)
                }
                switch result {
                case .failure(let error): continuation.resume(throwing: error)
                case .success(.nothing): break
                case .success(.end(let error)):
                    if let error {
                        continuation.resume(throwing: error)
                    } else {
                        continuation.resume(returning: nil)
                    }
                case .success(.element(let element, let hasRoom)):
                    if hasRoom { self.onRoom() }
                    continuation.resume(returning: element)
                }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }
}

extension Deque {
    fileprivate mutating func take() -> Self {
        defer { self = [] }
        return self
    }
}
