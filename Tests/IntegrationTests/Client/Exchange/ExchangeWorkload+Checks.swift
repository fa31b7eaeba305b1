import MockExchange
import TestSupport
import Testing

@testable import WebSocketNova

/// What there is of a client while nobody calls it.
struct ClientAtRest: Equatable {
    var status: ConnectionStatus
    var streams: [StreamStatus]
    /// The channels, and whether the peer has confirmed them.
    var channels: [String: Bool]
    var subscriptions: [String]
    var waitingRequests: Int
    var waitingSends: Int
    var isAuthenticating: Bool
    var timers: Int

    static func look(at client: WebSocketClient, _ group: EventLoopGroup) async -> ClientAtRest {
        var result = await client.engine.atRest
        result.timers = await group.loops[0].pendingTimers()
        return result
    }
}

extension ClientEngine {
    var atRest: ClientAtRest {
        ClientAtRest(
            status: self.machine.state.status,
            streams: self.machine.state.activeStreams.values.map(\.status),
            channels: self.channels.mapValues(\.isConfirmed),
            subscriptions: self.handlers.subscription?.restorable.map(\.channel) ?? [],
            waitingRequests: self.requestWaiters.count,
            waitingSends: self.routeWaiters.count + self.limiter.count,
            isAuthenticating: self.authentication.isUnderWay,
            timers: 0
        )
    }
}

extension ExchangeWorkload {
    /// Waits until the client is again what it was, with one connection at the exchange.
    func returns(to before: ClientAtRest, _ group: EventLoopGroup) async throws {
        try await self.exchange.waitUntil { record, _ in record.openCount == 1 && record.liveConnectionCount == 1 }
        var now = await ClientAtRest.look(at: self.client.client, group)
        let deadline = ContinuousClock.now + .seconds(10)
        while now != before, ContinuousClock.now < deadline {
            // The interval of a poll: the last of the visitor's subscriptions ends without telling anybody.
            try await Task.sleep(for: .milliseconds(5))
            now = await ClientAtRest.look(at: self.client.client, group)
        }
        #expect(now == before)
        // Authenticated: an order is accepted at once.
        _ = try await self.client.buy("BTC-PERPETUAL", amount: 1, label: "last")
    }

    /// Nothing acknowledged is lost, nothing has been done twice, and the subscribers have seen nothing that is wrong.
    func checkLedger(sourceLocation: SourceLocation = #_sourceLocation) {
        let (ledger, tally) = (self.exchange.ledger.snapshot, self.now)
        #expect(tally.violations == [], sourceLocation: sourceLocation)
        var accepted: [String: String] = [:]
        for order in ledger.orders {
            guard let label = order.label else { continue }
            let isFirst = accepted.updateValue(order.id, forKey: label) == nil
            #expect(isFirst, "\"\(label)\" was accepted twice", sourceLocation: sourceLocation)
        }
        let lost = tally.acknowledged.filter { accepted[$0.key] != $0.value }
        #expect(lost.isEmpty, "acknowledged, but not in the ledger", sourceLocation: sourceLocation)
        // The client itself sends nothing twice: each arrival is an attempt of the orderers'.
        let repeated = ledger.repeatedLabels
        let posted = repeated.filter { $0.hasPrefix("posted") }
        #expect(posted == [], "arrived twice", sourceLocation: sourceLocation)
        let arrivals = accepted.keys.count { $0.hasPrefix("order") } + repeated.count { $0.hasPrefix("order") }
        #expect(arrivals <= tally.attempts, sourceLocation: sourceLocation)
        #expect(Self.isInOrder(ledger.orders), "posted orders arrived out of order", sourceLocation: sourceLocation)
    }

    /// Whether the orders of the one who sends without waiting arrived, on each connection, as they were sent.
    private static func isInOrder(_ orders: [ExchangeLedger.Order]) -> Bool {
        var last: [Int: Int] = [:]
        for order in orders {
            guard let label = order.label, label.hasPrefix("posted "), let number = Int(label.dropFirst(7)) else {
                continue
            }
            guard number > last[order.session] ?? -1 else { return false }
            last[order.session] = number
        }
        return true
    }

    /// Each connection but the first authenticates before anything else, and then asks for the channels once each, in order.
    func checkRestoration(sourceLocation: SourceLocation = #_sourceLocation) {
        let ledger = self.exchange.ledger.snapshot
        let sessions = self.exchange.record.opened.compactMap(\.session)
        for session in sessions.dropFirst() {
            let methods = ledger.methods(of: session).filter { $0 != "public/set_heartbeat" && $0 != "public/test" }
            #expect(methods.isEmpty || methods.first == "public/auth", "\(methods)", sourceLocation: sourceLocation)
            let channels = ledger.subscriptions(of: session).filter { Self.channels.contains($0) }
            // One that was lost again may have asked for some of them only.
            let isLast = session == sessions.last
            let expected = isLast ? Self.channels : Array(Self.channels.prefix(channels.count))
            #expect(channels == expected, "connection \(session)", sourceLocation: sourceLocation)
        }
    }
}
