import MockExchange
import TestSupport
import Testing
import WebSocketNova

@Suite("What goes wrong with the mock exchange", .timeLimit(.minutes(2)))
struct MockExchangeFaultTests {
    @Test func `a kill resets connections and refuses new ones; after a restart the orders are still there`()
        async throws
    {
        try await withMockExchange { exchange in
            var client = try await PlainClient(exchange)
            _ = try await client.authenticate()
            let before = try await client.buy("one")
            try await exchange.kill()
            await #expect(throws: WebSocketError.self) { try await client.next() }
            #expect(client.socket.closeInfo?.code == .abnormalClosure)
            let refusal = await #expect(throws: WebSocketError.self) { try await PlainClient(exchange) }
            #expect(refusal?.code == .connectFailed)
            try await exchange.restart()
            var next = try await PlainClient(exchange)
            await #expect(throws: PlainClient.Refusal(code: 13009, reason: "not_authenticated")) {
                try await next.buy("one")
            }
            _ = try await next.authenticate()
            #expect(try await next.buy("one") == before)
            #expect(exchange.ledger.snapshot.orders.count == 1)
            #expect(exchange.record.openedCount == 2)
            try await next.socket.close()
        }
    }

    @Test func `restarts again and again on its port`() async throws {
        try await withMockExchange { exchange in
            for _ in 0..<20 {
                let client = try await PlainClient(exchange)
                try await exchange.restart()
                await #expect(throws: WebSocketError.self) { try await client.next() }
            }
            try await exchange.waitUntil { record, _ in record.ends == [.dropped: 20] }
        }
    }

    @Test(arguments: [401, 403, 404, 429, 503])
    func `refuses an upgrade with a status, headers and a body`(status: Int) async throws {
        try await withMockExchange { exchange in
            try await exchange.refuse(status: status, headers: ["Retry-After: 7"], body: "no: \(status)")
            let error = await #expect(throws: WebSocketError.self) { try await PlainClient(exchange) }
            #expect(error?.code == .upgradeRefused)
            #expect(error?.handshake?.status == status)
            #expect(error?.handshake?.retryAfter == .seconds(7))
            #expect(error?.handshake.map { String(decoding: $0.bodyPrefix, as: UTF8.self) } == "no: \(status)")
            try await PlainClient(exchange).socket.close()
            #expect(exchange.record.upgrades.map(\.status) == [status, 101])
        }
    }

    @Test func `refuses every upgrade until it is told to accept them`() async throws {
        try await withMockExchange { exchange in
            try await exchange.refuse(status: 503, times: nil)
            for _ in 0..<3 { await #expect(throws: WebSocketError.self) { try await PlainClient(exchange) } }
            try await exchange.acceptUpgrades()
            try await PlainClient(exchange).socket.close()
            #expect(exchange.record.upgrades.map(\.status) == [503, 503, 503, 101])
        }
    }

    @Test func `refuses connections while those that stand go on`() async throws {
        try await withMockExchange { exchange in
            var client = try await PlainClient(exchange)
            try await exchange.refuseConnections()
            let error = await #expect(throws: WebSocketError.self) { try await PlainClient(exchange) }
            #expect(error?.code == .connectFailed)
            #expect(try await client.call("public/test")["version"] == "1.0")
            try await exchange.acceptConnections()
            try await PlainClient(exchange).socket.close()
            try await client.socket.close()
        }
    }

    @Test(arguments: [true, false])
    func `drops connections in the middle of a frame`(resetting: Bool) async throws {
        try await withMockExchange { exchange in
            let client = try await PlainClient(exchange)
            try await exchange.dropMidFrame(resetting: resetting)
            let error = await #expect(throws: WebSocketError.self) { try await client.next() }
            #expect(error?.code == .transportFailed)
            #expect(client.socket.closeInfo?.code == .abnormalClosure)
        }
    }

    @Test(arguments: [1000, 1001, 1002, 1008, 1011, 1012, 1013, 3000, 4000] as [WebSocketCloseCode])
    func `closes with a code of each class, one connection or all`(code: WebSocketCloseCode) async throws {
        try await withMockExchange { exchange in
            let first = try await PlainClient(exchange)
            let second = try await PlainClient(exchange)
            try await exchange.close(code: code, reason: "one", session: 2)
            let info = try await second.end()
            #expect(info.code == code)
            #expect(info.reason == "one")
            #expect(first.socket.closeInfo == nil)
            try await exchange.close(code: code, reason: "all")
            #expect(try await first.end().reason == "all")
            try await exchange.waitUntil { record, _ in record.ends == [.closed: 2] }
            #expect(exchange.record.receivedCloseCodes == [code, code])
        }
    }

    @Test func `an authentication ends, and the refresh token renews it, unless it was revoked`() async throws {
        try await withMockExchange { exchange in
            var client = try await PlainClient(exchange)
            let token = try await client.authenticate()["refresh_token"] ?? .null
            exchange.expireAuthentication()
            await #expect(throws: PlainClient.Refusal(code: 13009, reason: "token_expired")) { try await client.buy() }
            let refresh: JSONValue = ["grant_type": "refresh_token", "refresh_token": token]
            let next = try await client.call("public/auth", refresh)["refresh_token"] ?? .null
            #expect(try await client.buy() == "order-1")
            exchange.expireAuthentication(revokingRefreshTokens: true)
            await #expect(throws: PlainClient.Refusal(code: 13004, reason: "invalid_refresh_token")) {
                try await client.call("public/auth", ["grant_type": "refresh_token", "refresh_token": next])
            }
            let grants = exchange.ledger.snapshot.journal.filter { $0.method == "public/auth" }.flatMap(\.details)
            #expect(grants == ["client_signature", "refresh_token", "refresh_token"])
            try await client.socket.close()
        }
    }

    @Test func `a frozen server answers nothing, neither requests nor upgrades, until it thaws`() async throws {
        try await withMockExchange { exchange in
            var client = try await PlainClient(exchange)
            try await exchange.freeze()
            let id = try await client.post("public/test")
            var configuration = WebSocketConfiguration()
            configuration.deadlines.open = .milliseconds(200)
            let error = await #expect(throws: WebSocketError.self) {
                try await PlainClient(exchange, configuration: configuration)
            }
            #expect(error?.code == .timedOut)
            // The request was sent long before the upgrade gave up.
            #expect(exchange.record.receivedFrames == [:])
            try await exchange.thaw()
            #expect(try await client.next()?["id"] == id)
            try await client.socket.close()
        }
    }

    @Test(arguments: [Disturbance.dropBefore, .dropAfter, .dropInside, .close(.serviceRestart)])
    func `a chosen request is disturbed, before or after it is carried out`(disturbance: Disturbance) async throws {
        try await withMockExchange { exchange in
            var client = try await PlainClient(exchange)
            _ = try await client.authenticate()
            exchange.ledger.disturb(next: "private/buy", disturbance)
            await #expect(throws: (any Error).self) { try await client.buy("one") }
            #expect(exchange.ledger.snapshot.orders.map(\.label) == (disturbance == .dropBefore ? [] : ["one"]))
            let code: WebSocketCloseCode = disturbance == .close(.serviceRestart) ? .serviceRestart : .abnormalClosure
            #expect(try await client.end().code == code)
        }
    }

    @Test func `heartbeats that are answered keep the connection, one that is not ends it`() async throws {
        try await withMockExchange { exchange in
            var client = try await PlainClient(exchange)
            _ = try await client.call("public/set_heartbeat", ["interval": 1])
            for _ in 0..<2 {
                #expect(try await client.nextNotification()?["params"]?["type"] == "test_request")
                _ = try await client.call("public/test")
            }
            let info = try await client.end()
            #expect(info.code == .tryAgainLater)
            #expect(info.reason == "heartbeat missed")
        }
    }

    @Test func `what breaks the protocol is closed with its code`() async throws {
        try await withMockExchange { exchange in
            let binary = try await PlainClient(exchange)
            try await binary.socket.send([1, 2, 3])
            #expect(try await binary.end().code == .unsupportedData)
            let large = try await PlainClient(exchange)
            try await large.socket.send(String(repeating: "x", count: 2 << 20))
            #expect(try await large.end().code == .messageTooBig)
        }
    }

    @Test func `many clients at once lose no acknowledged order and repeat none, while connections are dropped`()
        async throws
    {
        try await withMockExchange { exchange in
            let acknowledged = try await withThrowingTaskGroup(of: [String].self) { group in
                for number in 0..<10 { group.addTask { try await Self.order(20, as: number, on: exchange) } }
                for number in 0..<10 {
                    try await exchange.waitUntil { _, ledger in ledger.orders.count >= 10 * (number + 1) }
                    if number % 2 == 0 { try await exchange.drop() } else { try await exchange.restart() }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let ledger = exchange.ledger.snapshot
            #expect(acknowledged.count == 200)
            #expect(Set(acknowledged).count == 200)
            #expect(Set(acknowledged) == Set(ledger.orders.map(\.id)))
        }
    }

    /// Sends each order until it is acknowledged, on as many connections as it takes.
    private static func order(_ count: Int, as number: Int, on exchange: MockExchangeServer) async throws -> [String] {
        var ids: [String] = []
        while ids.count < count {
            try Task.checkCancellation()
            do {
                var client = try await PlainClient(exchange)
                _ = try await client.authenticate()
                while ids.count < count {
                    if let id = try await client.buy("\(number)-\(ids.count)") { ids.append(id) }
                }
                try await client.socket.close()
            } catch is WebSocketError {
                // Dropped: the next connection goes on.
            }
        }
        return ids
    }
}
