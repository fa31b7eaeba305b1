import MockExchange
import TestSupport
import Testing
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

extension Serial {
    /// In processes of their own, apart from their servers: memory, descriptors, threads and objects are counted.
    @Suite("What is left behind of clients", .timeLimit(.minutes(3)))
    struct ClientCycleTests {
        enum Cycle: String, CaseIterable, Codable {
            /// Requests, subscriptions and listeners, then a close.
            case closed
            /// Nobody closes it: the handle is let go of.
            case released
            /// The exchange closes for good.
            case ended
            /// It is lost once, and comes back.
            case reconnected
            /// The upgrade is refused.
            case refused
            /// Connecting is cancelled.
            case cancelled

            /// How many are made, and how many before that, after which memory has to be flat.
            var count: (warm: Int, measured: Int) {
                let count = self == .reconnected ? 300 : 1_000
                return SlowLane.isOn ? (200, count) : (40, count / 10)
            }
        }

        /// How many more bytes may be in use: pools and caches of the runtime fill slowly. Of cycles that end with an error
        /// more, because the testing library keeps a backtrace of errors that are thrown.
        private static func heapAllowance(_ cycle: Cycle) -> Int {
            guard SlowLane.isOn else { return 512 << 10 }
            return cycle == .cancelled || cycle == .refused ? 1 << 20 : 256 << 10
        }

        @Test(.disabled(if: Sanitizer.isOn, "sanitizers take memory of their own"), arguments: Cycle.allCases)
        func `F89 nothing is left of clients`(cycle: Cycle) async throws {
            try await withMockExchange { exchange in
                try await exchange.publish(channel: "trades.alpha", every: .milliseconds(1))
                if cycle == .refused { try await exchange.refuse(status: 403, times: nil) }
                await #expect(processExitsWith: .success) { [cycle = cycle as Cycle, url = exchange.url as String] in
                    try await Self.measure(cycle, url)
                }
            }
        }

        // MARK: In the client's process

        private static func measure(_ cycle: Cycle, _ url: String) async throws {
            let group = try EventLoopGroup()
            let (warm, measured) = cycle.count
            let cycles = Cycles(warm: warm, measured: measured, heapAllowance: Self.heapAllowance(cycle))
            try await cycles.expectNothingIsLeft(of: group) { _ in try await Self.perform(cycle, url, group) }
            await group.shutDown()
        }

        private static func connect(_ url: String, _ group: EventLoopGroup) async throws -> ExchangeClient {
            try await ExchangeClient.connect(to: url, as: ExchangeWorkload.account) { configuration in
                configuration.webSocket.eventLoopGroup = group
                configuration.handlers.error = DefaultErrorHandler(
                    backoff: Backoff(base: .milliseconds(1), maximum: .milliseconds(5), limit: .unlimited)
                )
            }
        }

        private static func perform(_ cycle: Cycle, _ url: String, _ group: EventLoopGroup) async throws {
            switch cycle {
            case .closed:
                let client = try await Self.connect(url, group)
                try await Self.use(client)
                #expect(try await client.client.close() == .local)
            case .released:
                try await Self.use(try await Self.connect(url, group))
                await eventually("it has ended") { LiveObjects.all.isEmpty }
            case .ended:
                let client = try await Self.connect(url, group)
                try await Self.use(client)
                // The exchange does not take binary messages: it closes with 1003.
                try await client.client.send([1, 2, 3])
                guard case .closed(let info) = try await client.client.waitUntilEnded() else {
                    Issue.record("it ended otherwise")
                    return
                }
                #expect(info.code == .unsupportedData)
            case .reconnected:
                try await Self.reconnect(url, group)
            case .refused:
                await #expect(throws: WebSocketError.self) { try await Self.connect(url, group) }
            case .cancelled:
                let attempt = Task { try await Self.connect(url, group) }
                for _ in 0..<Int.random(in: 0..<50) { await Task.yield() }
                attempt.cancel()
                _ = try? await attempt.value.client.close()
            }
        }

        private static func use(_ client: ExchangeClient) async throws {
            let events = client.client.events
            var trades = try await client.trades("trades.alpha").makeAsyncIterator()
            #expect(try await client.time() > 0)
            guard case .trade = try await trades.next() else {
                Issue.record("no trade")
                return
            }
            var event = events.makeAsyncIterator()
            #expect(await event.next() != nil)
        }

        /// An adapter without heartbeats asks for one that it does not answer: the exchange closes with 1013.
        private static func reconnect(_ url: String, _ group: EventLoopGroup) async throws {
            let client = try await WebSocketClient.connect(
                using: ExchangeAdapter(url: url, account: ExchangeWorkload.account, heartbeat: nil)
            ) { configuration in
                configuration.webSocket.eventLoopGroup = group
                configuration.handlers.error = DefaultErrorHandler(
                    backoff: Backoff(base: .milliseconds(1), maximum: .milliseconds(5), limit: .unlimited)
                )
            }
            let updates = try await client.subscribe(to: "trades.alpha")
            let request = JSONRPC.request(id: 1, method: "public/set_heartbeat", parameters: ["interval": 0.01])
            _ = try await client.request(.json(request), correlatedBy: \.id)
            for try await update in updates {
                if case .gap = update { break }
            }
            try await client.close()
        }
    }
}
