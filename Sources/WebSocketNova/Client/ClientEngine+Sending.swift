internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

/// What waits for the leave of the rate limiter.
enum Admission: Sendable {
    /// A task.
    case task(CheckedContinuation<Void, any Error>, id: UInt64)
    /// A handler's reply.
    case frame(WebSocketFrame, StreamRef)
}

/// Classes of requests, as the rate limiter knows them.
enum RequestClass: String, Sendable {
    case query, subscription, auth, reply

    /// Handlers' replies go before what users send: a peer that asks for a sign of life does not wait for long.
    var priority: Int { self == .reply ? 1 : 0 }
}

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
                try await socket.send(message)
                self.note(.sent, message, on: self.machine.stream, since: begin)
                return self.sent(message.payloadSize)
            } catch let error as WebSocketError where error.code == .connectionClosed {
                // It had ended before it took the message: what follows is a matter of policy.
                used = socket
            }
        }
    }

    /// Sends a frame on a stream by its name.
    func send(_ frame: WebSocketFrame, on stream: StreamRef) async throws {
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
        self.sent(frame.size)
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
        limit: (time: Duration, error: WebSocketError)? = nil
    ) async throws -> WebSocket {
        var isAllowed = self.machine.handlers.rateLimit == nil
        while true {
            let socket = try await self.route(excluding: used, since: begin ?? self.loop.now, limit: limit)
            if isAllowed { return socket }
            try await self.passLimiter(kind)
            isAllowed = true
        }
    }

    private func route(
        excluding used: WebSocket?,
        since begin: Duration,
        limit: (time: Duration, error: WebSocketError)?
    ) async throws -> WebSocket {
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
            return try await self.routeWaiters.wait(on: self.loop, limit: limit ?? (begin + time, error))
        }
    }

    func failWaitingSends(_ error: WebSocketError) {
        self.routeWaiters.resumeAll(with: .failure(error))
        for case .task(let continuation, _) in self.limiter.removeAll() { continuation.resume(throwing: error) }
    }

    // MARK: The rate limiter

    /// Waits for the leave of the rate limiter, if there is one.
    func passLimiter(_ kind: RequestClass) async throws {
        guard self.machine.handlers.rateLimit != nil else { return }
        let id = self.limiter.makeID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                switch self.submit(.task(continuation, id: id), kind) {
                case .allowed: continuation.resume()
                case .rejected(let error): continuation.resume(throwing: error)
                case .waits: break
                }
            }
        } onCancel: {
            Task { await self.leaveLimiter(id) }
        }
    }

    private func leaveLimiter(_ id: UInt64) {
        let left = self.limiter.remove { item in
            if case .task(_, let other) = item { other == id } else { false }
        }
        if case .task(let continuation, _) = left { continuation.resume(throwing: CancellationError()) }
    }

    private enum Submission {
        case allowed
        case waits
        case rejected(WebSocketError)
    }

    private func submit(_ item: Admission, _ kind: RequestClass) -> Submission {
        guard var handler = self.machine.handlers.rateLimit else { return .allowed }
        let before = handler
        do {
            let outcome = try self.limiter.submit(
                item,
                kind: kind.rawValue,
                priority: kind.priority,
                now: self.loop.now,
                limiter: &handler
            )
            self.machine.handlers.rateLimit = handler
            switch outcome {
            case .allowed:
                return .allowed
            case .queued(let delay):
                self.armLimiterTimer(delay)
                return .waits
            case .rejected(let reason):
                return .rejected(WebSocketError(.rateLimitExceeded, reason))
            }
        } catch {
            // A limiter that fails is no reason to let everything pass, nor to hold everything up: this one is refused.
            self.machine.handlers.rateLimit = before
            let error = self.describe(error, of: \.rateLimit)
            self.report(error, on: nil)
            return .rejected(error)
        }
    }

    private func armLimiterTimer(_ delay: Duration) {
        // Behind somebody who waits there is a timer already.
        guard self.limiterTimer == nil else { return }
        self.limiterTimer = self.schedule(after: max(delay, .milliseconds(1))) { engine in
            engine.limiterTimer = nil
            engine.drainLimiter()
        }
    }

    /// Lets pass what may go out by now.
    func drainLimiter() {
        guard self.limiter.count > 0, var handler = self.machine.handlers.rateLimit else { return }
        do {
            let (items, rejected, next) = try self.limiter.drain(now: self.loop.now, limiter: &handler)
            self.machine.handlers.rateLimit = handler
            for item in items { self.pass(item) }
            for case (.task(let continuation, _), let reason) in rejected {
                continuation.resume(throwing: WebSocketError(.rateLimitExceeded, reason))
            }
            if let next { self.armLimiterTimer(next) }
        } catch {
            let error = self.describe(error, of: \.rateLimit)
            self.report(error, on: nil)
            for case .task(let continuation, _) in self.limiter.removeAll() { continuation.resume(throwing: error) }
        }
    }

    private func pass(_ item: Admission) {
        switch item {
        case .task(let continuation, _): continuation.resume()
        case .frame(let frame, let stream): self.transmit([frame], on: stream)
        }
    }

    // MARK: Handlers

    /// Sends a handler's frames, in order, past the rate limiter if there is one.
    func reply(_ frames: [WebSocketFrame], on stream: StreamRef) {
        guard self.machine.handlers.rateLimit != nil else { return self.transmit(frames, on: stream) }
        for frame in frames {
            switch self.submit(.frame(frame, stream), .reply) {
            case .allowed: self.transmit([frame], on: stream)
            case .waits: break
            case .rejected(let error): self.report(error, on: stream)
            }
        }
    }

    private func transmit(_ frames: [WebSocketFrame], on stream: StreamRef) {
        for frame in frames {
            do {
                try self.transmit(frame, on: stream)
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
        try self.transmit(frame, on: socket)
    }

    /// Sends a frame that is no Close frame, without waiting.
    func transmit(_ frame: WebSocketFrame, on socket: WebSocket) throws(WebSocketError) {
        let connection = socket.connection
        try socket.checkSize(frame.size)
        var isFull = false
        switch frame {
        case .text(var text):
            isFull = try text.withUTF8Bytes { utf8 throws(WebSocketError) in
                try socket.outbound.sendFromLoop(.text, utf8)
            }
            self.sent(frame.size)
        case .binary(let bytes):
            isFull = try bytes.withBytes { bytes throws(WebSocketError) in
                try socket.outbound.sendFromLoop(.binary, bytes)
            }
            self.sent(frame.size)
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

    private func sent(_ bytes: Int) {
        guard self.wants.metrics else { return }
        if self.shared.noteSent(bytes: bytes) { self.signal(.count) }
    }

    /// Tells the metrics what was sent since the last time.
    func countSent() {
        guard self.wants.metrics else { return }
        let (count, bytes) = self.shared.takeSent()
        guard count > 0 else { return }
        self.call(\.metrics, on: nil) { $0.recordMessages(.sent, count: count, bytes: bytes) }
    }
}
