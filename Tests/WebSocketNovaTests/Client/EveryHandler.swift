import Testing
import WebSocketCore
import WebSocketNova

/// An adapter that is all eight handlers and says nothing that it need not: that it compiles shows what has a default.
struct EveryHandler: Adapter, ConnectionHandler, MessageHandler, ErrorHandler, LoggingHandler, SubscriptionTranslator,
    AuthHandler, RateLimitHandler, MetricsHandler
{
    struct Refusal: Error, Equatable {}

    /// Who installed it.
    var tag = ""
    var subscriptions = DefaultSubscriptionHandler()

    init() {}

    init(tag: String) { self.tag = tag }

    init(options: HandlerOptions) throws {
        guard let tag = options["tag"] else { return }
        guard let text = tag.string else { throw Refusal() }
        self.tag = text
    }

    mutating func authenticationRequest(now: Double) throws -> OutgoingMessage { .text("login") }

    mutating func handleResponse(_ message: JSONValue, now: Double) throws -> AuthResponse { .unrelated }
}

/// An adapter that is no handler at all.
struct Bare: Adapter {
    var url = ""

    func configure(_ configuration: inout ClientConfiguration) throws {
        if !self.url.isEmpty { configuration.url = self.url }
    }
}

/// The place of one kind of handler.
struct HandlerSlot: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var get: @Sendable (HandlerSet) -> (any Handler)?
    var set: @Sendable (inout HandlerSet, EveryHandler) -> Void

    static let all: [HandlerSlot] = [
        HandlerSlot(testDescription: "connection", get: { $0.connection }, set: { $0.connection = $1 }),
        HandlerSlot(testDescription: "message", get: { $0.message }, set: { $0.message = $1 }),
        HandlerSlot(testDescription: "error", get: { $0.error }, set: { $0.error = $1 }),
        HandlerSlot(testDescription: "logging", get: { $0.logging }, set: { $0.logging = $1 }),
        HandlerSlot(testDescription: "subscription", get: { $0.subscription }, set: { $0.subscription = $1 }),
        HandlerSlot(testDescription: "auth", get: { $0.auth }, set: { $0.auth = $1 }),
        HandlerSlot(testDescription: "rateLimit", get: { $0.rateLimit }, set: { $0.rateLimit = $1 }),
        HandlerSlot(testDescription: "metrics", get: { $0.metrics }, set: { $0.metrics = $1 }),
    ]
}
