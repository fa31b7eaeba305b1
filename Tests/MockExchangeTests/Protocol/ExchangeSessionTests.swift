import MockExchange
import Testing
import WebSocketNova

@Suite("One connection's side of the exchange")
struct ExchangeSessionTests {
    /// A session without sockets, and the answers that it gave.
    struct Peer {
        let ledger: ExchangeLedger
        var session: ExchangeSession
        var now = Duration.seconds(1_700_000_000)
        private var made: Int64 = 0

        init(_ ledger: ExchangeLedger = ExchangeLedger()) {
            self.ledger = ledger
            self.session = ledger.makeSession()
        }

        /// What the session does with a request.
        mutating func commands(_ method: String, _ parameters: JSONValue = [:]) -> [ExchangeSession.Command] {
            self.made += 1
            let request = JSONRPC.request(id: .integer(self.made), method: method, parameters: parameters)
            return self.session.received(JSONRPC.text(request), now: self.now)
        }

        /// The one answer to a request.
        mutating func call(_ method: String, _ parameters: JSONValue = [:]) -> JSONValue {
            let commands = self.commands(method, parameters)
            guard case .send(let text) = commands.first, commands.count == 1, let answer = JSONRPC.value(text) else {
                return .null
            }
            return answer
        }

        mutating func authenticate() -> JSONValue {
            self.call("public/auth", .signature(at: self.now.milliseconds))["result"] ?? .null
        }

        mutating func advance(by time: Duration) -> [JSONValue] {
            self.now += time
            return self.session.timePassed(now: self.now).compactMap(Self.message)
        }

        static func message(_ command: ExchangeSession.Command) -> JSONValue? {
            guard case .send(let text) = command else { return nil }
            return JSONRPC.value(text)
        }
    }

    static func buy(_ label: String) -> JSONValue {
        ["instrument_name": "ETH", "amount": 1, "label": .string(label)]
    }

    // MARK: Requests

    @Test func `answers what it cannot understand with the error of JSON-RPC`() {
        var peer = Peer()
        for (text, code) in [("{", -32700), ("[]", -32600), (#"{"id":1}"#, -32600)] as [(String, Int64)] {
            let answer = peer.session.received(text, now: peer.now).first.flatMap(Peer.message)
            #expect(answer?["error"]?["code"]?.integer == code)
            #expect(answer?["id"] == .null)
        }
        #expect(peer.call("public/nothing")["error"]?["code"] == -32601)
        #expect(peer.call("public/subscribe")["error"]?["data"]?["reason"] == "channels")
        #expect(peer.call("public/subscribe", ["channels": ["trades.a", 7]])["error"]?["code"] == -32602)
        // A notification gets no answer.
        #expect(peer.session.received(#"{"method":"public/test"}"#, now: peer.now) == [])
    }

    @Test func `answers repeat the identifier, whatever it is`() {
        var peer = Peer()
        for id in [7, "seven", 7.5] as [JSONValue] {
            let request = JSONRPC.text(JSONRPC.request(id: id, method: "public/get_time"))
            let answer = peer.session.received(request, now: peer.now).first.flatMap(Peer.message)
            #expect(answer?["id"] == id)
            #expect(answer?["result"] == 1_700_000_000_000)
        }
    }

    @Test(arguments: ["instrument_name", "amount"])
    func `orders without what they need are refused and not written down`(missing: String) {
        var peer = Peer()
        _ = peer.authenticate()
        var parameters = Self.buy("x").object ?? [:]
        parameters[missing] = nil
        #expect(peer.call("private/buy", .object(parameters))["error"]?["data"]?["reason"] == .string(missing))
        #expect(peer.ledger.snapshot.orders.isEmpty)
    }

    // MARK: Authentication

    @Test func `a signature is what OpenSSL makes of the same text`() {
        // printf '1700000000000\nabc\n' | openssl dgst -sha256 -hmac secret
        let expected = "0d1008bd85a2b30fd1fbae83f69c82d53ed1a303d59358d873e1f73189080fa1"
        #expect(ExchangeSession.signature(secret: "secret", timestamp: 1_700_000_000_000, nonce: "abc") == expected)
    }

    @Test func `wrong credentials are refused by what is wrong`() {
        var peer = Peer()
        let time = peer.now.milliseconds
        let cases: [(JSONValue, JSONValue)] = [
            (.signature(secret: "wrong", at: time), "signature"),
            (.signature(client: "nobody", at: time), "signature"),
            (.signature(at: time - 60_001), "timestamp"),
            (.signature(at: time + 60_001), "timestamp"),
            (["grant_type": "refresh_token", "refresh_token": "guessed"], "invalid_refresh_token"),
            (["grant_type": "password"], "grant_type"),
        ]
        for (parameters, reason) in cases {
            #expect(peer.call("public/auth", parameters)["error"]?["data"]?["reason"] == reason)
        }
        #expect(!peer.session.isAuthenticated(now: peer.now))
        _ = peer.call("public/auth", .signature(at: time, nonce: "once"))
        let again = peer.call("public/auth", .signature(at: time, nonce: "once"))
        #expect(again["error"]?["data"]?["reason"] == "nonce")
        // A failed authentication leaves the one before as it is.
        #expect(peer.session.isAuthenticated(now: peer.now))
    }

    @Test func `an authentication ends by the clock, and a refresh token renews it once`() {
        var peer = Peer()
        let refresh: JSONValue = [
            "grant_type": "refresh_token", "refresh_token": peer.authenticate()["refresh_token"] ?? 0,
        ]
        _ = peer.advance(by: .seconds(900) - .milliseconds(1))
        #expect(peer.call("private/buy", Self.buy("a"))["result"] != nil)
        _ = peer.advance(by: .milliseconds(1))
        #expect(peer.call("private/buy", Self.buy("b"))["error"]?["data"]?["reason"] == "token_expired")
        #expect(peer.call("public/auth", refresh)["result"]?["expires_in"] == 900)
        #expect(peer.call("private/buy", Self.buy("c"))["result"] != nil)
        #expect(peer.call("public/auth", refresh)["error"]?["code"] == 13004)
    }

    // MARK: Orders

    @Test func `an order with a label from before is the order from before, over all sessions`() {
        let ledger = ExchangeLedger()
        var first = Peer(ledger)
        var second = Peer(ledger)
        _ = first.authenticate()
        _ = second.authenticate()
        let one = first.call("private/buy", Self.buy("x"))["result"]?["order"]
        let two = second.call("private/buy", Self.buy("x"))["result"]?["order"]
        #expect(one?["order_id"] == two?["order_id"])
        #expect(one?["repeated"] == false)
        #expect(two?["repeated"] == true)
        #expect(ledger.snapshot.orders.map(\.session) == [1])
        #expect(ledger.snapshot.repeatedLabels == ["x"])
    }

    @Test func `too many requests are refused, and answers to heartbeats are not counted`() {
        var rules = ExchangeRules()
        rules.requestLimit = (burst: 2, perSecond: 10)
        var peer = Peer(ExchangeLedger(rules: rules))
        let codes = (0..<3).map { _ in peer.call("public/get_time")["error"]?["code"] }
        #expect(codes == [nil, nil, 10028])
        #expect(peer.call("public/test")["result"] != nil)
        _ = peer.advance(by: .milliseconds(100))
        #expect(peer.call("public/get_time")["result"] != nil)
        #expect(peer.call("public/get_time")["error"]?["code"] == 10028)
    }

    // MARK: Channels

    @Test func `only subscribers are told, with numbers that the ledger gives`() {
        var peer = Peer()
        #expect(
            peer.call("public/subscribe", ["channels": ["trades.a", "bogus", "book.b"]])["result"] == [
                "trades.a", "book.b",
            ]
        )
        #expect(peer.call("public/unsubscribe", ["channels": ["book.b", "book.c"]])["result"] == ["book.b"])
        #expect(peer.session.published(on: "book.b", 1...3, now: peer.now) == [])
        let told = peer.session.published(on: "trades.a", 4...5, now: peer.now).compactMap(Peer.message)
        #expect(told.map { $0["method"] } == ["subscription", "subscription"])
        #expect(told.map { $0["params"]?["data"]?["seq"] } == [4, 5])
        #expect(told.first?["params"]?["channel"] == "trades.a")
        #expect(peer.ledger.nextSequences(of: "trades.a", count: 2) == 1...2)
        #expect(peer.ledger.nextSequences(of: "trades.a", count: 1) == 3...3)
        #expect(peer.ledger.nextSequences(of: "trades.a", count: 0) == nil)
    }

    @Test func `a client's own channels need authentication, and there is an end to channels`() {
        var rules = ExchangeRules()
        rules.channelLimit = 2
        var peer = Peer(ExchangeLedger(rules: rules))
        #expect(peer.call("public/subscribe", ["channels": ["user.orders"]])["error"]?["code"] == 13009)
        #expect(peer.call("private/subscribe", ["channels": ["book.a"]])["error"]?["code"] == 13009)
        _ = peer.authenticate()
        #expect(peer.call("public/subscribe", ["channels": ["user.orders", "book.a"]])["error"] == nil)
        #expect(peer.call("public/subscribe", ["channels": ["book.b"]])["error"]?["code"] == 10043)
        #expect(peer.session.channels == ["user.orders", "book.a"])
    }

    // MARK: Time

    @Test func `a test request comes after each interval, and a missed one ends the connection`() {
        var peer = Peer()
        #expect(peer.call("public/set_heartbeat", ["interval": 0])["error"] != nil)
        #expect(peer.call("public/set_heartbeat", ["interval": 10])["result"] == "ok")
        #expect(peer.session.nextDeadline == peer.now + .seconds(10))
        #expect(peer.advance(by: .seconds(9)).isEmpty)
        for _ in 0..<2 {
            #expect(peer.advance(by: .seconds(10)).map { $0["params"]?["type"] } == ["test_request"])
            #expect(peer.call("public/test")["result"] != nil)
        }
        #expect(peer.advance(by: .seconds(10)).count == 1)
        peer.now += .seconds(10)
        #expect(peer.session.timePassed(now: peer.now) == [.close(.tryAgainLater, reason: "heartbeat missed")])
        #expect(peer.session.hasEnded)
        #expect(peer.session.nextDeadline == nil)
        #expect(peer.commands("public/test") == [])
    }

    @Test func `answers are delayed in order, or reversed in batches`() {
        var rules = ExchangeRules()
        rules.answers = .delayed(.seconds(1))
        var peer = Peer(ExchangeLedger(rules: rules))
        #expect(peer.commands("public/test") == [])
        _ = peer.advance(by: .milliseconds(500))
        #expect(peer.commands("public/test") == [])
        #expect(peer.advance(by: .milliseconds(500)).map { $0["id"] } == [1])
        #expect(peer.advance(by: .milliseconds(500)).map { $0["id"] } == [2])
        peer.ledger.changeRules { $0.answers = .reversed(batch: 3, within: .seconds(5)) }
        #expect(peer.commands("public/test") == [])
        #expect(peer.commands("public/test") == [])
        #expect(peer.commands("public/test").compactMap(Peer.message).map { $0["id"] } == [5, 4, 3])
        #expect(peer.commands("public/test") == [])
        _ = peer.advance(by: .seconds(1))
        #expect(peer.commands("public/test") == [])
        #expect(peer.advance(by: .seconds(4)).map { $0["id"] } == [7, 6])
    }

    // MARK: Faults

    @Test func `disturbances come in order, each for one request of its method`() {
        var peer = Peer()
        peer.ledger.disturb(next: "public/test", .silence, .refuse(.tooManyRequests))
        #expect(peer.call("public/get_time")["result"] != nil)
        #expect(peer.commands("public/test") == [])
        #expect(peer.call("public/test")["error"]?["code"] == 10028)
        #expect(peer.call("public/test")["result"] != nil)
    }

    @Test(arguments: [Disturbance.dropBefore, .dropAfter, .dropInside, .close(.goingAway)])
    func `an order is written down before its answer is lost, and not if it is lost itself`(disturbance: Disturbance) {
        var peer = Peer()
        _ = peer.authenticate()
        peer.ledger.disturb(next: "private/buy", disturbance)
        let commands = peer.commands("private/buy", Self.buy("x"))
        #expect(commands.count == 1)
        #expect(commands.first?.isEnd == true)
        #expect(peer.session.hasEnded)
        #expect(peer.ledger.snapshot.orders.count == (disturbance == .dropBefore ? 0 : 1))
    }

    @Test("F50, F51: the journal has the requests of each session in order")
    func journal() {
        var peer = Peer()
        _ = peer.authenticate()
        _ = peer.call("public/subscribe", ["channels": ["book.b", "book.a"]])
        _ = peer.call("public/subscribe", ["channels": ["trades.c"]])
        let snapshot = peer.ledger.snapshot
        #expect(snapshot.methods(of: 1) == ["public/auth", "public/subscribe", "public/subscribe"])
        #expect(snapshot.subscriptions(of: 1) == ["book.b", "book.a", "trades.c"])
        #expect(snapshot.methods(of: 2).isEmpty)
    }
}
