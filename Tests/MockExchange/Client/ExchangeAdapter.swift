package import WebSocketNova

/// Teaches a client the language of the mock exchange: the example of an adapter.
///
/// It greets each connection with its wish for heartbeats and answers them, authenticates by signature and renews by
/// refresh token, and translates subscriptions. Everything else is the library's.
///
/// Its own requests have names for identifiers, so that they are never taken for those of a user's, which have numbers.
package struct ExchangeAdapter: Adapter {
    /// Who authenticates. Its description does not show the secret.
    package struct Account: Sendable, CustomStringConvertible, CustomReflectable {
        package var client: String
        package var secret: String

        package init(client: String, secret: String) {
            self.client = client
            self.secret = secret
        }

        package var description: String { "account of \(self.client)" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    let url: String
    let account: Account?
    /// How often the exchange is to ask for a sign of life; nil for never.
    let heartbeat: Duration?

    /// What an authentication gave.
    struct Tokens: Sendable {
        /// Nil once the exchange has refused it.
        var refresh: String?
        var expiry: Double
        /// When to renew it: a minute before its end, or after half of a short life.
        var renewal: Double
    }

    var tokens: Tokens?
    /// The identifier of the authentication that is waiting for its answer.
    var pendingAuthentication: String?
    /// Counts requests, for their identifiers.
    var made = 0
    package var subscriptions = DefaultSubscriptionHandler()

    /// Makes an adapter without an account, for public channels of no exchange in particular.
    package init() {
        self.init(url: "")
    }

    package init(url: String, account: Account? = nil, heartbeat: Duration? = .seconds(30)) {
        self.url = url
        self.account = account
        self.heartbeat = heartbeat
    }

    package func configure(_ configuration: inout ClientConfiguration) {
        configuration.url = self.url
        configuration.webSocket.subprotocols = ["exchange.v2"]
        configuration.authenticatesOnConnect = self.account != nil
    }

    /// A request of the adapter's own.
    mutating func nextIdentifier(_ kind: String) -> String {
        self.made += 1
        return "\(kind)-\(self.made)"
    }
}

// MARK: - Heartbeats

extension ExchangeAdapter: ConnectionHandler {
    package mutating func handleConnect(_ connection: ConnectionInfo) -> HandlerDecision {
        // An authentication is one connection's: the next one begins with a signature.
        self.tokens = nil
        self.pendingAuthentication = nil
        guard let heartbeat = self.heartbeat else { return .ok }
        let id = JSONValue.string(self.nextIdentifier("heartbeat"))
        let parameters: JSONValue = ["interval": .number(heartbeat.seconds)]
        return .reply(Self.frame(JSONRPC.request(id: id, method: "public/set_heartbeat", parameters: parameters)))
    }

    static func frame(_ request: JSONValue) -> WebSocketFrame { .text(JSONRPC.text(request)) }
}

extension ExchangeAdapter: MessageHandler {
    package var wantsMessages: Bool { self.heartbeat != nil }

    /// Answers a test request, without which the exchange ends the connection.
    package mutating func handleMessage(_ message: JSONValue, on stream: StreamRef) -> HandlerDecision {
        guard message["method"] == "heartbeat", message["params"]?["type"] == "test_request" else { return .ok }
        let id = JSONValue.string(self.nextIdentifier("alive"))
        return .reply(Self.frame(JSONRPC.request(id: id, method: "public/test")))
    }
}
