import MockExchange
import TestSupport
import Testing
import WebSocketNova

@Suite("The mock exchange on real sockets", .timeLimit(.minutes(2)))
struct MockExchangeServerTests {
    @Test func `takes orders of authenticated clients, and writes them down`() async throws {
        try await withMockExchange { exchange in
            var client = try await PlainClient(exchange)
            await #expect(throws: PlainClient.Refusal(code: 13009, reason: "not_authenticated")) {
                try await client.buy()
            }
            let answer = try await client.authenticate()
            #expect(answer["expires_in"]?.number == 900)
            let ids = [try await client.buy("one"), try await client.buy("two"), try await client.buy("one")]
            #expect(ids == ["order-1", "order-2", "order-1"])
            let ledger = exchange.ledger.snapshot
            #expect(ledger.orders.map(\.id) == ["order-1", "order-2"])
            #expect(ledger.orders.map(\.label) == ["one", "two"])
            #expect(ledger.repeatedLabels == ["one"])
            try await client.socket.close()
            try await exchange.waitUntil { record, _ in record.liveConnectionCount == 0 }
            #expect(exchange.record.receivedCloseCodes == [.normalClosure])
            #expect(exchange.record.ends == [.closed: 1])
        }
    }

    @Test("F47: upgrades are recorded with their path, headers and subprotocol")
    func recordsUpgrades() async throws {
        try await withMockExchange { exchange in
            var configuration = WebSocketConfiguration()
            configuration.subprotocols = ["other", "exchange.v2"]
            configuration.headers = ["X-Client": "one", "X-Client": "two"]
            let client = try await PlainClient(exchange, configuration: configuration)
            #expect(client.socket.subprotocol == "exchange.v2")
            let upgrade = try await exchange.nextConnection()
            #expect(upgrade.target == "/ws/api/v2")
            #expect(upgrade.fields[values: "X-Client"] == ["one", "two"])
            #expect(upgrade.offeredSubprotocols == ["other", "exchange.v2"])
            #expect(upgrade.subprotocol == "exchange.v2")
            #expect(upgrade.session == 1)
            try await client.socket.close()
        }
    }

    @Test func `numbers events on over all connections, and tells subscribers only`() async throws {
        try await withMockExchange { exchange in
            var first = try await PlainClient(exchange)
            let channel = "trades.BTC-PERPETUAL"
            let names = try await first.call("public/subscribe", ["channels": [.string(channel), "nonsense"]])
            #expect(names == [.string(channel)])
            try await exchange.publish(channel: channel, count: 3)
            #expect(try await Self.sequences(3, of: &first) == [1, 2, 3])
            try await first.socket.close()
            try await exchange.publish(channel: channel, count: 2)
            var second = try await PlainClient(exchange)
            _ = try await second.call("public/subscribe", ["channels": [.string(channel)]])
            try await exchange.publish(channel: channel, count: 2)
            #expect(try await Self.sequences(2, of: &second) == [6, 7])
            #expect(exchange.ledger.snapshot.sequences == [channel: 7])
            #expect(exchange.ledger.snapshot.subscriptions(of: 1) == [channel, "nonsense"])
            try await exchange.publish(channel: channel, every: .milliseconds(1))
            #expect(try await Self.sequences(20, of: &second) == Array(8...27))
            try await exchange.publish(channel: channel, every: nil)
            try await second.socket.close()
        }
    }

    static func sequences(_ count: Int, of client: inout PlainClient) async throws -> [Int64] {
        var sequences: [Int64] = []
        while sequences.count < count, let message = try await client.nextNotification() {
            if let sequence = message["params"]?["data"]?["seq"]?.integer { sequences.append(sequence) }
        }
        return sequences
    }
}
