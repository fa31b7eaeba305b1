/// A handler that knows the service's language for subscriptions, and leaves keeping count of them to a
/// ``DefaultSubscriptionHandler``.
///
/// Everything has a default, which speaks the default handler's language; a translator says the rest in the service's:
///
/// ```swift
/// struct ExchangeAdapter: Adapter, SubscriptionTranslator {
///     var subscriptions = DefaultSubscriptionHandler()
///
///     mutating func subscribe(to channel: String, parameters: JSONValue, now: Duration)
///         -> (id: SubscriptionID, request: OutgoingMessage)
///     {
///         let id = self.subscriptions.begin(channel, parameters: parameters, now: now)
///         return (id, .json(["op": "sub", "ref": .string(id.rawValue), "topic": .string(channel)]))
///     }
///
///     mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
///         let request = try self.subscriptions.end(id, now: now)
///         return .json(["op": "unsub", "topic": .string(request.channel)])
///     }
///
///     mutating func handleResponse(_ message: JSONValue, now: Duration) -> SubscriptionResponse {
///         if let ref = message["ref"]?.string.map(SubscriptionID.init(rawValue:)) {
///             return message["ok"] == true
///                 ? self.subscriptions.confirm(ref, now: now)
///                 : self.subscriptions.refuse(ref, reason: message["why"]?.string, now: now)
///         }
///         guard let topic = message["topic"]?.string, self.subscriptions.id(for: topic) != nil else { return .unrelated }
///         return .data(channel: topic, message["payload"] ?? .null)
///     }
/// }
/// ```
public protocol SubscriptionTranslator: SubscriptionHandler {
    /// Keeps count.
    var subscriptions: DefaultSubscriptionHandler { get set }
}

extension SubscriptionTranslator {
    public mutating func subscribe(
        to channel: String,
        parameters: JSONValue,
        now: Duration
    ) throws -> (id: SubscriptionID, request: OutgoingMessage) {
        try self.subscriptions.subscribe(to: channel, parameters: parameters, now: now)
    }

    public mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage? {
        try self.subscriptions.unsubscribe(from: id, now: now)
    }

    public mutating func handleResponse(_ message: JSONValue, now: Duration) throws -> SubscriptionResponse {
        try self.subscriptions.handleResponse(message, now: now)
    }

    public var restorable: [SubscriptionRequest] { self.subscriptions.restorable }
    public var active: [SubscriptionID: SubscriptionRequest] { self.subscriptions.active }
    public mutating func prepareForReconnection() { self.subscriptions.prepareForReconnection() }
}
