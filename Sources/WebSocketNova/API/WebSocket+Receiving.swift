internal import WebSocketCore

extension WebSocket {
    /// The messages, in order, as they come.
    ///
    /// The sequence ends when this side has closed, or the peer has with 1000, 1001 or no code. Otherwise it throws:
    /// `connection_closed` with the peer's code, `transport_failed` when the transport ended without a Close frame,
    /// `protocol_violation` or `message_too_large`, all after the messages that came before. Each time a `for` loop is begun
    /// it goes on behind the last message that was read.
    ///
    /// One task at a time may iterate; a second one gets `concurrent_read`. When the iterating task is cancelled, the
    /// iteration throws `CancellationError`, and no message is lost: another loop can go on.
    ///
    /// While nobody reads, messages gather up to ``WebSocketConfiguration/Limits-swift.struct/inboundHighWaterMark`` and
    /// ``WebSocketConfiguration/Limits-swift.struct/inboundReadAhead``; then the connection stops reading, and the peer is held
    /// back by TCP.
    public var messages: Messages { Messages(socket: self) }

    /// See ``WebSocket/messages``.
    public struct Messages: AsyncSequence, Sendable {
        /// A message.
        public typealias Element = WebSocketMessage

        fileprivate let socket: WebSocket

        /// Begins to iterate behind the last message that was read.
        public func makeAsyncIterator() -> Iterator { Iterator(socket: self.socket) }

        /// Iterates over messages.
        public struct Iterator: AsyncIteratorProtocol {
            @usableFromInline let socket: WebSocket

            fileprivate init(socket: WebSocket) { self.socket = socket }

            /// The next message, or nil at the end. See ``WebSocket/messages``.
            public mutating func next() async throws -> WebSocketMessage? {
                try await self.socket.nextMessage()
            }

            /// The next message, or nil at the end. See ``WebSocket/messages``.
            ///
            /// Inlined, so that a message that is at hand does not cost a call of an asynchronous function.
            @inlinable
            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws -> WebSocketMessage? {
                if let message = self.socket.nextReadyMessage() { return message }
                return try await self.socket.nextMessage()
            }
        }
    }

    /// The next message, or nil at the end: what a loop over ``messages`` calls.
    ///
    /// - Throws: see ``messages``.
    public func nextMessage() async throws -> WebSocketMessage? {
        switch try await self.nextElement(inFragments: false) {
        case .message(let message): return message
        case .fragment(let fragment, _): return try await self.join(from: fragment)
        case nil: return nil
        }
    }

    /// The next piece of a message, or nil at the end: to take in a large message as it comes, in little memory.
    ///
    /// The last piece of each message has ``WebSocketFragment/isFinal`` set. A message that had come before the first call
    /// is one piece. The limit on the size of messages holds for the sum of the pieces.
    ///
    /// Do not mix with ``messages`` in the middle of a message: the rest of it would be taken for a message.
    ///
    /// - Throws: see ``messages``.
    public func nextFragment() async throws -> WebSocketFragment? {
        switch try await self.nextElement(inFragments: true) {
        case .message(.text(let text)): WebSocketFragment(kind: .text, bytes: Array(text.utf8), isFinal: true)
        case .message(.binary(let bytes)): WebSocketFragment(kind: .binary, bytes: bytes.array, isFinal: true)
        case .fragment(let fragment, _): fragment
        case nil: nil
        }
    }

    /// The pieces of the next message as a sequence that ends with the message.
    ///
    /// See ``nextFragment()``.
    public var fragmentsOfNextMessage: Fragments { Fragments(socket: self) }

    /// See ``WebSocket/fragmentsOfNextMessage``.
    public struct Fragments: AsyncSequence, Sendable {
        /// A piece.
        public typealias Element = WebSocketFragment

        fileprivate let socket: WebSocket

        /// Begins with the next piece.
        public func makeAsyncIterator() -> Iterator { Iterator(socket: self.socket) }

        /// Iterates over the pieces of one message.
        public struct Iterator: AsyncIteratorProtocol {
            fileprivate let socket: WebSocket
            private var isAtEnd = false

            fileprivate init(socket: WebSocket) { self.socket = socket }

            /// The next piece, or nil behind the last one of the message.
            public mutating func next() async throws -> WebSocketFragment? {
                guard !self.isAtEnd else { return nil }
                let fragment = try await self.socket.nextFragment()
                self.isAtEnd = fragment?.isFinal ?? true
                return fragment
            }
        }
    }

    @usableFromInline
    func nextReadyMessage() -> WebSocketMessage? { self.inbound?.nextReadyMessage() }

    private func nextElement(inFragments: Bool) async throws -> InboundQueue.Item? {
        guard let inbound else { return nil }
        return try await inbound.next(inFragments: inFragments) { wishes in
            if wishes.contains(.resumeReading) { self.connection.signal(.resumeReading) }
            if wishes.contains(.passBarrier) { self.connection.signal(.passBarrier) }
        }
    }

    /// Puts together a message of which pieces had come when the reader went over to whole messages.
    private func join(from first: WebSocketFragment) async throws -> WebSocketMessage? {
        var bytes = first.bytes
        var isFinal = first.isFinal
        while !isFinal {
            do {
                guard case .fragment(let next, _) = try await self.nextElement(inFragments: false) else { return nil }
                bytes += next.bytes
                isFinal = next.isFinal
            } catch is CancellationError {
                // For whoever reads next.
                self.inbound?.putBack(WebSocketFragment(kind: first.kind, bytes: bytes, isFinal: false))
                throw CancellationError()
            }
        }
        return first.kind == .text ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes)
    }
}
