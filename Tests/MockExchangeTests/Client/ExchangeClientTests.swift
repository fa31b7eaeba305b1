import MockExchange
import TestSupport
import Testing
import WebSocketNova

@Suite("The example client on real sockets", .timeLimit(.minutes(2)))
struct ExchangeClientTests {
    private static let account = ExchangeAdapter.Account(client: "client", secret: "secret")

    private static func comesBackSoon(_ configuration: inout ClientConfiguration) {
        let backoff = Backoff(base: .milliseconds(5), maximum: .milliseconds(50), limit: .unlimited)
        configuration.requestTimeout = .seconds(5)
        configuration.handlers.error = DefaultErrorHandler(backoff: backoff)
    }

    @Test func `authenticates, places orders once each, and hears the news of its channels`() async throws {
        try await withMockExchange { exchange in
            try await Self.trade(on: exchange)
        }
    }

    private static func trade(on exchange: MockExchangeServer) async throws {
        let client = try await ExchangeClient.connect(to: exchange.url, as: Self.account) {
            $0.requestTimeout = .seconds(5)
        }
        #expect(try await client.time() > 1_700_000_000_000)
        #expect(try await client.buy("BTC", amount: 1, label: "a") == "order-1")
        #expect(try await client.buy("BTC", amount: 1, label: "a") == "order-1")
        let refusal = await #expect(throws: ExchangeClient.Refusal.self) { try await client.call("public/nothing") }
        #expect(refusal?.code == -32601)
        let trades = try await client.client.subscribe(to: "trades.BTC")
        try await exchange.publish(channel: "trades.BTC", count: 3)
        var count = 0
        for try await update in trades {
            guard case .data = update else { continue }
            count += 1
            if count == 3 { break }
        }
        #expect(count == 3)
        try await client.client.close()
        #expect(exchange.record.receivedCloseCodes == [.normalClosure])
    }

    @Test("F46, F51: an order whose answer is lost is placed once, by the same client over the next connection")
    func ordersOnce() async throws {
        try await withMockExchange { exchange in
            try await Self.order(on: exchange)
        }
    }

    private static func order(on exchange: MockExchangeServer) async throws {
        let client = try await ExchangeClient.connect(
            to: exchange.url,
            as: Self.account,
            configuration: Self.comesBackSoon
        )
        exchange.ledger.disturb(next: "private/buy", .dropAfter, .dropInside, .dropBefore, .close(.serviceRestart))
        let id = try await client.buy("BTC", amount: 1, label: "precious", timeout: .seconds(20))
        #expect(id == "order-1")
        #expect(exchange.ledger.snapshot.orders.map(\.label) == ["precious"])
        #expect(exchange.record.openedCount == 5)
        for session in 1...5 {
            let methods = exchange.ledger.snapshot.methods(of: session).filter { $0 != "public/set_heartbeat" }
            // A request that was lost on its way is in no journal.
            #expect(methods.prefix(1) == ["public/auth"])
        }
        try await client.client.close()
    }

    @Test(
        "F50, F51: a channel that is refused because the authentication has ended is asked for again behind a new one"
    )
    func authenticationEndsOnTheWay() async throws {
        try await withMockExchange { exchange in
            let client = try await ExchangeClient.connect(
                to: exchange.url,
                as: Self.account,
                configuration: Self.comesBackSoon
            )
            exchange.ledger.disturb(next: "private/subscribe", .refuse(.expired), .refuse(.expired))
            let orders = try await client.client.subscribe(to: "user.orders")
            // Once more, while it is restored.
            exchange.ledger.disturb(next: "private/subscribe", .refuse(.expired))
            try await exchange.drop()
            var updates = orders.makeAsyncIterator()
            guard case .gap = try await updates.next() else {
                Issue.record("no gap")
                return
            }
            try await exchange.waitUntil { _, ledger in
                ledger.methods(of: 2).filter { $0 != "public/set_heartbeat" }
                    == ["public/auth", "private/subscribe", "public/auth", "private/subscribe"]
            }
            try await exchange.publish(channel: "user.orders", count: 1)
            guard case .data = try await updates.next() else {
                Issue.record("no news")
                return
            }
            try await client.client.close()
        }
    }

    @Test("F51: a channel that is refused so again and again fails in the end")
    func neverAuthenticated() async throws {
        try await withMockExchange { exchange in
            let client = try await ExchangeClient.connect(to: exchange.url, as: Self.account)
            for _ in 0..<4 { exchange.ledger.disturb(next: "private/subscribe", .refuse(.expired)) }
            let error = await #expect(throws: WebSocketError.self) {
                _ = try await client.client.subscribe(to: "user.orders")
            }
            #expect(error?.code == .subscriptionFailed)
            try await client.client.close()
        }
    }
}
