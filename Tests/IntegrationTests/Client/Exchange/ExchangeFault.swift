import MockExchange
import Testing
import WebSocketCore
import WebSocketNova

/// Something that goes wrong with an exchange and passes.
enum ExchangeFault: Sendable, Hashable, CustomTestStringConvertible {
    /// The process dies and is there again.
    case kill
    /// Every connection is reset while the port stays.
    case restart
    /// Connections are lost, and nobody listens for a while.
    case refuseConnections
    /// Connections are lost, and upgrades are refused for a while.
    case refuseUpgrades(status: Int)
    case drop(resetting: Bool)
    case dropMidFrame(resetting: Bool)
    case close(WebSocketCloseCode)
    case expireAuthentication(revokingRefreshTokens: Bool)
    /// The exchange does nothing for a while.
    case freeze
    /// Something is wrong with the next request of a kind.
    case disturb(String, Disturbance)
    /// Answers come late, or in another order, for a while.
    case hold(ExchangeRules.Answers)

    var testDescription: String { "\(self)" }

    /// Close codes of peers that are there again, or elsewhere.
    static let passingCodes: [WebSocketCloseCode] = [1001, 1011, 1012, 1013, 1014, 3008, 4000]

    static let all: [ExchangeFault] =
        [
            .kill, .restart, .refuseConnections, .refuseUpgrades(status: 503), .refuseUpgrades(status: 429), .freeze,
            .drop(resetting: true), .drop(resetting: false), .dropMidFrame(resetting: true),
            .dropMidFrame(resetting: false), .expireAuthentication(revokingRefreshTokens: false),
            .expireAuthentication(revokingRefreshTokens: true), .hold(.delayed(.milliseconds(20))),
            .hold(.reversed(batch: 3, within: .milliseconds(20))),
        ] + Self.passingCodes.map(Self.close)
        + ["private/buy", "public/auth", "public/subscribe", "private/subscribe", "public/get_time"].flatMap { method in
            [.dropBefore, .dropAfter, .dropInside, .close(.serviceRestart)].map { .disturb(method, $0) }
        } + [.disturb("private/buy", .silence), .disturb("private/buy", .refuse(.tooManyRequests))]

    /// Whether the client loses its connection by it, for certain.
    var costsConnection: Bool {
        switch self {
        case .expireAuthentication, .freeze, .hold, .disturb(_, .silence), .disturb(_, .refuse): false
        default: true
        }
    }

    /// Whether what the fault is about happens on a new connection only.
    private var needsNewConnection: Bool {
        guard case .disturb(let method, _) = self else { return false }
        return method.hasSuffix("/auth") || method == "private/subscribe"
    }

    /// Has it happen, and undoes it after a time.
    func happen(to exchange: MockExchangeServer, for time: Duration) async throws {
        switch self {
        case .kill:
            try await exchange.kill()
            try await Self.last(time)
            try await exchange.restart()
        case .restart:
            try await exchange.restart()
        case .refuseConnections:
            try await exchange.refuseConnections()
            try await exchange.drop()
            try await Self.last(time)
            try await exchange.acceptConnections()
        case .refuseUpgrades(let status):
            try await exchange.refuse(status: status, headers: ["Retry-After: 0"], body: "not now", times: nil)
            try await exchange.drop()
            try await Self.last(time)
            try await exchange.acceptUpgrades()
        case .drop(let resetting):
            try await exchange.drop(resetting: resetting)
        case .dropMidFrame(let resetting):
            try await exchange.dropMidFrame(resetting: resetting)
        case .close(let code):
            try await exchange.close(code: code, reason: "a bad day")
        case .expireAuthentication(let revoking):
            exchange.expireAuthentication(revokingRefreshTokens: revoking)
        case .freeze:
            try await exchange.freeze()
            try await Self.last(time)
            try await exchange.thaw()
        case .disturb(let method, let disturbance):
            exchange.ledger.disturb(next: method, disturbance)
            if self.needsNewConnection { try await exchange.drop() }
        case .hold(let answers):
            exchange.ledger.changeRules { $0.answers = answers }
            try await Self.last(time)
            exchange.ledger.changeRules { $0.answers = .atOnce }
        }
    }

    /// The time that a fault lasts: nothing tells of its end.
    private static func last(_ time: Duration) async throws { try await Task.sleep(for: time) }
}
