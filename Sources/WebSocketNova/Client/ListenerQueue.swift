internal import DequeModule
internal import Synchronization
internal import WebSocketCore

/// What waits for one listener, between the loop that appends and the tasks that read.
///
/// It takes whatever is appended, and says when it is full: then nothing more should be read from the socket.
///
/// Readers take all there is, so that the two sides seldom meet at a lock: while they are at it, as much again may wait. A
/// loop that appends the messages of a read wakes those who wait once, behind the last of them.
final class ListenerQueue<Element: Sendable>: Sendable {
    private struct Entry {
        var element: Element
        var bytes: Int
        /// It does not come from the socket, and so comes also while nothing is read.
        var isUnbidden = false
    }

    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<Element?, any Error>
    }

    private struct State {
        var elements: Deque<Entry> = []
        /// How many unbidden ones there are at most.
        var unbidden = 0
        var bytes = 0
        /// It was full, and the loop has not been told that it is not any more.
        var isFull = false
        /// Set at the end; the error that readers get, if any.
        var end: WebSocketError??
        var waiters: Deque<Waiter> = []
        var nextWaiter: UInt64 = 0
    }

    /// What readers have taken and not read, ahead of `state.elements`. Its lock is taken before the other.
    private let portion = Mutex(Deque<Entry>())
    private let state = Mutex(State())
    private let limit: ClientConfiguration.ListenerBuffer
    private let takesAll: Bool
    /// Called when readers have taken from a full queue and left a half of it at most, on whatever thread.
    private let onRoom: @Sendable () -> Void

    /// - Parameter takesAll: whether readers may take all there is: what they have taken cannot make room for anything.
    init(
        limit: ClientConfiguration.ListenerBuffer,
        takesAll: Bool = true,
        onRoom: @escaping @Sendable () -> Void
    ) {
        self.limit = limit
        self.takesAll = takesAll
        self.onRoom = onRoom
    }

    /// Whether nothing more should be read before somebody has taken some of it.
    var isFull: Bool { self.state.withLock { $0.isFull } }

    /// Appends something. After the end it is ignored.
    ///
    /// - Parameter wakes: false if more comes at once, and then ``wake()``.
    /// - Returns: whether the queue is full now.
    @discardableResult
    func append(_ element: Element, bytes: Int, wakes: Bool = true) -> Bool {
        // Those who wait are not looked at under this lock: a continuation is a type of another library, which is copied by
        // its description at run time.
        let isFull = self.state.withLock { state in
            guard state.end == nil else { return false }
            state.elements.append(Entry(element: element, bytes: bytes))
            state.bytes += bytes
            state.isFull =
                state.isFull || state.elements.count >= self.limit.count || state.bytes >= self.limit.bytes
            return state.isFull
        }
        guard wakes else { return isFull }
        self.wake()
        return self.isFull
    }

    /// Appends something that does not come from the socket: holding back the peer is no bound for it. Of more than four times
    /// the limit the oldest go.
    func appendUnbidden(_ element: Element) {
        self.state.withLock { state in
            guard state.end == nil else { return }
            state.elements.append(Entry(element: element, bytes: 0, isUnbidden: true))
            state.unbidden += 1
            if state.unbidden / 4 > self.limit.count {
                if let oldest = state.elements.firstIndex(where: { $0.isUnbidden }) {
                    state.elements.remove(at: oldest)
                }
                state.unbidden = state.elements.count { $0.isUnbidden }
            }
            state.isFull = state.isFull || state.elements.count >= self.limit.count
        }
        self.wake()
    }

    /// Appends something, for which what has waited longest makes room.
    ///
    /// - Parameters:
    ///   - wakes: see ``append(_:bytes:wakes:)``.
    ///   - merge: gives what is to stand for the two elements that have waited longest.
    func append(_ element: Element, bytes: Int, wakes: Bool = true, merging merge: (Element, Element) -> Element) {
        self.state.withLock { state in
            guard state.end == nil else { return }
            state.elements.append(Entry(element: element, bytes: bytes))
            state.bytes += bytes
            guard state.waiters.isEmpty else { return }
            while state.elements.count > 2, state.elements.count > self.limit.count || state.bytes > self.limit.bytes {
                guard let first = state.elements.popFirst(), let second = state.elements.popFirst() else { break }
                state.bytes -= first.bytes + second.bytes
                state.elements.prepend(Entry(element: merge(first.element, second.element), bytes: 0))
            }
        }
        if wakes { self.wake() }
    }

    /// Gives what was appended to those who wait.
    func wake() {
        while let (waiter, element, hasRoom) = self.state.withLock({ self.pair(&$0) }) {
            if hasRoom { self.onRoom() }
            waiter.continuation.resume(returning: element)
        }
    }

    private func pair(_ state: inout State) -> (Waiter, Element, hasRoom: Bool)? {
        guard !state.waiters.isEmpty, let next = state.elements.popFirst() else { return nil }
        state.bytes -= next.bytes
        return (state.waiters.removeFirst(), next.element, self.findRoom(&state))
    }

    /// Whether it has ended: nothing that is appended will be read.
    var isOver: Bool { self.state.withLock { $0.end != nil } }

    /// How many wait. For tests.
    var waitingReaders: Int { self.state.withLock { $0.waiters.count } }

    /// Ends the queue: what has been appended can still be read. Only the first call counts.
    func finish(_ error: WebSocketError? = nil) {
        self.wake()
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
        self.portion.withLock { $0 = [] }
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
        if let next = self.portion.withLock({ $0.popFirst() }) { return next.element }
        switch self.take() {
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

    /// Takes what is next.
    ///
    /// - Parameter waiter: is added to those who wait if there is nothing.
    private func take(orAdd waiter: Waiter? = nil) -> Take {
        self.portion.withLock { portion in
            if let next = portion.popFirst() { return .element(next.element, hasRoom: false) }
            return self.state.withLock { state in
                self.takePortion(&state, &portion)
                let hasRoom = self.findRoom(&state)
                if let next = portion.popFirst() { return .element(next.element, hasRoom: hasRoom) }
                if let end = state.end { return .end(end) }
                if let waiter { state.waiters.append(waiter) }
                return .nothing
            }
        }
    }

    /// Gives all there is to the readers, or one element where others are to make room for those that come.
    private func takePortion(_ state: inout State, _ portion: inout Deque<Entry>) {
        if self.takesAll {
            swap(&state.elements, &portion)
            state.bytes = 0
            state.unbidden = 0
        } else if let next = state.elements.popFirst() {
            state.bytes -= next.bytes
            portion.append(next)
        }
    }

    /// Whether the loop has to be told that there is room again.
    private func findRoom(_ state: inout State) -> Bool {
        guard state.isFull, state.elements.count <= self.limit.count / 2, state.bytes <= self.limit.bytes / 2 else {
            return false
        }
        state.isFull = false
        return true
    }

    private func wait() async throws -> Element? {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                switch self.take(orAdd: Waiter(id: id, continuation: continuation)) {
                case .nothing:
                    // The cancellation's handler looks for the waiter once: if it came too early, it has set the task's
                    // flag by now.
                    if Task.isCancelled { self.cancel(id) }
                case .end(let error):
                    if let error {
                        continuation.resume(throwing: error)
                    } else {
                        continuation.resume(returning: nil)
                    }
                case .element(let element, let hasRoom):
                    if hasRoom { self.onRoom() }
                    continuation.resume(returning: element)
                }
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    private func cancel(_ id: UInt64) {
        let waiter = self.state.withLock { state -> Waiter? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }
}

extension Deque {
    fileprivate mutating func take() -> Self {
        defer { self = [] }
        return self
    }
}
