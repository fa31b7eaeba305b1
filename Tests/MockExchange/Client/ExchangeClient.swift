import Synchronization
package import WebSocketNova

/// A client of the mock exchange: the example of a client that is made for one service.
///
/// It is a struct over a ``WebSocketClient`` that was given the service's adapter: the adapter speaks the service's language
/// where the client acts on its own (heartbeats, authentication, subscriptions), and this has what users call, in their
/// types. Reconnection, restoring and everything else is the library's.
///
/// ```swift
/// let exchange = try await ExchangeClient.connect(to: url, account: account)
/// let order = try await exchange.buy("BTC-PERPETUAL", amount: 10, label: "mine-1")
/// for try await update in try await exchange.trades("trades.BTC-PERPETUAL") {
///     if case .trade(let trade) = update { print(trade.price) }
/// }
/// try await exchange.client.close()
/// ```
package struct ExchangeClient: Sendable {
    /// The connection: for its status, its events and its end.
    package let client: WebSocketClient
    private let numbers = RequestNumbers()

    /// Connects, and authenticates if there is an account.
    ///
    /// - Parameters:
    ///   - heartbeat: how often the exchange is to ask for a sign of life; nil for never.
    ///   - configure: the user's wishes, which have the last word.
    /// - Throws: what ``WebSocketClient/connect(using:defaults:configuration:)`` throws.
    package static func connect(
        to url: String,
        account: ExchangeAdapter.Account? = nil,
        heartbeat: Duration? = .seconds(30),
        configuration configure: (inout ClientConfiguration) throws -> Void = { _ in }
    ) async throws -> ExchangeClient {
        let adapter = ExchangeAdapter(url: url, account: account, heartbeat: heartbeat)
        // An exchange that has not answered an order in five seconds is not going to.
        let defaults: (inout ClientConfiguration) -> Void = { $0.requestTimeout = .seconds(5) }
        return ExchangeClient(
            client: try await WebSocketClient.connect(using: adapter, defaults: defaults, configuration: configure)
        )
    }

    private init(client: WebSocketClient) { self.client = client }
}

// MARK: - Requests

extension ExchangeClient {
    /// An error that the exchange answers a request with.
    package struct Refusal: Error, Sendable, Hashable {
        package var code: Int64
        package var message: String
    }

    /// An order that the exchange has accepted.
    package struct Order: Sendable, Hashable {
        package var id: String
        package var label: String
    }

    /// Buys.
    ///
    /// The exchange accepts one order of each label. So an order that failed with `connection_closed` or `timed_out`, of
    /// which nobody knows whether it has arrived, may be given again with the same label.
    ///
    /// - Throws: ``Refusal``; what a request of ``WebSocketClient`` throws.
    package func buy(_ instrument: String, amount: Double, label: String) async throws -> Order {
        let parameters: JSONValue = [
            "instrument_name": .string(instrument), "amount": .number(amount), "label": .string(label),
        ]
        let result: JSONValue
        do {
            result = try await self.call("private/buy", parameters)
        } catch let refusal as Refusal where refusal.code == Self.unauthorized {
            // The exchange has ended the authentication before its time, and has done nothing.
            try await self.authenticate()
            result = try await self.call("private/buy", parameters)
        }
        guard let id = result.order?.order_id?.string, let label = result.order?.label?.string else {
            throw Refusal(code: 0, message: "no order in the answer")
        }
        return Order(id: id, label: label)
    }

    /// The exchange's clock, in milliseconds since 1970.
    ///
    /// - Throws: see ``buy(_:amount:label:)``.
    package func time() async throws -> Int64 {
        guard let time = try await self.call("public/get_time").integer else {
            throw Refusal(code: 0, message: "no time in the answer")
        }
        return time
    }

    /// Authenticates anew. If the exchange refuses the refresh token, the adapter's next attempt is by signature.
    package func authenticate() async throws {
        do {
            try await self.client.authenticate()
        } catch let error as WebSocketError where error.code == .authenticationFailed {
            try await self.client.authenticate()
        }
    }

    private static let unauthorized: Int64 = 13009

    /// The result of a request.
    private func call(_ method: String, _ parameters: JSONValue = [:]) async throws -> JSONValue {
        let request = JSONRPC.request(id: self.numbers.next(), method: method, parameters: parameters)
        let answer = try await self.client.request(.json(request), correlatedBy: \.id).json
        if let result = answer.result { return result }
        throw Refusal(
            code: answer.error?.code?.integer ?? 0,
            message: answer.error?.message?.string ?? "neither result nor error in the answer"
        )
    }
}

/// Names requests, which copies of a client share.
private final class RequestNumbers: Sendable {
    private let made = Atomic<Int64>(0)

    func next() -> JSONValue { .integer(self.made.add(1, ordering: .relaxed).newValue) }
}

// MARK: - Channels

extension ExchangeClient {
    /// Something that happened on a channel.
    package struct Trade: Sendable, Hashable {
        /// Counts what has happened on the channel, whoever was listening.
        package var sequence: Int64
        package var price: Double
    }

    /// What a channel tells.
    package enum TradeUpdate: Sendable, Hashable {
        case trade(Trade)
        /// The connection was lost and is back: what happened in between was not heard.
        case gap(ClientEvent.Gap)
        /// So many were not read in time.
        case dropped(Int)
    }

    /// Listens to a channel, through all reconnections. Who lets go of the sequence has unsubscribed.
    ///
    /// - Throws: what ``WebSocketClient/subscribe(to:parameters:buffering:)`` throws.
    package func trades(_ channel: String) async throws -> some AsyncSequence<TradeUpdate, any Error> & Sendable {
        try await self.client.subscribe(to: channel).map(Self.update)
    }

    @Sendable
    private static func update(_ update: Subscription.Update) throws -> TradeUpdate {
        switch update {
        case .gap(let gap):
            return .gap(gap)
        case .dropped(let count):
            return .dropped(count)
        case .data(let message):
            guard let sequence = message.json.seq?.integer, let price = message.json.price?.number else {
                throw Refusal(code: 0, message: "what came on the channel is no trade")
            }
            return .trade(Trade(sequence: sequence, price: price))
        }
    }
}
