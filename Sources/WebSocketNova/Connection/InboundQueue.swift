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
        indirect case failed(WebSocketError)
    }

    /// What the connection has to do after the reader took something.
    struct Wishes: OptionSet {
        let rawValue: UInt8
        /// There is room again.
        static let resumeReading = Wishes(rawValue: 1)
        /// The reader has come to the barrier.
        static let passBarrier = Wishes(rawValue: 2)
    }

    /// How full the queue may be. What the reader has taken and not read yet counts as well.
    struct Marks: Sendable, Hashable {
        var bytes: WaterMarks
        var count: WaterMarks
        /// How many bytes above the high mark the connection takes in before it stops.
        var readAhead: Int
    }

    /// How full it is, as far as the connection is concerned.
    enum Level {
        case low
        /// Above a high mark: what comes is for the control frames in it.
        case high
        /// The connection should stop reading until it is told to resume.
        case full
    }

    private struct State {
        var elements: Deque<Element> = []
        var bytes = 0
        var count = 0
        /// What the reader took last; it is read when the reader comes again.
        var taken = (bytes: 0, count: 0)
        /// The connection has been told to stop.
        var isFull = false
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
    private let marks: Marks
    /// Set for the time of a call of ``next()``: there is one reader at a time.
    private let isReading = Atomic(false)
    // What follows is only touched while `isReading` is held, which makes it safe, and a check for overlapping access, which
    // would be made for each message, needless.
    /// The block that the reader is going through, ahead of `batch`.
    @exclusivity(unchecked) private nonisolated(unsafe) var block: InboundBlock?
    /// The batch that the reader is going through.
    @exclusivity(unchecked) private nonisolated(unsafe) var batch: Deque<Element> = []

    init(marks: Marks) {
        self.marks = marks
    }

    // MARK: The loop's side

    /// Appends a batch and empties it.
    ///
    /// - Returns: how full the queue is now.
    func append(_ batch: inout InboundBatch) -> Level {
        let (waiter, level) = self.state.withLock { state -> (CheckedContinuation<Void, Never>?, Level) in
            if state.elements.isEmpty {
                swap(&state.elements, &batch.elements)
            } else {
                state.elements.append(contentsOf: batch.elements)
            }
            state.bytes += batch.bytes
            state.count += batch.count
            let level = self.level(state)
            if case .full = level { state.isFull = true }
            defer { state.waiter = nil }
            return (state.waiter, level)
        }
        batch.removeAll()
        waiter?.resume()
        return level
    }

    private func level(_ state: borrowing State) -> Level {
        let bytes = self.marks.bytes.high
        let count = self.marks.count.high
        let excess = (bytes: state.bytes + state.taken.bytes - bytes, count: state.count + state.taken.count - count)
        if excess.bytes < 0, excess.count < 0 { return .low }
        let isFull =
            excess.bytes >= self.marks.readAhead || excess.count >= self.marks.readAhead / InboundBatch.overhead
        return isFull ? .full : .high
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

    /// Whether the next message should come in pieces, and how full the queue is by now.
    var demand: (wantsFragments: Bool, level: Level) {
        self.state.withLock { ($0.wantsFragments, self.level($0)) }
    }

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
            // Whoever comes again has read what was taken last.
            state.taken = (0, 0)
            if !state.elements.isEmpty {
                self.takePortion(&state)
                return .batch(self.resumption(&state))
            }
            if let end = state.end { return .end(end) }
            guard state.hasBarrier, !state.isBarrierPassed else { return .wait(self.resumption(&state)) }
            state.isBarrierPassed = true
            return .wait(.passBarrier)
        }
    }

    /// Moves elements to the reader: all of them, or of many as much as a quarter of the marks, so that the connection can
    /// fill up the queue while the reader is at it.
    private func takePortion(_ state: inout State) {
        if state.bytes <= self.marks.bytes.high / 4, state.count <= self.marks.count.high / 4 {
            swap(&state.elements, &self.batch)
            state.taken = (state.bytes, state.count)
        } else {
            repeat {
                guard let element = state.elements.popFirst() else { break }
                let cost = element.cost
                state.taken.bytes += cost.bytes
                state.taken.count += cost.count
                self.batch.append(element)
            } while state.taken.bytes < self.marks.bytes.high / 4 && state.taken.count < self.marks.count.high / 4
        }
        state.bytes -= state.taken.bytes
        state.count -= state.taken.count
    }

    private func resumption(_ state: inout State) -> Wishes {
        guard state.isFull, state.bytes + state.taken.bytes <= self.marks.bytes.low,
            state.count + state.taken.count <= self.marks.count.low
        else { return [] }
        state.isFull = false
        return .resumeReading
    }

    /// How many bytes are held, read and unread. For tests.
    var heldBytes: Int { self.state.withLock { $0.bytes + $0.taken.bytes } }

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

extension InboundQueue.Element {
    /// What it counts for in the queue: as ``InboundBatch`` has counted it.
    fileprivate var cost: (bytes: Int, count: Int) {
        switch self {
        case .block(let block): (block.capacity, block.count)
        case .item(.message(.text(let text))): (text.utf8.count + InboundBatch.overhead, 1)
        case .item(.message(.binary(let bytes))): (bytes.count + InboundBatch.overhead, 1)
        case .item(.fragment(let fragment, _)): (fragment.bytes.count + InboundBatch.overhead, 1)
        }
    }
}
