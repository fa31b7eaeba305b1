/// What makes a client one for a certain service: where it connects to, and the service's language.
///
/// An adapter is a value that conforms to those of the eight handler protocols that the service needs, and inherits the
/// rest: ``ConnectionHandler``, ``MessageHandler``, ``ErrorHandler``, ``LoggingHandler``, ``SubscriptionHandler`` (easiest by
/// ``SubscriptionTranslator``), ``AuthHandler``, ``RateLimitHandler`` and ``MetricsHandler``. Where it conforms, it is the
/// client's handler; where it does not, the library's default stays. Every requirement that can have a default has one.
///
/// ```swift
/// struct ExchangeAdapter: Adapter, ConnectionHandler, AuthHandler {
///     var apiKey = ""
///     var greetings = 0
///
///     func configure(_ configuration: inout ClientConfiguration) {
///         configuration.url = "wss://exchange.example/ws"
///         configuration.authenticatesOnConnect = true
///     }
///
///     mutating func handleConnect(_ connection: ConnectionInfo) -> HandlerDecision {
///         self.greetings += 1
///         return .reply(.text("hello"))
///     }
///
///     func authenticationRequest(now: Double) -> OutgoingMessage {
///         .json(["op": "login", "key": .string(self.apiKey)])
///     }
///
///     mutating func handleResponse(_ message: JSONValue, now: Double) -> AuthResponse {
///         message["op"] == "login" ? .authenticated : .unrelated
///     }
/// }
/// ```
///
/// ## State
/// All conformances of an adapter share its state: what `handleConnect` changes, `authenticationRequest` sees. Each client
/// works on a copy of its own of the value that it was given, so that one adapter can be given to many. The calls come one
/// at a time, on the connection's executor, and must not block. A call that throws keeps the state that was before it; for
/// that the state is copied, so what grows large in it (thousands of entries in a dictionary that many calls change) costs
/// each of those calls a copy.
///
/// `init()` makes the state that stands in where none is given; see ``Handler/init()``.
public protocol Adapter: Sendable {
    /// Sets what the service asks for, above all ``ClientConfiguration/url``.
    ///
    /// It comes after the library's defaults and before what the client and the user set, who have the last word; the
    /// adapter's own handlers are already in ``ClientConfiguration/handlers``. The default sets nothing.
    ///
    /// - Throws: whatever is wrong with the adapter; the client is then not made.
    func configure(_ configuration: inout ClientConfiguration) throws
}

extension Adapter {
    public func configure(_ configuration: inout ClientConfiguration) throws {}
}
