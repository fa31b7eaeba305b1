internal import Synchronization
internal import WebSocketCore

extension WebSocketClient {
    /// The messages of the present stream, and after a reconnection of the next one, from this moment on: the fastest way to
    /// read all that comes.
    ///
    /// There is one such sequence at a time; a second one, while the first is there, ends at once with `concurrent_read`.
    /// While its messages are not read, and the marks of ``WebSocketConfiguration/limits-swift.property`` are passed, the
    /// connection stops reading. It ends when the client is closed, and throws what ended it otherwise.
    public var messages: ClientMessages { ClientMessages(ClientMessages.Reader(self)) }
}

/// See ``WebSocketClient/messages``.
public struct ClientMessages: AsyncSequence, Sendable {
    public typealias Element = WebSocketMessage

    /// The one reader of a client.
    @usableFromInline
    final class Reader: Sendable {
        let client: WebSocketClient
        /// Nil if there is another one.
        let queue: InboundQueue?

        init(_ client: WebSocketClient) {
            self.client = client
            self.queue = client.engine.readers.claim()
        }

        deinit {
            if let queue { self.client.engine.readers.release(queue) }
            self.client.engine.signal(.listenerHasRoom)
        }

        @usableFromInline
        func nextReady() -> WebSocketMessage? { self.queue?.nextReadyMessage() }

        @usableFromInline
        func next() async throws -> WebSocketMessage? {
            guard let queue else {
                throw WebSocketError(.concurrentRead, "there is another sequence of this client's messages")
            }
            let engine = self.client.engine
            let item = try await queue.next(inFragments: false) { wishes in
                if wishes.contains(.resumeReading) { engine.signal(.listenerHasRoom) }
            }
            guard case .message(let message) = item else { return nil }
            return message
        }
    }

    private let reader: Reader

    init(_ reader: Reader) { self.reader = reader }

    public func makeAsyncIterator() -> Iterator { Iterator(reader: self.reader) }

    /// Iterates over messages.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let reader: Reader

        init(reader: Reader) { self.reader = reader }

        /// The next message, or nil at the end.
        public mutating func next() async throws -> WebSocketMessage? { try await self.reader.next() }

        /// The next message, or nil at the end. Inlined, so that a message that is at hand does not cost a call of an
        /// asynchronous function.
        @inlinable
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> WebSocketMessage? {
            if let message = self.reader.nextReady() { return message }
            return try await self.reader.next()
        }
    }
}

/// The place of the one reader of a client's messages.
final class ReaderPlace: Sendable {
    private let state: Mutex<(queue: InboundQueue?, end: InboundQueue.End?)> = Mutex((nil, nil))
    private let version = Atomic(0)
    private let marks: InboundQueue.Marks

    init(marks: InboundQueue.Marks) {
        self.marks = marks
    }

    /// A queue for a reader, unless there is one.
    func claim() -> InboundQueue? {
        let queue = InboundQueue(marks: self.marks)
        let isClaimed = self.state.withLock { state in
            if let end = state.end { queue.finish(end) }
            guard state.queue == nil else { return false }
            state.queue = queue
            return true
        }
        self.version.add(1, ordering: .releasing)
        return isClaimed ? queue : nil
    }

    /// The reader is gone.
    func release(_ queue: InboundQueue) {
        self.state.withLock { if $0.queue === queue { $0.queue = nil } }
        self.version.add(1, ordering: .releasing)
    }

    /// The reader's queue, looked at only if it has changed since the last look.
    func look(_ seen: inout Int) -> InboundQueue?? {
        let version = self.version.load(ordering: .acquiring)
        guard version != seen else { return nil }
        seen = version
        return .some(self.state.withLock { $0.queue })
    }

    func finish(_ end: InboundQueue.End) {
        let queue = self.state.withLock { state in
            state.end = end
            return state.queue
        }
        queue?.finish(end)
    }
}
