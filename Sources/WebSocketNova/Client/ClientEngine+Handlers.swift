internal import LWSTransport
internal import Logging
internal import WebSocketCore

// Calls of handlers, and their decisions.
extension ClientEngine {
    /// Calls a handler. One that throws keeps the state that it had, and the error is reported.
    ///
    /// - Returns: nil if there is no such handler, or it threw.
    @discardableResult
    @inline(__always)
    func call<Kind, Answer>(
        _ place: WritableKeyPath<HandlerSet, Kind?>,
        on stream: StreamRef?,
        _ body: (inout Kind) throws -> Answer
    ) -> Answer? {
        do {
            return try self.tryCall(place, body)
        } catch {
            self.report(self.describe(error, of: place), on: stream)
            return nil
        }
    }

    /// Calls a handler whose errors the caller deals with.
    ///
    /// - Returns: nil if there is no such handler.
    @inline(__always)
    func tryCall<Kind, Answer>(
        _ place: WritableKeyPath<HandlerSet, Kind?>,
        _ body: (inout Kind) throws -> Answer
    ) throws -> Answer? {
        try Self.call(&self.machine.handlers, place, body)
    }

    /// In place, and inlined together with its callers: the path is then a known field, and no more of the handlers is copied
    /// than the one that is called.
    @inline(__always)
    private static func call<Kind, Answer>(
        _ handlers: inout HandlerSet,
        _ place: WritableKeyPath<HandlerSet, Kind?>,
        _ body: (inout Kind) throws -> Answer
    ) throws -> Answer? {
        guard var handler = handlers[keyPath: place] else { return nil }
        let answer = try body(&handler)
        handlers[keyPath: place] = handler
        return answer
    }

    func describe<Kind>(_ error: any Error, of place: WritableKeyPath<HandlerSet, Kind?>) -> WebSocketError {
        if let error = error as? WebSocketError { return error }
        return WebSocketError(.handlerFailed, "the \(HandlerSet.name(of: place)) handler threw", underlying: error)
    }

    /// Does what a handler wants done.
    func carryOut(_ decision: HandlerDecision, on stream: StreamRef) {
        switch decision {
        case .ok:
            break
        case .reply(let frame):
            self.reply([frame], on: stream)
        case .replyMany(let frames):
            self.reply(frames, on: stream)
        case .close(let code, let reason):
            do {
                try self.close(stream, try CloseFrame(code: code, reason: reason))
            } catch {
                self.report(self.describe(error, of: \.connection), on: stream)
            }
        case .stop(let reason):
            self.stop(WebSocketError(.stoppedByHandler, reason))
        case .reconnect(let delay):
            self.reconnect(after: delay)
        }
    }

    /// Gives up the present transport and connects again.
    func reconnect(after delay: Duration?) {
        let stream = self.machine.stream
        let before = self.machine.state.status
        guard self.machine.reconnectRequested(after: delay) == .abort(stream) else { return }
        self.reconnectIsWanted = true
        self.noteStatus(from: before, .transportLost)
        self.giveUp(stream, WebSocketError(.transportFailed, "a handler wants another connection"))
    }

    // MARK: Errors

    /// Tells everyone that something went wrong, and asks the error handler what follows.
    func report(_ error: WebSocketError, on stream: StreamRef?) {
        guard !self.hasToldEnd else { return }
        self.machine.update { $0.recordError(error) }
        self.emit(.error(stream, error))
        let state = self.machine.state
        self.measure(.errorOccurred(self.id, stream, error, host: state.host, port: state.port))
        let context = ErrorContext(connection: self.id, stream: stream)
        self.call(\.logging, on: stream) { $0.logError(error, context: context) }
        // An error handler that fails is not asked about that.
        guard !self.isReporting else { return }
        self.isReporting = true
        defer { self.isReporting = false }
        switch self.call(\.error, on: stream, { try $0.handleError(error, context: context) }) {
        case .ok, nil: break
        case .retry(let delay): self.reconnect(after: delay)
        case .stop(let reason): self.stop(WebSocketError(.stoppedByHandler, reason, underlying: error))
        }
    }

    // MARK: Events and measurements

    /// Whether anybody is told of each frame.
    var framesAreHeard: Bool {
        self.heard.contains { $0.wantsFrames } || self.listeners.contains { $0.wantsFrames }
            || self.machine.state.listener?.wantsFrames ?? false
    }

    /// Tells everyone of an event.
    func emit(_ kind: ClientEvent.Kind) {
        guard !self.hasToldEnd else { return }
        let event = ClientEvent(connection: self.id, kind: kind)
        var size = 0
        var isFrame = false
        if case .frame(_, let frame) = kind {
            isFrame = true
            size = frame.size
        } else {
            self.call(\.logging, on: nil) { $0.logConnection(event) }
        }
        if let listener = self.machine.state.listener, listener.wantsFrames || !isFrame { listener.receive(event) }
        for listener in self.listeners where listener.wantsFrames || !isFrame { listener.receive(event) }
        for registration in self.heard where registration.wantsFrames || !isFrame {
            if isFrame {
                // The messages of a read come together: see `wakeListeners()`.
                registration.queue.append(event, bytes: size, wakes: !self.isInBatch)
            } else {
                registration.queue.appendUnbidden(event)
            }
        }
    }

    /// The messages of a read have been appended to the queues of those who want them.
    func wakeListeners() {
        for registration in self.heard { registration.queue.wake() }
        for channel in self.channels.values {
            for sink in channel.sinks { sink.queue.wake() }
        }
    }

    func measure(_ event: @autoclosure () -> TelemetryEvent) {
        guard self.wants.metrics else { return }
        let event = event()
        self.call(\.metrics, on: nil) { $0.record(event) }
    }
}

extension HandlerSet {
    /// What a kind of handler is called.
    static func name(of place: PartialKeyPath<HandlerSet>) -> String {
        switch place {
        case \HandlerSet.connection: "connection"
        case \HandlerSet.message: "message"
        case \HandlerSet.error: "error"
        case \HandlerSet.logging: "logging"
        case \HandlerSet.subscription: "subscription"
        case \HandlerSet.auth: "auth"
        case \HandlerSet.rateLimit: "rate limit"
        case \HandlerSet.metrics: "metrics"
        default: "unknown"
        }
    }
}
