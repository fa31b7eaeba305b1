internal import WebSocketCore

// One handler for each protocol that an adapter may conform to. Each holds the adapter's storage and passes every call on to
// the adapter in it. They are made once, when the adapter is installed: a call costs no more than one through any handler,
// and the lock.

/// A handler whose state is in an ``AdapterStorage``, so that copies of it share the state.
protocol AdapterHandler: Handler {
    associatedtype A: Handler
    init(storage: AdapterStorage<A>)
    var storage: AdapterStorage<A> { get }
}

extension AdapterHandler {
    init() { self.init(storage: AdapterStorage(A())) }
    init(options: HandlerOptions) throws { self.init(storage: AdapterStorage(try A(options: options))) }

    /// The same handler with a state of its own.
    func unshared(_ copies: inout AdapterCopies) -> Self { Self(storage: copies.copy(of: self.storage)) }
}

struct AdapterConnectionHandler<A: ConnectionHandler>: ConnectionHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    mutating func handleConnect(_ connection: ConnectionInfo) throws -> HandlerDecision {
        try self.storage.attempt { try $0.handleConnect(connection) }
    }

    mutating func handleDisconnect(_ reason: DisconnectReason) throws -> HandlerDecision {
        try self.storage.attempt { try $0.handleDisconnect(reason) }
    }

    mutating func handleFrame(_ frame: WebSocketFrame, on stream: StreamRef) throws -> HandlerDecision {
        try self.storage.attempt { try $0.handleFrame(frame, on: stream) }
    }

    mutating func handleTimeout() throws -> HandlerDecision {
        try self.storage.attempt { try $0.handleTimeout() }
    }

    mutating func status() throws -> JSONValue {
        try self.storage.attempt { try $0.status() }
    }

    var wantsFrames: Bool { self.storage.read { $0.wantsFrames } }
}

struct AdapterMessageHandler<A: MessageHandler>: MessageHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    mutating func validate(_ message: WebSocketMessage) throws -> JSONValue {
        try self.storage.attempt { try $0.validate(message) }
    }

    func type(of message: JSONValue) -> String {
        self.storage.read { $0.type(of: message) }
    }

    mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) throws -> HandlerDecision {
        try self.storage.attempt { try $0.handleMessage(message, on: stream) }
    }

    mutating func encode(_ message: OutgoingMessage) throws -> WebSocketFrame {
        try self.storage.attempt { try $0.encode(message) }
    }

    var wantsMessages: Bool { self.storage.read { $0.wantsMessages } }
}

struct AdapterErrorHandler<A: ErrorHandler>: ErrorHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    func classify(_ reason: DisconnectReason) -> ErrorClass {
        self.storage.read { $0.classify(reason) }
    }

    mutating func handleError(_ error: WebSocketError, context: ErrorContext) throws -> ErrorDecision {
        try self.storage.attempt { try $0.handleError(error, context: context) }
    }

    mutating func reconnectionDelay(after reason: DisconnectReason, attempt: Int) throws -> Duration? {
        try self.storage.attempt { try $0.reconnectionDelay(after: reason, attempt: attempt) }
    }

    mutating func resetReconnectionAttempts() {
        self.storage.update { $0.resetReconnectionAttempts() }
    }

    var stabilityPeriod: Duration { self.storage.read { $0.stabilityPeriod } }
}

struct AdapterLoggingHandler<A: LoggingHandler>: LoggingHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    mutating func logConnection(_ event: ClientEvent) {
        self.storage.update { $0.logConnection(event) }
    }

    mutating func logMessage(
        _ direction: MessageDirection,
        kind: WebSocketFrame.Kind,
        size: Int,
        stream: StreamRef
    ) {
        self.storage.update { $0.logMessage(direction, kind: kind, size: size, stream: stream) }
    }

    mutating func logError(_ error: WebSocketError, context: ErrorContext) {
        self.storage.update { $0.logError(error, context: context) }
    }

    var wantsMessages: Bool { self.storage.read { $0.wantsMessages } }
}

struct AdapterSubscriptionHandler<A: SubscriptionHandler>: SubscriptionHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    mutating func subscribe(
        to channel: String,
        parameters: JSONValue,
        now: Duration
    ) throws -> (id: SubscriptionID, request: OutgoingMessage) {
        try self.storage.attempt { try $0.subscribe(to: channel, parameters: parameters, now: now) }
    }

    mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
        try self.storage.attempt { try $0.unsubscribe(from: id, now: now) }
    }

    mutating func handleResponse(_ message: JSONValue, now: Duration) throws -> SubscriptionResponse {
        try self.storage.attempt { try $0.handleResponse(message, now: now) }
    }

    var restorable: [SubscriptionRequest] { self.storage.read { $0.restorable } }
    var active: [SubscriptionID: SubscriptionRequest] { self.storage.read { $0.active } }

    mutating func prepareForReconnection() {
        self.storage.update { $0.prepareForReconnection() }
    }
}

struct AdapterAuthHandler<A: AuthHandler>: AuthHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    mutating func authenticationRequest(now: Double) throws -> OutgoingMessage {
        try self.storage.attempt { try $0.authenticationRequest(now: now) }
    }

    mutating func handleResponse(_ message: JSONValue, now: Double) throws -> AuthResponse {
        try self.storage.attempt { try $0.handleResponse(message, now: now) }
    }

    func needsAuthentication(now: Double) -> Bool {
        self.storage.read { $0.needsAuthentication(now: now) }
    }

    var refreshTime: Double? { self.storage.read { $0.refreshTime } }
}

struct AdapterRateLimitHandler<A: RateLimitHandler>: RateLimitHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    mutating func check(_ request: RateLimitRequest, now: Duration) throws -> RateLimitDecision {
        try self.storage.attempt { try $0.check(request, now: now) }
    }
}

struct AdapterMetricsHandler<A: MetricsHandler>: MetricsHandler, AdapterHandler {
    let storage: AdapterStorage<A>

    mutating func record(_ event: TelemetryEvent) {
        self.storage.update { $0.record(event) }
    }

    mutating func recordMessages(_ direction: MessageDirection, count: Int, bytes: Int) {
        self.storage.update { $0.recordMessages(direction, count: count, bytes: bytes) }
    }

    var wantsMessages: Bool { self.storage.read { $0.wantsMessages } }
}
