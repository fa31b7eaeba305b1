import MockExchange
import Testing
import WebSocketNova

/// The adapter and the session as pure values, fed with each other's output: no socket, no clock, no client.
@Suite("The example adapter against the exchange, without sockets")
struct ExchangeAdapterTests {
    struct Pair {
        var adapter: ExchangeAdapter
        let ledger = ExchangeLedger()
        var session: ExchangeSession
        var now = Duration.seconds(1_700_000_000)
        let stream = StreamRef(connection: ConnectionID(rawValue: 1), generation: 1)

        init(secret: String = "secret", heartbeat: Duration? = nil) {
            let account = ExchangeAdapter.Account(client: "client", secret: secret)
            self.adapter = ExchangeAdapter(url: "ws://localhost", account: account, heartbeat: heartbeat)
            self.session = self.ledger.makeSession()
        }

        /// The connection is lost, and there is another one.
        mutating func reconnect() {
            self.session = self.ledger.makeSession()
            self.adapter.prepareForReconnection()
        }

        /// What the exchange says to a message of the adapter's.
        mutating func answers(to message: OutgoingMessage) throws -> [JSONValue] {
            guard case .text(let text) = try self.adapter.encode(message) else { return [] }
            return try self.values(self.session.received(text, now: self.now))
        }

        mutating func answers(to decision: HandlerDecision) throws -> [JSONValue] {
            guard case .reply(.text(let text)) = decision else { return [] }
            return try self.answers(to: .text(text))
        }

        mutating func values(_ commands: [ExchangeSession.Command]) throws -> [JSONValue] {
            try commands.compactMap { command in
                guard case .send(let text) = command else { return nil }
                return try self.adapter.validate(.text(text))
            }
        }

        mutating func authenticate() throws -> AuthResponse? {
            let request = try self.adapter.authenticationRequest(now: self.now.seconds)
            let answer = try self.answers(to: request).first
            return answer.map { self.adapter.handleResponse($0, now: self.now.seconds) }
        }

        mutating func subscribe(to channel: String) throws -> SubscriptionResponse? {
            let request = self.adapter.subscribe(to: channel, parameters: .null, now: self.now).request
            let answer = try self.answers(to: request).first
            return answer.map { self.adapter.handleResponse($0, now: self.now) }
        }
    }

    @Test func `authenticates by signature, and renews by refresh token before the end`() throws {
        var pair = Pair()
        #expect(try pair.authenticate() == .authenticated)
        let refreshTime = try #require(pair.adapter.refreshTime)
        #expect(refreshTime == pair.now.seconds + 840)
        #expect(!pair.adapter.needsAuthentication(now: refreshTime - 1))
        #expect(pair.adapter.needsAuthentication(now: refreshTime))
        pair.now = .seconds(refreshTime)
        #expect(try pair.authenticate() == .authenticated)
        let grants = pair.ledger.snapshot.journal.flatMap(\.details)
        #expect(grants == ["client_signature", "refresh_token"])
    }

    @Test func `a refused renewal is followed by a signature`() throws {
        var pair = Pair()
        #expect(try pair.authenticate() == .authenticated)
        pair.ledger.expireAuthentication(revokingRefreshTokens: true)
        pair.reconnect()
        #expect(try pair.authenticate() == .refused(reason: "invalid_refresh_token"))
        #expect(try pair.authenticate() == .authenticated)
        #expect(pair.session.isAuthenticated(now: pair.now))
    }

    @Test func `wrong credentials are refused, missing ones are not sent, and neither are shown`() throws {
        var pair = Pair(secret: "not the secret")
        #expect(try pair.authenticate() == .refused(reason: "signature"))
        #expect(!"\(pair.adapter)".contains("not the secret"))
        var adapter = ExchangeAdapter()
        let error = #expect(throws: WebSocketError.self) { try adapter.authenticationRequest(now: 0) }
        #expect(error?.code == .missingCredentials)
    }

    @Test func `an answer that says that the authentication has ended asks for a new one`() throws {
        var pair = Pair()
        #expect(try pair.authenticate() == .authenticated)
        pair.ledger.expireAuthentication()
        let order = JSONRPC.request(id: 1, method: "private/buy", parameters: ["instrument_name": "A", "amount": 1])
        let answer = try #require(try pair.answers(to: .json(order)).first)
        #expect(pair.adapter.handleResponse(answer, now: pair.now.seconds) == .unrelated)
        #expect(pair.adapter.needsAuthentication(now: pair.now.seconds))
    }

    @Test func `subscribes, hears the news of its channels and nothing else, and is told what there is not`() throws {
        var pair = Pair()
        guard case .confirmed(let id) = try pair.subscribe(to: "trades.A") else {
            Issue.record("not confirmed")
            return
        }
        #expect(pair.adapter.active[id]?.channel == "trades.A")
        let news = try pair.values(pair.session.published(on: "trades.A", 1...2, now: pair.now))
        let heard = news.map { pair.adapter.handleResponse($0, now: pair.now) }
        #expect(heard.count == 2)
        guard case .data(let channel, let data) = heard.first else {
            Issue.record("no news")
            return
        }
        #expect(channel == "trades.A")
        #expect(data["seq"] == 1)
        guard case .failed(_, let reason) = try pair.subscribe(to: "nonsense") else {
            Issue.record("not refused")
            return
        }
        #expect(reason == "no such channel")
        _ = try pair.answers(to: try #require(try pair.adapter.unsubscribe(from: id, now: pair.now)))
        #expect(pair.session.channels.isEmpty)
        let late = try #require(news.first)
        #expect(pair.adapter.handleResponse(late, now: pair.now) == .unrelated)
    }

    @Test("F50: what is restored is each subscription once, in order")
    func restores() throws {
        var pair = Pair()
        for channel in ["trades.B", "trades.A", "book.C"] { _ = try pair.subscribe(to: channel) }
        pair.reconnect()
        let restorable = pair.adapter.restorable.map(\.channel)
        #expect(restorable == ["trades.B", "trades.A", "book.C"])
        for channel in restorable { _ = try pair.subscribe(to: channel) }
        #expect(pair.ledger.snapshot.subscriptions(of: 2) == restorable)
        #expect(pair.adapter.restorable.map(\.channel) == restorable)
        #expect(pair.adapter.active.count == 3)
    }

    @Test func `asks for heartbeats when it is connected, and answers them`() throws {
        var pair = Pair(heartbeat: .seconds(10))
        #expect(pair.adapter.wantsMessages)
        let info = ConnectionInfo(
            connection: pair.stream.connection,
            stream: pair.stream,
            host: "localhost",
            port: 80,
            path: "/",
            transport: .tcp
        )
        #expect(try pair.answers(to: pair.adapter.handleConnect(info)).first?["result"] == "ok")
        for _ in 0..<3 {
            pair.now += .seconds(10)
            let request = try #require(try pair.values(pair.session.timePassed(now: pair.now)).first)
            let answers = try pair.answers(to: pair.adapter.handleMessage(request, on: pair.stream))
            #expect(answers.first?["result"]?["version"] == "1.0")
        }
        #expect(!pair.session.hasEnded)
        pair.now += .seconds(20)
        _ = pair.session.timePassed(now: pair.now)
        pair.now += .seconds(10)
        _ = pair.session.timePassed(now: pair.now)
        #expect(pair.session.hasEnded)
    }
}
