internal import WebSocketCore

/// What happens to a client, from the moment at which the sequence was made. See ``WebSocketClient/events``.
public struct ClientEvents: AsyncSequence, Sendable {
    public typealias Element = ClientEvent
    public typealias Failure = Never

    /// Its place among the client's listeners, which it leaves when the last copy of the sequence and its iterators is gone.
    final class Registration: Sendable {
        let queue: ListenerQueue<ClientEvent>
        let wantsFrames: Bool
        /// Held, because somebody who only listens to a client wants it to live.
        private let client: WebSocketClient

        init(_ listener: EventQueue, client: WebSocketClient) {
            self.queue = listener.queue
            self.wantsFrames = listener.wantsFrames
            self.client = client
        }

        deinit {
            self.queue.abandon()
            self.client.engine.eventQueues.prune()
            self.client.engine.signal(.listenerHasRoom)
        }
    }

    private let registration: Registration

    init(_ registration: Registration) {
        self.registration = registration
    }

    public func makeAsyncIterator() -> Iterator { Iterator(registration: self.registration) }

    /// Iterates over events.
    public struct Iterator: AsyncIteratorProtocol {
        let registration: Registration

        /// The next event, or nil behind the last one, or when the task is cancelled.
        public mutating func next() async -> ClientEvent? { try? await self.registration.queue.next() }

        /// See ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Never) -> ClientEvent? {
            try? await self.registration.queue.next()
        }
    }
}

/// The engine's side of a sequence of events.
struct EventQueue: Sendable {
    let queue: ListenerQueue<ClientEvent>
    let wantsFrames: Bool
}
