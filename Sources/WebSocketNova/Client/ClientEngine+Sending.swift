internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

// What goes out: messages of users and handlers, past the rate limiter.
extension ClientEngine {
    // MARK: Users

    /// Sends a message, once there is a connection and the rate limiter allows.
    ///
    /// - Parameter used: a connection that turned out to have ended.
    func send(_ message: WebSocketMessage, excluding used: WebSocket? = nil) async throws {
        let begin = self.loop.now
        var used = used
        while true {
            let socket: WebSocket
            do {
                socket = try await self.admit(.query, excluding: used, since: begin)
            } catch is Dropped {
                return
            }
            do {
                let stream = self.machine.stream
                try await socket.send(message)
                return self.sent(WebSocketFrame(message), on: stream, since: begin)
            } catch let error as WebSocketError where error.code == .connectionClosed {
                // It had ended before it took the message: what follows is a matter of policy.
                used = socket
            }
        }
    }

    /// Sends a frame on a stream by its name.
    func send(_ frame: WebSocketFrame, on stream: StreamRef) async throws {
        let begin = self.loop.now
        try frame.validate()
        try self.machine.checkSendable(on: stream)
        if frame.kind == .text || frame.kind == .binary {
            if stream == self.machine.stream {
                // As what is sent without a name: behind what is restored on the stream.
                do { _ = try await self.admit(.query) } catch is Dropped { return }
            } else {
                try await self.passLimiter(.query)
            }
            // It may have been lost meanwhile.
            try self.machine.checkSendable(on: stream)
        }
        guard let socket = self.live[stream]?.socket else {
            throw WebSocketError(.streamNotFound, "\(stream) has no transport")
        }
        switch frame {
        case .text(let text): try await socket.send(text)
        case .binary(let bytes): try await socket.send(bytes)
        case .ping, .pong, .close: return try self.transmit(frame, on: stream)
        }
        self.sent(frame, on: stream, since: begin)
    }

    /// The policy is to drop what is sent without a connection.
    private struct Dropped: Error {}

    /// Waits for a connection, and for the leave of the rate limiter.
    ///
    /// - Parameters:
    ///   - used: a connection that turned out to have ended.
    ///   - begin: since when it is waited for; nil if since now.
    ///   - limit: until when, and the error of those who have waited until then; nil to go by the policy for sends without a
    ///     connection.
    /// - Returns: the connection.
    func admit(
        _ kind: RequestClass,
        excluding used: WebSocket? = nil,
        since begin: Duration? = nil,
        limit: Limit? = nil
    ) async throws -> WebSocket {
        var isAllowed = self.machine.handlers.rateLimit == nil
        while true {
            let socket = try await self.route(excluding: used, since: begin ?? self.loop.now, limit: limit)
            if isAllowed { return socket }
            try await self.passLimiter(kind, limit: limit)
            isAllowed = true
        }
    }

    private func route(
        excluding used: WebSocket?,
        since begin: Duration,
        limit: Limit?
    ) async throws -> WebSocket {
        while true {
            if let ending { throw ending }
            if let route = self.shared.state.withLock({ $0.route }), route !== used { return route }
            if self.machine.isClosing { throw WebSocketError(.connectionClosed, "\(self.id) is being closed") }
            let error = WebSocketError(.notConnected, "\(self.id) is \(self.machine.state.status.rawValue)")
            guard self.machine.state.status != .initialized else { throw error }
            switch self.configuration.disconnectedSends {
            case .failFast: throw error
            // What has an answer cannot be dropped.
            case .drop: throw limit == nil ? Dropped() : error
            case .wait(let time):
                // What has come may be lost before this task goes on: then it waits for the next.
                _ = try await self.routeWaiters.wait(on: self.loop, limit: limit ?? (begin + time, error))
            }
        }
    }

    func failWaitingSends(_ error: WebSocketError) {
        self.routeWaiters.resumeAll(with: .failure(error))
        for case .task(let continuation, _) in self.limiter.removeAll() { continuation.resume(throwing: error) }
    }

    // MARK: Handlers

    /// Sends a handler's frames, in order, past the rate limiter if there is one.
    func reply(_ frames: [WebSocketFrame], on stream: StreamRef) {
        for frame in frames {
            do {
                try self.post(frame, .reply, on: stream)
            } catch {
                self.report(error, on: stream)
            }
        }
    }

    /// Sends a frame on a stream by its name.
    func transmit(_ frame: WebSocketFrame, on stream: StreamRef) throws(WebSocketError) {
        try frame.validate()
        try self.machine.checkSendable(on: stream)
        guard let socket = self.live[stream]?.socket else {
            throw WebSocketError(.streamNotFound, "\(stream) has no transport")
        }
        if case .close(let code, let reason) = frame {
            return try self.close(
                stream,
                code == .noStatusReceived ? .withoutCode : CloseFrame(code: code, reason: reason)
            )
        }
        try self.transmit(frame, socket)
        if frame.kind == .text || frame.kind == .binary { self.sent(frame, on: stream, since: self.loop.now) }
    }

    /// Sends a frame that is no Close frame, without waiting.
    private func transmit(_ frame: WebSocketFrame, _ socket: WebSocket) throws(WebSocketError) {
        let connection = socket.connection
        try socket.checkSize(frame.size)
        var isFull = false
        switch frame {
        case .text(let text):
            isFull = try text.withUTF8Bytes { utf8 throws(WebSocketError) in
                try socket.outbound.sendFromLoop(.text, utf8)
            }
        case .binary(let bytes):
            isFull = try bytes.withRawBytes { bytes throws(WebSocketError) in
                try socket.outbound.sendFromLoop(.binary, bytes)
            }
        case .ping(let payload):
            var wake = false
            _ = try payload.withBytes { bytes throws(WebSocketError) in
                try socket.outbound.appendPing(bytes, wake: &wake)
            }
        case .pong(let payload):
            try socket.pong(payload)
        case .close:
            return
        }
        connection.signal(.flush)
        if isFull { connection.assumeIsolated { $0.pauseForOutbound() } }
    }

    /// Makes a frame of what the user gives, by the message handler.
    func encode(_ message: OutgoingMessage) throws -> WebSocketFrame {
        do {
            if let frame = try self.tryCall(\.message, { try $0.encode(message) }) { return frame }
        } catch {
            throw self.describe(error, of: \.message)
        }
        var standard = DefaultMessageHandler()
        return try standard.encode(message)
    }

    // MARK: Counting

    private func sent(_ frame: WebSocketFrame, on stream: StreamRef, since begin: Duration) {
        self.note(.sent, frame.kind, frame.size, on: stream, since: begin)
        guard self.wants.metrics else { return }
        if self.shared.noteSent(bytes: frame.size) { self.signal(.count) }
    }

    /// Tells the metrics what was sent since the last time.
    func countSent() {
        guard self.wants.metrics else { return }
        let (count, bytes) = self.shared.takeSent()
        guard count > 0 else { return }
        self.call(\.metrics, on: nil) { $0.recordMessages(.sent, count: count, bytes: bytes) }
    }
}
