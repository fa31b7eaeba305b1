/// Knows the service's language for subscriptions, and keeps count of them.
///
/// A ``SubscriptionTranslator`` need only know the language.
public protocol SubscriptionHandler: Handler {
    /// Begins a subscription.
    ///
    /// - Returns: the subscription's name, and what to send for it.
    mutating func subscribe(
        to channel: String,
        parameters: JSONValue,
        now: Duration
    ) throws -> (id: SubscriptionID, request: OutgoingMessage)

    /// Ends a subscription.
    ///
    /// - Returns: what to send for it, or nil if nothing need be.
    mutating func unsubscribe(from id: SubscriptionID, now: Duration) throws -> OutgoingMessage?

    /// A message came: says whether it is an answer to a request for a subscription, or news for one.
    mutating func handleResponse(_ message: JSONValue, now: Duration) throws -> SubscriptionResponse

    /// Subscriptions that are confirmed or waiting for it, in the order in which they were begun: what is restored after a
    /// reconnection.
    var restorable: [SubscriptionRequest] { get }

    /// The confirmed subscriptions.
    var active: [SubscriptionID: SubscriptionRequest] { get }

    /// The connection was lost: everything is to be asked for again. By default nothing is to be done.
    mutating func prepareForReconnection()
}

extension SubscriptionHandler {
    public mutating func prepareForReconnection() {}
}

/// Names a subscription within its connection.
public struct SubscriptionID: Sendable, Hashable, Codable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { self.rawValue }
}

/// What was asked for.
public struct SubscriptionRequest: Sendable, Hashable, Codable {
    public var channel: String
    public var parameters: JSONValue
    public init(channel: String, parameters: JSONValue = .null) {
        self.channel = channel
        self.parameters = parameters
    }
}

/// What a message means for subscriptions.
public enum SubscriptionResponse: Sendable, Hashable {
    /// Nothing.
    case unrelated
    /// The subscription is in force.
    case confirmed(SubscriptionID)
    /// The subscription was refused.
    case failed(SubscriptionID, reason: String)
    /// It was asked for by somebody whom the service does not know, or not any more: the client authenticates, if it had
    /// before, and asks again.
    case unauthenticated(SubscriptionID)
    /// News for the subscribers of a channel.
    case data(channel: String, JSONValue)
}
