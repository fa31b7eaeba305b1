import MockExchange
import TestSupport
import Testing

@testable import WebSocketNova

/// Several tasks that use one client of the mock exchange at the same time, whatever happens to it, and look at what they
/// get.
///
/// The subscribers read until the client has ended; the others work from ``begin()`` to ``stop()``.
final class ExchangeWorkload: Sendable {
    /// What has been done, and what was wrong.
    struct Tally: Sendable {
        /// The orders' labels, with the ids that the exchange acknowledged.
        var acknowledged: [String: String] = [:]
        /// How many times an order was asked for.
        var attempts = 0
        /// How many orders were sent without asking for an answer.
        var posted = 0
        var requests = 0
        var pings = 0
        /// How many trades, and how many gap markers, the subscribers have got.
        var trades: [String: Int] = [:]
        var gaps: [String: Int] = [:]
        /// How many subscriptions of a moment were made and dropped.
        var visits = 0
        /// The calls that ended with an error, by its code.
        var failures: [String: Int] = [:]
        /// The tasks that have not ended.
        var running: [String: Int] = [:]
        /// How the subscriptions ended.
        var ends: [String: String] = [:]
        /// What must not happen.
        var violations: [String] = []

        var progress: [Int] {
            let trades = ExchangeWorkload.channels.map { self.trades[$0] ?? 0 }
            return [self.acknowledged.count, self.posted, self.requests, self.pings, self.visits] + trades
        }

        /// Whether everybody has done something since.
        func hasAdvanced(since earlier: Tally) -> Bool {
            zip(self.progress, earlier.progress).allSatisfy { $0 > $1 }
        }
    }

    /// The second one needs the authentication: it can only be restored behind that.
    static let channels = ["trades.alpha", "user.orders", "book.beta"]
    static let account = ExchangeAdapter.Account(client: "client", secret: "secret")
    private static let orderers = 3
    private static let requesters = 2

    let exchange: MockExchangeServer
    let client: ExchangeClient
    /// How long each task rests between two calls.
    private let pace: Duration
    private let tally = Locked(Tally())
    private let isStopping = Locked(false)

    /// Connects, subscribes and has the exchange publish.
    init(
        _ exchange: MockExchangeServer,
        group: EventLoopGroup,
        pace: Duration = .milliseconds(2),
        publishing interval: Duration = .milliseconds(3),
        heartbeat: Duration = .seconds(2),
        configuration configure: (inout ClientConfiguration) -> Void = { _ in }
    ) async throws {
        self.exchange = exchange
        self.pace = pace
        self.client = try await ExchangeClient.connect(
            to: exchange.url,
            as: Self.account,
            heartbeat: heartbeat
        ) { configuration in
            configuration.webSocket.eventLoopGroup = group
            configuration.webSocket.keepalive = .off
            configuration.webSocket.deadlines.open = .seconds(2)
            configuration.requestTimeout = .seconds(3)
            configuration.handlers.error = DefaultErrorHandler(
                backoff: Backoff(base: .milliseconds(5), maximum: .milliseconds(100), limit: .unlimited)
            )
            configure(&configuration)
        }
        for channel in Self.channels {
            let trades = try await self.client.trades(channel)
            self.start("subscriber of \(channel)") { await $0.read(trades, of: channel) }
        }
        for channel in Self.channels + ["ticker.gamma"] {
            try await exchange.publish(channel: channel, every: interval)
        }
    }

    var now: Tally { self.tally.value }

    private func start(_ name: String, _ work: @escaping @Sendable (ExchangeWorkload) async -> Void) {
        self.tally.withLock { $0.running[name, default: 0] += 1 }
        Task {
            await work(self)
            self.tally.withLock { tally in
                tally.running[name, default: 0] -= 1
                if tally.running[name] == 0 { tally.running[name] = nil }
            }
        }
    }

    // MARK: Beginning and end

    func begin() {
        for number in 0..<Self.orderers { self.start("orderer") { await $0.order(as: number) } }
        for _ in 0..<Self.requesters { self.start("requester") { await $0.request() } }
        self.start("buyer") { await $0.buy() }
        self.start("poster") { await $0.post() }
        self.start("pinger") { await $0.ping() }
        self.start("visitor") { await $0.visit() }
    }

    /// Waits until everybody has done something more.
    func waitForProgress(within limit: Duration = .seconds(30)) async {
        let before = self.now
        await eventually("everybody gets on: \(before.progress)", within: limit) {
            self.now.hasAdvanced(since: before) || !self.now.violations.isEmpty
        }
    }

    /// Has everybody but the subscribers end, and waits until they have: no call hangs.
    func stop() async {
        self.isStopping.value = true
        await eventually("every call ends", within: .seconds(30)) {
            self.now.running.keys.allSatisfy { $0.hasPrefix("subscriber") }
        }
        #expect(self.now.running.keys.allSatisfy { $0.hasPrefix("subscriber") }, "\(self.now.running)")
    }

    /// Waits until the subscribers have ended too, after the client has.
    func waitUntilEnded() async {
        await eventually("every task ends", within: .seconds(30)) { self.now.running.isEmpty }
        #expect(self.now.running.isEmpty, "\(self.now.running)")
    }

    // MARK: Tasks

    private func order(as sender: Int) async {
        var number = 0
        while await self.goesOn() {
            let label = "order \(sender) \(number)"
            if await self.buy(label) { number += 1 }
        }
    }

    /// Asks for one order, and again with the same label, until it is acknowledged.
    private func buy(_ label: String) async -> Bool {
        repeat {
            self.tally.withLock { $0.attempts += 1 }
            if let order = await self.attempt({ try await self.place(label) }) ?? nil {
                let answered = order.label?.string
                if answered != label { self.violated("\"\(label)\" got the answer to \(answered ?? "nothing")") }
                self.tally.withLock { $0.acknowledged[label] = order.order_id?.string ?? "" }
                return true
            }
        } while await self.goesOn()
        return false
    }

    /// Asks for an order once; the exchange refuses to do anything for somebody whose authentication has ended.
    private func place(_ label: String) async throws -> JSONValue? {
        let order: JSONValue = ["instrument_name": "BTC-PERPETUAL", "amount": 10, "label": .string(label)]
        do {
            return try await self.client.call("private/buy", order).order
        } catch let refusal as ExchangeClient.Refusal where refusal.code == 13009 {
            try await self.client.authenticate()
            return nil
        }
    }

    /// Leaves it to the example to ask until there is an answer.
    private func buy() async {
        var number = 0
        while await self.goesOn() {
            let label = "bought \(number)"
            let id = await self.attempt { try await self.client.buy("ETH-PERPETUAL", amount: 1, label: label) }
            guard let id else { continue }
            self.tally.withLock { $0.acknowledged[label] = id }
            number += 1
        }
    }

    private func request() async {
        var last: Int64 = 0
        while await self.goesOn() {
            guard let time = await self.attempt({ try await self.client.time() }) else { continue }
            // The exchange's clock never goes back: an answer to a request from before would.
            if time < last { self.violated("an old answer: \(time) after \(last)") }
            last = time
            self.tally.withLock { $0.requests += 1 }
        }
    }

    /// Sends orders without asking for answers: each may be lost, but none may arrive twice.
    private func post() async {
        while await self.goesOn() {
            let number = self.now.posted
            let parameters: JSONValue = [
                "instrument_name": "BTC-PERPETUAL", "amount": 1, "label": .string("posted \(number)"),
            ]
            let order = JSONRPC.request(id: .null, method: "private/sell", parameters: parameters)
            let isSent: Bool? = await self.attempt {
                try await self.client.client.send(json: order)
                return true
            }
            // Of one that has failed the name is not used again: it may have arrived.
            self.tally.withLock { $0.posted += 1 }
            if isSent == nil, self.client.client.status.isTerminal { return }
        }
    }

    private func ping() async {
        while await self.goesOn() {
            guard await self.attempt({ try await self.client.client.ping() }) != nil else { continue }
            self.tally.withLock { $0.pings += 1 }
        }
    }

    /// Subscribes, listens for a moment and lets go.
    private func visit() async {
        while await self.goesOn() {
            let isDone: Bool? = await self.attempt {
                // What was sent for the visit before this one may come first, and then nothing until this one is confirmed.
                var checker = SequenceChecker(findsHoles: false)
                for try await update in try await self.client.trades("ticker.gamma") {
                    if let wrong = checker.check(update) { self.violated("ticker.gamma: \(wrong)") }
                    if checker.count == 3 { break }
                }
                return true
            }
            if isDone != nil { self.tally.withLock { $0.visits += 1 } }
        }
    }

    private func read(_ trades: some AsyncSequence<ExchangeClient.TradeUpdate, any Error>, of channel: String) async {
        var checker = SequenceChecker()
        do {
            for try await update in trades {
                if let wrong = checker.check(update) { self.violated("\(channel): \(wrong)") }
                let (count, gaps) = (checker.count, checker.gaps)
                self.tally.withLock { tally in
                    tally.trades[channel] = count
                    tally.gaps[channel] = gaps
                }
            }
            self.tally.withLock { $0.ends[channel] = "finished" }
        } catch {
            self.tally.withLock { $0.ends[channel] = (error as? WebSocketError)?.code.description ?? "\(error)" }
        }
    }

    // MARK: Calls

    /// Rests, and says whether there is more to do.
    private func goesOn() async -> Bool {
        // The pace of a user, not a wait for something.
        try? await Task.sleep(for: self.pace)
        return !self.isStopping.value && !self.client.client.status.isTerminal
    }

    /// What happens to calls while the exchange has a bad day; everything else must not.
    private static let expected: Set<WebSocketError.Code> = [
        .connectionClosed, .notConnected, .timedOut, .authenticationFailed,
    ]

    /// - Returns: nil if the call failed in a way in which it may.
    private func attempt<Value>(_ call: () async throws -> Value) async -> Value? {
        do {
            return try await call()
        } catch let error as WebSocketError where Self.expected.contains(error.code) {
            self.tally.withLock { $0.failures["\(error.code)", default: 0] += 1 }
        } catch let error as ExchangeClient.Refusal where error.code == 13009 || error.code == 10028 {
            self.tally.withLock { $0.failures["refused \(error.code)", default: 0] += 1 }
        } catch {
            // Once it has ended, every call says why.
            if !self.client.client.status.isTerminal { self.violated("\(error)") }
            self.tally.withLock { $0.failures["\(error)", default: 0] += 1 }
        }
        return nil
    }

    private func violated(_ what: String) {
        self.tally.withLock { tally in
            if tally.violations.count < 100 { tally.violations.append(what) }
        }
    }
}
