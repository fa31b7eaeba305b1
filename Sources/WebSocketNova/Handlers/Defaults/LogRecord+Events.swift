internal import Logging
internal import WebSocketCore

extension LogRecord {
    /// A message that came or went.
    init(_ direction: MessageDirection, _ kind: WebSocketFrame.Kind, size: Int, stream: StreamRef) {
        self.init(
            kind: .message,
            event: "message.\(direction.rawValue)",
            level: .debug,
            message: "\(direction.rawValue) \(kind.rawValue), \(size) bytes"
        )
        self.add(stream)
        self["frame_type"] = .string(kind.rawValue)
        self["size"] = .integer(Int64(size))
    }

    /// Something that went wrong.
    init(_ error: WebSocketError, context: ErrorContext) {
        self.init(kind: .error, event: "error.occurred", level: Self.level(of: error), message: "")
        self["connection_id"] = .string("\(context.connection)")
        if let stream = context.stream { self.add(stream) }
        self.message = "error: " + self.add(error)
    }

    /// Something that happened to a connection.
    init(_ event: ClientEvent) {
        self.init(kind: .connection, event: "", level: Self.level(of: event.kind), message: "")
        self["connection_id"] = .string("\(event.connection)")
        switch event.kind {
        case .connectionUp:
            self.event = "connection.open"
            self.message = "the transport is up"
        case .upgraded(let stream, let headers):
            self.event = "connection.websocket_upgrade"
            self.message = "the connection is open"
            self.add(stream)
            self["headers"] = .string(LogText.names(of: headers))
        case .frame(let stream, let frame):
            self.event = "frame.received"
            self.message = "received \(frame.kind.rawValue), \(frame.size) bytes"
            self.add(stream)
            self["frame_type"] = .string(frame.kind.rawValue)
            self["size"] = .integer(Int64(frame.size))
        case .connectionDown(let reason):
            self.event = "connection.close"
            self.message = "the transport is gone: " + self.add(reason)
        case .refused(let stream, let answer):
            self.event = "connection.refused"
            self.message = "the server refused the upgrade with status \(answer.status)"
            self.add(stream)
            self.add(answer)
        case .error(let stream, let error):
            self.kind = .error
            self.event = "error.occurred"
            if let stream { self.add(stream) }
            self.message = "error: " + self.add(error)
        case .transitionRefused(let from, let to):
            self.event = "connection.transition_refused"
            self.message = "no transition from \(from.rawValue) to \(to.rawValue)"
            self["from"] = .string(from.rawValue)
            self["to"] = .string(to.rawValue)
        case .reconnecting, .reconnected, .subscriptionRestored, .streamEnded, .ended:
            self.fillAfterLoss(event.kind)
        }
    }

    /// The events that follow the loss of a transport.
    private mutating func fillAfterLoss(_ kind: ClientEvent.Kind) {
        switch kind {
        case .reconnecting(let attempt, let delay, let cause):
            self.event = "connection.reconnecting"
            self["attempt"] = .integer(Int64(attempt))
            self["delay"] = .number(delay.inSeconds)
            self.message = "attempt \(attempt) to connect again follows in \(delay): " + self.add(cause)
        case .reconnected(let stream, let gap):
            self.event = "connection.reconnected"
            self.message = "the connection is back after \(gap.duration) and \(gap.attempts) attempts"
            self.add(stream)
            self["duration"] = .number(gap.duration.inSeconds)
            self["attempts"] = .integer(Int64(gap.attempts))
        case .subscriptionRestored(let channel, let failure):
            self.event = failure == nil ? "subscription.restored" : "subscription.restoration_failed"
            self.message = failure == nil ? "a subscription was restored" : "a subscription was not restored"
            self["channel"] = .string(LogText.escaped(channel))
            if let failure { self.message += ": " + self.add(failure) }
        case .streamEnded(let stream, let reason):
            self.event = "stream.ended"
            self.add(stream)
            self.message = "a further stream has ended: " + self.add(reason)
        case .ended(let reason):
            self.event = "connection.ended"
            self.message = "the connection has ended: " + self.add(reason)
        default:
            break
        }
    }

    // MARK: Parts

    private subscript(_ key: String) -> JSONValue? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    private mutating func add(_ stream: StreamRef) {
        self["stream_ref"] = .string("\(stream)")
    }

    /// - Returns: the reason in words.
    private mutating func add(_ reason: DisconnectReason) -> String {
        self["reason"] = .string(LogText.escaped(reason.name, limit: 64))
        switch reason {
        case .local:
            return "closed by this side"
        case .closed(let info):
            self.add(info)
            return "closed by \(info.initiator.rawValue) with \(info.code)"
        case .failed(let error):
            return self.add(error)
        }
    }

    /// - Returns: the error in words.
    private mutating func add(_ error: WebSocketError) -> String {
        let code = LogText.escaped(error.code.rawValue, limit: 64)
        self["reason"] = .string(code)
        if let answer = error.handshake { self.add(answer) }
        if let close = error.close { self.add(close) }
        if let deadline = error.deadline { self["deadline"] = .string(deadline.kind.rawValue) }
        if let failure = error.tlsFailure { self["tls"] = .string(failure.reason.rawValue) }
        // Its type and not its words: those of an error that is not ours may have anything in them.
        if let underlying = error.underlying { self["underlying"] = .string("\(type(of: underlying))") }
        return "\(code): \(LogText.message(of: error))"
    }

    private mutating func add(_ info: WebSocketCloseInfo) {
        self["close_code"] = .integer(Int64(info.code.rawValue))
        if !info.reason.isEmpty { self["close_reason"] = .string(LogText.escaped(info.reason)) }
        if let cause = info.cause { self["cause"] = .string(cause.rawValue) }
        if let failure = info.failure { self["failure"] = .string(LogText.escaped(failure)) }
    }

    private mutating func add(_ answer: WebSocketError.Handshake) {
        self["status"] = .integer(Int64(answer.status))
        self["headers"] = .string(LogText.names(of: answer.headers))
        // Often says what was wrong; it is the peer's, and cut as such.
        let body = String(decoding: answer.bodyPrefix.prefix(512), as: UTF8.self)
        if !body.isEmpty { self["body"] = .string(LogText.escaped(body)) }
    }
}

extension LogRecord {
    /// How important an event is; costs nothing, so that what is not logged costs nothing.
    static func level(of kind: ClientEvent.Kind) -> Logger.Level {
        switch kind {
        // Messages and errors have lines of their own, from `logMessage` and `logError`.
        case .frame: .trace
        case .connectionUp, .error: .debug
        case .upgraded, .reconnecting, .reconnected, .subscriptionRestored(_, nil): .info
        case .refused, .transitionRefused, .subscriptionRestored: .warning
        case .connectionDown(let reason), .streamEnded(_, let reason): reason.isOrderly ? .info : .warning
        case .ended(let reason): reason.isOrderly ? .info : .error
        }
    }

    /// What may pass by itself is a warning.
    static func level(of error: WebSocketError) -> Logger.Level { error.isRetryable ? .warning : .error }
}

extension DisconnectReason {
    /// Whether somebody meant the connection to end, as opposed to something that went wrong.
    fileprivate var isOrderly: Bool {
        switch self {
        case .local: true
        case .closed(let info): info.wasClean && (info.code == .normalClosure || info.code == .goingAway)
        case .failed: false
        }
    }
}
