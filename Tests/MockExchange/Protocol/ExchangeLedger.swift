import Synchronization

/// What the exchange knows beyond a connection: orders, the channels' sequence numbers, tokens, and a journal of requests.
///
/// All sessions of an exchange share one, over all restarts of its server, so that a test can compare what was
/// acknowledged with what arrived. It has a lock, since the test looks while the server's thread writes.
package final class ExchangeLedger: Sendable {
    /// An accepted order.
    package struct Order: Sendable, Hashable {
        package var id: String
        /// The client's own name for it.
        package var label: String?
        package var client: String
        package var instrument: String
        package var amount: Double
        package var direction: String
        /// The connection over which it came.
        package var session: Int
    }

    /// A request in the order of arrival.
    package struct Entry: Sendable, Hashable {
        package var session: Int
        package var method: String
        /// The channels of a subscription; the grant type of an authentication.
        package var details: [String] = []
        /// The code of the error that answered it.
        package var failure: Int64?
    }

    /// Everything at one moment.
    package struct Snapshot: Sendable {
        package fileprivate(set) var orders: [Order] = []
        /// The labels with which an order came that had been accepted before, once for each time.
        package fileprivate(set) var repeatedLabels: [String] = []
        package fileprivate(set) var journal: [Entry] = []
        /// How many entries the journal has dropped.
        package fileprivate(set) var forgottenEntries = 0
        /// The last number of each channel.
        package fileprivate(set) var sequences: [String: Int64] = [:]
        package fileprivate(set) var sessionCount = 0

        /// The channels of all requests for a subscription that a session made, in order.
        package func subscriptions(of session: Int) -> [String] {
            self.journal.filter { $0.session == session && $0.method.hasSuffix("/subscribe") }.flatMap(\.details)
        }

        /// The methods of all requests that a session made, in order.
        package func methods(of session: Int) -> [String] {
            self.journal.filter { $0.session == session }.map(\.method)
        }
    }

    private struct State {
        var rules: ExchangeRules
        var snapshot = Snapshot()
        var byLabel: [String: Int] = [:]
        var refreshTokens: [String: String] = [:]
        var nonces: Set<String> = []
        var madeTokens = 0
        var epoch = 0
        var disturbances: [String: [Disturbance]] = [:]
    }

    private let state: Mutex<State>
    /// More orders are refused, and older entries of the journal, nonces and tokens dropped.
    private static let maximumOrders = 1_000_000
    private static let maximumEntries = 200_000
    private static let maximumSecrets = 10_000

    package init(rules: ExchangeRules = ExchangeRules()) {
        self.state = Mutex(State(rules: rules))
    }

    package var rules: ExchangeRules {
        get { self.state.withLock { $0.rules } }
        set { self.state.withLock { $0.rules = newValue } }
    }

    /// Changes rules in one step.
    package func changeRules(_ change: @Sendable (inout ExchangeRules) -> Void) {
        self.state.withLock { change(&$0.rules) }
    }

    package var snapshot: Snapshot { self.state.withLock { $0.snapshot } }

    package func makeSession() -> ExchangeSession {
        let number = self.state.withLock { state in
            state.snapshot.sessionCount += 1
            return state.snapshot.sessionCount
        }
        return ExchangeSession(number: number, ledger: self)
    }

    // MARK: Orders

    /// Writes an order down, or finds the one that has its label.
    ///
    /// - Returns: nil if the book is full.
    func accept(_ order: Order) -> (order: Order, isRepeated: Bool)? {
        self.state.withLock { state in
            let key = order.label.map { "\(order.client) \($0)" }
            if let key, let place = state.byLabel[key] {
                if state.snapshot.repeatedLabels.count < Self.maximumOrders {
                    state.snapshot.repeatedLabels.append(order.label ?? "")
                }
                return (state.snapshot.orders[place], true)
            }
            guard state.snapshot.orders.count < Self.maximumOrders else { return nil }
            var order = order
            order.id = "order-\(state.snapshot.orders.count + 1)"
            if let key { state.byLabel[key] = state.snapshot.orders.count }
            state.snapshot.orders.append(order)
            return (order, false)
        }
    }

    // MARK: Channels

    /// The next numbers of a channel. They go on over all connections; what nobody hears is lost.
    package func nextSequences(of channel: String, count: Int) -> ClosedRange<Int64>? {
        guard count > 0 else { return nil }
        return self.state.withLock { state in
            let first = (state.snapshot.sequences[channel] ?? 0) + 1
            let last = first + Int64(count) - 1
            state.snapshot.sequences[channel] = last
            return first...last
        }
    }

    // MARK: Authentication

    /// Ends all authentications, so that private requests are refused with `token_expired`.
    package func expireAuthentication(revokingRefreshTokens: Bool = false) {
        self.state.withLock { state in
            state.epoch += 1
            if revokingRefreshTokens { state.refreshTokens = [:] }
        }
    }

    /// Counts the ends of all authentications.
    var epoch: Int { self.state.withLock { $0.epoch } }

    /// New tokens for a client.
    func issueTokens(for client: String) -> (access: String, refresh: String) {
        self.state.withLock { state in
            state.madeTokens += 1
            if state.refreshTokens.count >= Self.maximumSecrets { state.refreshTokens = [:] }
            let refresh = "refresh-\(state.madeTokens)"
            state.refreshTokens[refresh] = client
            return ("access-\(state.madeTokens)", refresh)
        }
    }

    /// Whose a refresh token is. It is good for one time.
    func redeem(_ token: String) -> String? {
        self.state.withLock { $0.refreshTokens.removeValue(forKey: token) }
    }

    /// Whether a nonce is new.
    func use(nonce: String) -> Bool {
        self.state.withLock { state in
            if state.nonces.count >= Self.maximumSecrets { state.nonces = [] }
            return state.nonces.insert(nonce).inserted
        }
    }

    // MARK: The journal

    func record(_ entry: Entry) {
        self.state.withLock { state in
            if state.snapshot.journal.count >= Self.maximumEntries {
                // Half at a time, so that an entry costs nothing on the whole.
                state.snapshot.journal.removeFirst(Self.maximumEntries / 2)
                state.snapshot.forgottenEntries += Self.maximumEntries / 2
            }
            state.snapshot.journal.append(entry)
        }
    }

    // MARK: Faults

    /// Disturbs the next request of a method that has no disturbance yet; several in a row queue up.
    package func disturb(next method: String, _ disturbances: Disturbance...) {
        self.state.withLock { $0.disturbances[method, default: []] += disturbances }
    }

    func takeDisturbance(of method: String) -> Disturbance? {
        self.state.withLock { state in
            guard let first = state.disturbances[method]?.first else { return nil }
            state.disturbances[method]?.removeFirst()
            return first
        }
    }
}
