/// The handlers of a connection. A handler is its type and its state in one; nil where none is installed.
public struct HandlerSet: Sendable {
    /// One handler and its place.
    public enum Entry: Sendable {
        case connection(any ConnectionHandler)
        case message(any MessageHandler)
        case error(any ErrorHandler)
        case logging(any LoggingHandler)
        case subscription(any SubscriptionHandler)
        case auth(any AuthHandler)
        case rateLimit(any RateLimitHandler)
        case metrics(any MetricsHandler)
    }

    public var connection: (any ConnectionHandler)?
    public var message: (any MessageHandler)?
    public var error: (any ErrorHandler)?
    public var logging: (any LoggingHandler)?
    public var subscription: (any SubscriptionHandler)?
    public var auth: (any AuthHandler)?
    public var rateLimit: (any RateLimitHandler)?
    public var metrics: (any MetricsHandler)?

    /// The states of the adapters that were installed.
    var adapters: [any AnyAdapterStorage] = []

    /// No handlers.
    public init() {}

    /// Whether there is no handler at all.
    public var isEmpty: Bool {
        self.connection == nil && self.message == nil && self.error == nil && self.logging == nil
            && self.subscription == nil && self.auth == nil && self.rateLimit == nil && self.metrics == nil
    }

    /// Puts a handler in its place.
    public mutating func install(_ entry: Entry) {
        switch entry {
        case .connection(let handler): self.connection = handler
        case .message(let handler): self.message = handler
        case .error(let handler): self.error = handler
        case .logging(let handler): self.logging = handler
        case .subscription(let handler): self.subscription = handler
        case .auth(let handler): self.auth = handler
        case .rateLimit(let handler): self.rateLimit = handler
        case .metrics(let handler): self.metrics = handler
        }
    }

    /// Takes over the handlers of another set; where both have one, the other's.
    public mutating func merge(_ other: HandlerSet) {
        self.connection = other.connection ?? self.connection
        self.message = other.message ?? self.message
        self.error = other.error ?? self.error
        self.logging = other.logging ?? self.logging
        self.subscription = other.subscription ?? self.subscription
        self.auth = other.auth ?? self.auth
        self.rateLimit = other.rateLimit ?? self.rateLimit
        self.metrics = other.metrics ?? self.metrics
        for adapter in other.adapters where !self.adapters.contains(where: { $0 === adapter }) {
            self.adapters.append(adapter)
        }
    }
}
