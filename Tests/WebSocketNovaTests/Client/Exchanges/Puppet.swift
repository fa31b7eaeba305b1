import TestSupport
import WebSocketCore

@testable import WebSocketNova

/// An adapter that is all eight handlers and does in each call what a test has told it to: return a decision, once, or throw.
///
/// Its own state counts the calls, so that it shows whether a call's state was kept; its journal notes them whatever happens.
struct Puppet: Adapter, ConnectionHandler, MessageHandler, ErrorHandler, LoggingHandler, SubscriptionTranslator,
    AuthHandler,
    RateLimitHandler, MetricsHandler
{
    struct Refusal: Error, Equatable {}

    /// What happened, outside of any handler's state.
    struct Journal: Sendable {
        var calls: [(name: String, stream: StreamRef?)] = []
        var logged: [String] = []
        var loggedErrors: [WebSocketError] = []
        var events: [TelemetryEvent] = []
        var sums: [MessageDirection: (count: Int, bytes: Int)] = [:]

        var names: [String] { self.calls.map(\.name) }
        func count(_ name: String) -> Int { self.calls.count { $0.name == name } }
    }

    let journal = Locked(Journal())
    /// What a call by this name returns, the first time.
    var decisions: [String: HandlerDecision] = [:]
    /// What `handleError` returns, the first time.
    var errorDecision: ErrorDecision?
    /// What `check` returns, each time.
    var rateLimit = RateLimitDecision.allow
    /// The calls that throw.
    var failing: Set<String> = []
    /// How often each call has succeeded, or was the first one.
    var counts: [String: Int] = [:]
    var wantsFrames = false
    var wantsMessages = false
    var delay: Duration? = .seconds(1)
    var subscriptions = DefaultSubscriptionHandler()
    var auth = DefaultAuthHandler(.token("puppet-token"))

    init() {}

    private mutating func enter(_ name: String, on stream: StreamRef? = nil) throws {
        self.journal.withLock { $0.calls.append((name, stream)) }
        self.counts[name, default: 0] += 1
        if self.failing.contains(name) { throw Refusal() }
    }

    private mutating func decide(_ name: String, on stream: StreamRef? = nil) throws -> HandlerDecision {
        try self.enter(name, on: stream)
        return self.decisions.removeValue(forKey: name) ?? .ok
    }

    // MARK: Connection

    mutating func handleConnect(_ connection: ConnectionInfo) throws -> HandlerDecision {
        try self.decide("handleConnect", on: connection.stream)
    }

    mutating func handleDisconnect(_ reason: DisconnectReason) throws -> HandlerDecision {
        try self.decide("handleDisconnect")
    }

    mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) throws -> HandlerDecision {
        try self.decide("handleFrame.\(frame.kind)", on: stream)
    }

    mutating func handleTimeout() throws -> HandlerDecision { try self.decide("handleTimeout") }

    mutating func status() throws -> JSONValue {
        try self.enter("status")
        return ["fine": true]
    }

    // MARK: Messages

    mutating func validate(_ message: WebSocketMessage) throws -> JSONValue {
        try self.enter("validate")
        return try DefaultMessageHandler().validated(message)
    }

    mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) throws -> HandlerDecision {
        try self.decide("handleMessage", on: stream)
    }

    mutating func encode(_ message: OutgoingMessage) throws -> WebSocketFrame {
        try self.enter("encode")
        var standard = DefaultMessageHandler()
        return try standard.encode(message)
    }

    // MARK: Errors, logs and metrics

    mutating func handleError(_ error: WebSocketError, context: ErrorContext) throws -> ErrorDecision {
        try self.enter("handleError", on: context.stream)
        return self.errorDecision.take() ?? .ok
    }

    mutating func reconnectionDelay(after reason: DisconnectReason, attempt: Int) throws -> Duration? {
        try self.enter("reconnectionDelay")
        return self.delay
    }

    mutating func logConnection(_ event: ClientEvent) {
        self.journal.withLock { $0.logged.append("\(event.kind)") }
    }

    mutating func logMessage(
        _ direction: MessageDirection,
        kind: WebSocketFrame.Kind,
        size: Int,
        stream: StreamRef
    ) {
        self.journal.withLock { $0.logged.append("\(direction) \(kind) \(size) \(stream.generation)") }
    }

    mutating func logError(_ error: WebSocketError, context: ErrorContext) {
        self.journal.withLock { $0.loggedErrors.append(error) }
    }

    mutating func record(_ event: TelemetryEvent) { self.journal.withLock { $0.events.append(event) } }

    mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int) {
        self.journal.withLock { journal in
            let sum = journal.sums[direction] ?? (0, 0)
            journal.sums[direction] = (sum.count + count, sum.bytes + bytes)
        }
    }

    // MARK: Exchanges

    mutating func subscribe(
        to channel: String,
        parameters: JSONValue,
        now: Duration
    ) throws -> (id: SubscriptionID, request: OutgoingMessage) {
        try self.enter("subscribe")
        return try self.subscriptions.subscribe(to: channel, parameters: parameters, now: now)
    }

    mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
        try self.enter("unsubscribe")
        return try self.subscriptions.unsubscribe(from: id, now: now)
    }

    mutating func handleResponse(_ message: JSONValue, now: Duration) throws -> SubscriptionResponse {
        try self.enter("subscription.handleResponse")
        return try self.subscriptions.handleResponse(message, now: now)
    }

    mutating func authenticationRequest(now: Double) throws -> OutgoingMessage {
        try self.enter("authenticationRequest")
        return try self.auth.authenticationRequest(now: now)
    }

    mutating func handleResponse(_ message: JSONValue, now: Double) throws -> AuthResponse {
        try self.enter("auth.handleResponse")
        return try self.auth.handleResponse(message, now: now)
    }

    func needsAuthentication(now: Double) -> Bool { self.auth.needsAuthentication(now: now) }
    var refreshTime: Double? { self.auth.refreshTime }

    mutating func check(_ request: RateLimitRequest, now: Duration) throws -> RateLimitDecision {
        try self.enter("check")
        return self.rateLimit
    }
}

extension DefaultMessageHandler {
    /// The default's own validation, which an adapter that overrides it cannot call otherwise.
    fileprivate func validated(_ message: WebSocketMessage) throws -> JSONValue {
        var handler = self
        return try handler.validate(message)
    }
}
