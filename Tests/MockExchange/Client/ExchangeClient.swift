import Synchronization
import WebSocketCore
package import WebSocketNova

/// A client of the mock exchange: the example of a small struct over ``WebSocketClient`` that is made for one service.
///
/// The adapter speaks the service's language where the client acts on its own: heartbeats, authentication, subscriptions. This
/// has what users call, in their types. Everything else, above all that the connection comes back, is the library's.
///
/// ```swift
/// let exchange = try await ExchangeClient.connect(to: url, as: .init(client: "client", secret: "secret"))
/// let id = try await exchange.buy("BTC-PERPETUAL", amount: 10, label: "mine-1")
/// for try await update in try await exchange.trades("trades.BTC-PERPETUAL") {
///     if case .trade(let trade) = update { print(trade.price) }
/// }
/// try await exchange.client.close()
/// ```
package struct ExchangeClient: Sendable {
    /// What the exchange refused.
    package struct Refusal: Error, Sendable, Hashable {
        package var code: Int64
        package var message: String
        package var reason: String?
    }

    package let client: WebSocketClient
    private let identifiers = Identifiers()

    private final class Identifiers: Sendable {
        private let last = Atomic<Int64>(0)
        var next: Int64 { self.last.wrappingAdd(1, ordering: .relaxed).newValue }
    }

    /// Connects, and authenticates if there is an account.
    package static func connect(
        to url: String,
        as account: ExchangeAdapter.Account? = nil,
        heartbeat: Duration? = .seconds(30),
        configuration configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) async throws -> ExchangeClient {
        let adapter = ExchangeAdapter(url: url, account: account, heartbeat: heartbeat)
        return ExchangeClient(client: try await WebSocketClient.connect(using: adapter, configuration: configure))
    }

    private init(client: WebSocketClient) {
        self.client = client
    }

    /// Calls a method of the exchange.
    ///
    /// - Throws: ``Refusal``; what ``WebSocketClient`` throws.
    package func call(
        _ method: String,
        _ parameters: JSONValue = [:],
        timeout: Duration? = nil
    ) async throws -> JSONValue {
        let id = JSONValue.integer(self.identifiers.next)
        let request = JSONRPC.request(id: id, method: method, parameters: parameters)
        let answer = try await self.client.request(.json(request), correlatedBy: \.["id"], timeout: timeout).json
        if let result = answer["result"] { return result }
        throw Refusal(
            code: answer["error"]?["code"]?.integer ?? 0,
            message: answer["error"]?["message"]?.string ?? "",
            reason: answer["error"]?["data"]?["reason"]?.string
        )
    }

    /// The exchange's clock, in milliseconds since 1970.
    package func time() async throws -> Int64 { try await self.call("public/get_time").integer ?? 0 }

    /// Places an order, exactly once.
    ///
    /// When the connection is lost before the exchange has acknowledged the order, nobody knows whether it was placed; so
    /// it is sent again under the same label, which the exchange carries out once. When the authentication has ended, it
    /// is renewed.
    ///
    /// - Parameters:
    ///   - label: the order's own name, which no other order of the account has.
    ///   - attempts: how often to send it at most.
    /// - Returns: the exchange's name for the order.
    package func buy(
        _ instrument: String,
        amount: Double,
        label: String,
        attempts: Int = 20,
        timeout: Duration? = nil
    ) async throws -> String {
        let parameters: JSONValue = [
            "instrument_name": .string(instrument), "amount": .number(amount), "label": .string(label),
        ]
        var attempt = 1
        while true {
            do {
                let order = try await self.call("private/buy", parameters, timeout: timeout)["order"]
                return order?["order_id"]?.string ?? ""
            } catch {
                guard attempt < attempts, try await self.canRepeat(after: error) else { throw error }
                attempt += 1
            }
        }
    }

    /// Authenticates anew. If the exchange refuses the refresh token, the adapter's next attempt is by signature.
    ///
    /// - Throws: what ``WebSocketClient/authenticate()`` throws.
    package func authenticate() async throws {
        do {
            try await self.client.authenticate()
        } catch let error as WebSocketError where error.code == .authenticationFailed {
            try await self.client.authenticate()
        }
    }

    /// Whether a request that has failed may be sent again, after what it needs for that.
    private func canRepeat(after error: any Error) async throws -> Bool {
        if let refusal = error as? Refusal, refusal.code == 13009 {
            do {
                try await self.authenticate()
            } catch let error as WebSocketError {
                return Self.isPassing(error)
            }
            return true
        }
        return (error as? WebSocketError).map(Self.isPassing) ?? false
    }

    private static func isPassing(_ error: WebSocketError) -> Bool {
        error.code == .connectionClosed || error.code == .transportFailed || error.code == .timedOut
    }
}
