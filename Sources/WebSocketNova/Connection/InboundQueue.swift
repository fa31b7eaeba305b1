internal import DequeModule
internal import Synchronization
internal import WebSocketCore

/// The messages that have come and not been read yet, between the event loop that appends and the one task that reads.
///
/// The loop appends a batch for each read of the socket, the reader takes all there is at once: one lock on each side and at
/// most one resumption for a batch, whatever the number of messages in it.
///
/// ## Order at the end
/// When the peer has closed, or broken the protocol, the messages before that are still read, and what the reader sends in
/// answer to them still goes out. The loop therefore leaves a *barrier* in the queue: the reader's next call behind the last
/// message tells the connection to go on with its end.
final class InboundQueue: Sendable {
    enum Element: Sendable {
        case item(Item)
        /// Several messages.
        case block(InboundBlock)
    }

    /// What the reader gets.
    enum Item: Sendable {
        case message(WebSocketMessage)
        /// A piece of a message. The first one of a message has `isFirst` set.
        case fragment(WebSocketFragment, isFirst: Bool)
    }

    /// How the sequence of messages ends.
    enum End: Sendable {
        case finished
        case failed(WebSocketError)
    }

    /// What the connection has to do after the reader took something.
    struct Wishes: OptionSet {
        let rawValue: UInt8
        /// There is room again.
        static let resumeReading = Wishes(rawValue: 1)
        /// The reader has come to the barrier.
        static let passBarrier = Wishes(rawValue: 2)
    }

    private struct State {
        var elements: Deque<Element> = []
        var bytes = 0
        var count = 0
        var isPaused = false
        var hasBarrier = false
        var isBarrierPassed = false
        var end: End?
        var waiter: CheckedContinuation<Void, Never>?
        /// The reader wants the next message in pieces.
        var wantsFragments = false
    }

    private enum Take {
        case batch(Wishes)
        case end(End)
        case wait(Wishes)
    }

    private let life = LiveObject(.inboundQueue)
    private let state = Mutex(State())
    private let readerIsOnLoop = Atomic(false)
    private let byteLimit: Int
    private let countLimit: Int
    /// Set for the time of a call of ``next()``: there is one reader at a time.
    private let isReading = Atomic(false)
    // What follows is only touched while `isReading` is held, which makes it safe, and a check for overlapping access, which
    // would be made for each message, needless.
    /// The block that the reader is going through, ahead of `batch`.
    @exclusivity(unchecked) private nonisolated(unsafe) var block: InboundBlock?
    /// The batch that the reader is going through.
    @exclusivity(unchecked) private nonisolated(unsafe) var batch: Deque<Element> = []

    private let isOnLoop: @Sendable () -> Bool

    /// - Parameter isOnLoop: whether the caller runs on the connection's loop.
    init(byteLimit: Int, countLimit: Int, isOnLoop: @escaping @Sendable () -> Bool) {
        self.isOnLoop = isOnLoop
        self.byteLimit = byteLimit
        self.countLimit = countLimit
    }

    // MARK: The loop's side

    /// Appends a batch and empties it.
    ///
    /// - Returns: whether the connection should stop reading until it is told to resume.
    func append(_ batch: inout InboundBatch) -> Bool {
        let (waiter, isPaused) = self.state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            if state.elements.isEmpty {
                swap(&state.elements, &batch.elements)
            } else {
                state.elements.append(contentsOf: batch.elements)
            }
            state.bytes += batch.bytes
            state.count += batch.count
            state.isPaused = state.bytes >= self.byteLimit || state.count >= self.countLimit
            defer { state.waiter = nil }
            return (state.waiter, state.isPaused)
        }
        batch.removeAll()
        waiter?.resume()
        return isPaused
    }

    /// Leaves the barrier behind what has been appended.
    ///
    /// - Returns: whether the reader is there already.
    func appendBarrier() -> Bool {
        self.state.withLock { state in
            state.hasBarrier = true
            // A reader that waits has nothing left to answer.
            state.isBarrierPassed = state.elements.isEmpty && state.waiter != nil
            return state.isBarrierPassed
        }
    }

    /// Ends the sequence: what has been appended can still be read. Only the first call counts.
    func finish(_ end: End) {
        let waiter = self.state.withLock { state in
            if state.end == nil { state.end = end }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Whether the reader runs on the connection's loop: then there is no other thread to spare an allocation.
    var isReaderOnLoop: Bool { self.readerIsOnLoop.load(ordering: .relaxed) }

    /// Whether the next message should come in pieces.
    var wantsFragments: Bool { self.state.withLock { $0.wantsFragments } }

    // MARK: The reader's side

    /// The next message of the batch that the reader has already: no lock, and no `await`, for all but one message of a
    /// batch. Nil if that is not what is next, or if another task is reading: ``next(inFragments:perform:)`` has the answer.
    func nextReadyMessage() -> WebSocketMessage? {
        guard self.isReading.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            return nil
        }
        defer { self.isReading.store(false, ordering: .releasing) }
        if let message = self.block?.take() { return message }
        switch self.popReady() {
        case .message(let message):
            return message
        case .fragment(let fragment, let isFirst):
            self.batch.prepend(.item(.fragment(fragment, isFirst: isFirst)))
            return nil
        case nil:
            return nil
        }
    }

    /// Gives back the beginning of a message whose reader was cancelled before its end.
    func putBack(_ fragment: WebSocketFragment) {
        guard self.isReading.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            return
        }
        defer { self.isReading.store(false, ordering: .releasing) }
        self.batch.prepend(.item(.fragment(fragment, isFirst: true)))
    }

    /// The next item that the reader has at hand.
    private func popReady() -> Item? {
        while true {
            if let block {
                if let message = block.take() { return .message(message) }
                self.block = nil
                block.recycle()
            }
            switch self.batch.popFirst() {
            case .item(let item): return item
            case .block(let next): self.block = next
            case nil: return nil
            }
        }
    }

    /// The next element, or nil at the end.
    ///
    /// - Parameter perform: does what the connection has to know of; called without any lock held.
    /// - Throws: `CancellationError` when the task is cancelled, in which case nothing is lost; ``WebSocketError``.
    func next(inFragments: Bool, perform: (Wishes) -> Void) async throws -> Item? {
        guard self.isReading.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            throw WebSocketError(.concurrentRead, "another task is reading messages from this connection")
        }
        defer { self.isReading.store(false, ordering: .releasing) }
        if let item = self.popReady() { return item }
        return try await self.nextBatch(inFragments: inFragments, perform: perform)
    }

    private func nextBatch(inFragments: Bool, perform: (Wishes) -> Void) async throws -> Item? {
        self.readerIsOnLoop.store(self.isOnLoop(), ordering: .relaxed)
        while true {
            // Also when there is something to take: a peer that never pauses must not keep a cancelled task busy.
            try Task.checkCancellation()
            switch self.take(inFragments: inFragments) {
            case .batch(let wishes):
                if !wishes.isEmpty { perform(wishes) }
                return self.popReady()
            case .end(.finished):
                return nil
            case .end(.failed(let error)):
                throw error
            case .wait(let wishes):
                if !wishes.isEmpty { perform(wishes) }
                await self.wait()
            }
        }
    }

    private func take(inFragments: Bool) -> Take {
        self.state.withLock { state in
            state.wantsFragments = inFragments
            if !state.elements.isEmpty {
                swap(&state.elements, &self.batch)
                state.bytes = 0
                state.count = 0
                defer { state.isPaused = false }
                return .batch(state.isPaused ? .resumeReading : [])
            }
            if let end = state.end { return .end(end) }
            guard state.hasBarrier, !state.isBarrierPassed else { return .wait([]) }
            state.isBarrierPassed = true
            return .wait(.passBarrier)
        }
    }

    /// Waits until there is something to take, the end, or the task is cancelled.
    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isReady = self.state.withLock { state in
                    // The cancellation's handler takes the same lock: it either finds the waiter, or has set the task's
                    // flag before this looks at it.
                    if !state.elements.isEmpty || state.end != nil || Task.isCancelled { return true }
                    // It was left between the look into the queue and this wait.
                    if state.hasBarrier, !state.isBarrierPassed { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
