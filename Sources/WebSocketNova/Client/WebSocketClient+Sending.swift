internal import WebSocketCore

// Every `send` returns when the message has been accepted: it is in the connection's queue, in order, and will be written
// unless the connection breaks. While there is no open connection it does what ``ClientConfiguration/disconnectedSends`` says.
extension WebSocketClient {
    /// Sends a text message, as it is.
    ///
    /// - Throws: `message_too_large`, before anything is sent; `not_connected`; `rate_limit_exceeded`; what ended the client;
    ///   `CancellationError` if the task is cancelled while it waits, in which case the message is not sent.
    public func send(_ text: String) async throws {
        if let socket = self.engine.shared.direct {
            do {
                try await socket.send(text)
                return self.noteSent(text.utf8.count)
            } catch let error as WebSocketError where error.code == .connectionClosed {
                return try await self.engine.send(.text(text), excluding: socket)
            }
        }
        try await self.engine.send(.text(text))
    }

    /// Sends a binary message. See ``send(_:)-(String)``.
    public func send(_ bytes: [UInt8]) async throws {
        if let socket = self.engine.shared.direct {
            do {
                try await socket.send(bytes)
                return self.noteSent(bytes.count)
            } catch let error as WebSocketError where error.code == .connectionClosed {
                return try await self.engine.send(.binary(bytes), excluding: socket)
            }
        }
        try await self.engine.send(.binary(bytes))
    }

    /// Sends a binary message: bytes that were received, for example. See ``send(_:)-(String)``.
    public func send(_ bytes: WebSocketBytes) async throws {
        if let socket = self.engine.shared.direct {
            do {
                try await socket.send(bytes)
                return self.noteSent(bytes.count)
            } catch let error as WebSocketError where error.code == .connectionClosed {
                return try await self.engine.send(.binary(bytes.array), excluding: socket)
            }
        }
        try await self.engine.send(.binary(bytes.array))
    }

    /// Sends a message of either kind. See ``send(_:)-(String)``.
    public func send(_ message: WebSocketMessage) async throws {
        switch message {
        case .text(let text): try await self.send(text)
        case .binary(let bytes): try await self.send(bytes)
        }
    }

    /// Sends messages, one after the other. When one of them cannot be sent, those behind it are not.
    ///
    /// - Throws: see ``send(_:)-(String)``.
    public func send(contentsOf messages: some Sequence<WebSocketMessage>) async throws {
        for message in messages { try await self.send(message) }
    }

    /// Sends a value as JSON text, its members in alphabetical order.
    ///
    /// - Throws: `invalid_message` if it has no JSON; see ``send(_:)-(String)``.
    public func send(json value: some Encodable) async throws {
        try await self.send(try JSONText.encode(value))
    }

    /// Sends a frame, on the present stream or on one by its name.
    ///
    /// Messages on a further stream, and control frames, do not wait for anything. A Close frame on the present stream closes
    /// the client.
    ///
    /// - Throws: `stream_not_found`, `invalid_stream_status` and `not_connected`, by the stream's name;
    ///   `control_frame_too_large`, `invalid_close_code`, `invalid_close_reason`; see ``send(_:)-(String)``.
    public func send(_ frame: WebSocketFrame, on stream: StreamRef? = nil) async throws {
        if stream == nil {
            switch frame {
            case .text(let text): return try await self.send(text)
            case .binary(let bytes): return try await self.send(bytes)
            case .ping, .pong, .close: break
            }
        }
        try await self.engine.send(frame, on: stream ?? self.stream)
    }

    /// Sends frames in order. See ``send(_:on:)-(WebSocketFrame,_)``.
    public func send(_ frames: [WebSocketFrame], on stream: StreamRef? = nil) async throws {
        for frame in frames { try await self.send(frame, on: stream) }
    }

    /// Sends at once, in order, what waits for the rate limiter, whatever that says: before the peer's patience or the
    /// program ends.
    ///
    /// What waits for a connection goes on to do so.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func drainRateLimit() async -> Int { await self.engine.forceLimiter() }

    private func noteSent(_ bytes: Int) {
        guard self.engine.wants.metrics, self.engine.shared.noteSent(bytes: bytes) else { return }
        self.engine.signal(.count)
    }
}
