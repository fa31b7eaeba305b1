import MockExchange
import TestSupport
import Testing
import WebSocketNova

@Suite("The example client, use by use", .timeLimit(.minutes(2)))
struct ExchangeClientUseTests {
    private static let account = ExchangeAdapter.Account(client: "client", secret: "secret")

    @Test func `connects by its adapter, authenticates, buys, and asks for the time`() async throws {
        try await withMockExchange { exchange in
            let client = try await ExchangeClient.connect(to: exchange.url, as: Self.account)
            let order = try await client.buy("BTC-PERPETUAL", amount: 10, label: "one")
            #expect(order == "order-1")
            #expect(try await client.buy("BTC-PERPETUAL", amount: 10, label: "one") == order)
            #expect(try await client.time() > 1_700_000_000_000)
            #expect(client.client.socket?.subprotocol == "exchange.v2")
            let refusal = await #expect(throws: ExchangeClient.Refusal.self) {
                try await client.buy("", amount: 10, label: "two")
            }
            #expect(refusal?.code == -32602)
            #expect(try await client.client.close() == .local)
            #expect(exchange.ledger.snapshot.orders.count == 1)
            let methods = exchange.ledger.snapshot.methods(of: 1)
            #expect(methods.prefix(3) == ["public/set_heartbeat", "public/auth", "private/buy"])
        }
    }

    @Test func `channels are typed sequences, which end with the subscription`() async throws {
        try await withMockExchange { exchange in
            let client = try await ExchangeClient.connect(to: exchange.url)
            var trades: [ExchangeClient.TradeUpdate] = []
            do {
                let channel = try await client.trades("trades.BTC")
                try await exchange.publish(channel: "trades.BTC", count: 3)
                for try await update in channel {
                    trades.append(update)
                    if trades.count == 3 { break }
                }
            }
            #expect(trades == (1...3).map { .trade(.init(sequence: $0, price: Double($0))) })
            try await exchange.waitUntil { _, ledger in ledger.methods(of: 1).last == "public/unsubscribe" }
            let error = await #expect(throws: WebSocketError.self) { _ = try await client.trades("nonsense") }
            #expect(error?.code == .subscriptionFailed)
            try await client.client.close()
        }
    }

    @Test func `heartbeats are answered`() async throws {
        try await withMockExchange { exchange in
            let client = try await ExchangeClient.connect(to: exchange.url, heartbeat: .milliseconds(500))
            try await exchange.waitUntil { _, ledger in ledger.methods(of: 1).count { $0 == "public/test" } >= 4 }
            #expect(exchange.record.openedCount == 1)
            try await client.client.close()
        }
    }

    @Test("F69: an authentication is renewed before it ends, by refresh token")
    func renewal() async throws {
        var rules = ExchangeRules()
        rules.tokenLifetime = .seconds(6)
        try await withMockExchange(rules: rules) { exchange in
            let client = try await ExchangeClient.connect(to: exchange.url, as: Self.account)
            let grants = ["client_signature", "refresh_token"]
            try await exchange.waitUntil { _, ledger in Array(Self.grants(ledger).prefix(2)) == grants }
            _ = try await client.buy("BTC-PERPETUAL", amount: 1, label: "one")
            #expect(exchange.ledger.snapshot.journal.allSatisfy { $0.failure == nil })
            try await client.client.close()
        }
    }

    @Test(arguments: [false, true])
    func `an authentication that the exchange ends is made again, and the order goes through`(
        revoking: Bool
    ) async throws {
        try await withMockExchange { exchange in
            let client = try await ExchangeClient.connect(to: exchange.url, as: Self.account)
            exchange.expireAuthentication(revokingRefreshTokens: revoking)
            _ = try await client.buy("BTC-PERPETUAL", amount: 1, label: "one")
            #expect(exchange.ledger.snapshot.orders.count == 1)
            let again = revoking ? ["refresh_token", "client_signature"] : ["refresh_token"]
            #expect(Self.grants(exchange.ledger.snapshot) == ["client_signature"] + again)
            try await client.client.close()
        }
    }

    @Test func `a wrong secret is told at once, and shown nowhere`() async throws {
        try await withMockExchange { exchange in
            let account = ExchangeAdapter.Account(client: "client", secret: "mistaken-secret")
            let error = await #expect(throws: WebSocketError.self) {
                try await ExchangeClient.connect(to: exchange.url, as: account)
            }
            #expect(error?.code == .authenticationFailed)
            #expect(error.map { "\($0)".contains("mistaken") } == false)
            #expect("\(account)".contains("mistaken") == false)
        }
    }

    private static func grants(_ ledger: ExchangeLedger.Snapshot) -> [String] {
        ledger.journal.filter { $0.method == "public/auth" }.flatMap(\.details)
    }
}
