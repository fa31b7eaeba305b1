package import WebSocketCore
import WebSocketNova

/// The exchange's side of one connection: text in, texts and commands out.
///
/// No I/O and no clock is in it, so that it serves behind sockets and behind a transport in memory alike. `now` is the
/// exchange's clock: the time since 1970; it never goes back.
///
/// | method | parameters | result |
/// |---|---|---|
/// | `public/auth` | `grant_type` `client_signature`, `client_id`, `timestamp` in ms, `nonce`, `data`, `signature` | `access_token`, `expires_in`, `refresh_token` |
/// | `public/auth` | `grant_type` `refresh_token`, `refresh_token` | the same |
/// | `private/buy`, `private/sell` | `instrument_name`, `amount`, `label` | `order` with `order_id` |
/// | `public/subscribe`, `private/subscribe` | `channels` | those that are in force |
/// | `public/unsubscribe` | `channels` | those that were ended |
/// | `public/set_heartbeat` | `interval` in seconds | `ok` |
/// | `public/disable_heartbeat` | | `ok` |
/// | `public/test` | | `version` |
/// | `public/get_time` | | ms since 1970 |
///
/// The signature is the HMAC-SHA256, keyed with the client's secret, of timestamp, nonce and data, each followed by a line
/// feed but the last, in lower-case hexadecimal. An order with a label that the client has used before is the order from
/// before, and not a second one.
package struct ExchangeSession: Sendable {
    /// What the connection is to do.
    package enum Command: Sendable, Hashable {
        /// Send a text message.
        case send(String)
        /// Send about half of the frame of a text message, and end the connection without a Close frame.
        case sendHalf(String)
        /// Close the connection with a Close frame.
        case close(WebSocketCloseCode, reason: String)
        /// End the connection without a Close frame.
        case drop
    }

    /// Counts the connections of an exchange from 1.
    package let number: Int
    package private(set) var channels: Set<String> = []
    let ledger: ExchangeLedger

    var authentication: Authentication?
    var heartbeat: Heartbeat?
    /// Answers that are held back, in the order in which they are to go.
    var held: [(due: Duration, command: Command)] = []
    private var allowance: (requests: Double, at: Duration)?
    /// Nothing follows a command that ends the connection.
    private(set) package var hasEnded = false

    init(number: Int, ledger: ExchangeLedger) {
        self.number = number
        self.ledger = ledger
    }

    // MARK: Events

    /// A text message came.
    package mutating func received(_ text: String, now: Duration) -> [Command] {
        guard !self.hasEnded else { return [] }
        switch JSONRPC.parse(text) {
        case .failure(let failure):
            return self.finish([.send(JSONRPC.text(JSONRPC.answer(to: .null, .failure(failure))))])
        case .success(let request):
            return self.finish(self.answer(request, now))
        }
    }

    /// Events happened on a channel. Only a subscriber is told.
    package mutating func published(on channel: String, _ sequences: ClosedRange<Int64>, now: Duration) -> [Command] {
        guard !self.hasEnded, self.channels.contains(channel) else { return [] }
        let timestamp = JSONValue.integer(now.milliseconds)
        return sequences.map { sequence in
            let data: JSONValue = [
                "seq": .integer(sequence), "timestamp": timestamp, "price": .integer(sequence % 1_000),
            ]
            let parameters: JSONValue = ["channel": .string(channel), "data": data]
            return .send(JSONRPC.text(JSONRPC.notification(method: "subscription", parameters: parameters)))
        }
    }

    /// Time passed; due is what ``nextDeadline`` told.
    package mutating func timePassed(now: Duration) -> [Command] {
        guard !self.hasEnded else { return [] }
        return self.finish(self.releaseAnswers(now) + self.beat(now))
    }

    /// When ``timePassed(now:)`` is to be called next; nil if never.
    package var nextDeadline: Duration? {
        guard !self.hasEnded else { return nil }
        return [self.held.lazy.map(\.due).min(), self.heartbeat?.due].compactMap(\.self).min()
    }

    private mutating func finish(_ commands: [Command]) -> [Command] {
        guard let end = commands.firstIndex(where: \.isEnd) else { return commands }
        self.hasEnded = true
        return Array(commands[...end])
    }

    // MARK: Requests

    private mutating func answer(_ request: JSONRPC.Request, _ now: Duration) -> [Command] {
        let disturbance = self.ledger.takeDisturbance(of: request.method)
        if disturbance == .dropBefore { return [.drop] }
        let outcome: Result<JSONValue, JSONRPC.Failure>
        if case .refuse(let failure) = disturbance {
            outcome = .failure(failure)
        } else if !self.isAllowed(request.method, now) {
            outcome = .failure(.tooManyRequests)
        } else {
            do throws(JSONRPC.Failure) {
                outcome = .success(try self.perform(request, now))
            } catch {
                outcome = .failure(error)
            }
        }
        self.write(request, outcome)
        if request.id == .null, disturbance == nil { return [] }
        let text = JSONRPC.text(JSONRPC.answer(to: request.id, outcome))
        switch disturbance {
        case .dropBefore, .dropAfter: return [.drop]
        case .dropInside: return [.sendHalf(text)]
        case .silence: return []
        case .close(let code): return [.close(code, reason: "disturbed")]
        case .refuse, nil: return self.schedule(.send(text), now)
        }
    }

    private func write(_ request: JSONRPC.Request, _ outcome: Result<JSONValue, JSONRPC.Failure>) {
        var entry = ExchangeLedger.Entry(session: self.number, method: request.method)
        if let channels = request.parameters["channels"]?.array {
            entry.details = channels.prefix(1_000).compactMap(\.string)
        } else if let grant = request.parameters["grant_type"]?.string {
            entry.details = [grant]
        }
        if case .failure(let failure) = outcome { entry.failure = failure.code }
        self.ledger.record(entry)
    }

    private mutating func perform(_ request: JSONRPC.Request, _ now: Duration) throws(JSONRPC.Failure) -> JSONValue {
        switch request.method {
        case "public/auth":
            return try self.authenticate(request.parameters, now)
        case "private/buy", "private/sell":
            return try self.order(request, try self.authorizedClient(now))
        case "public/subscribe":
            return try self.subscribe(request.parameters, now)
        case "private/subscribe":
            _ = try self.authorizedClient(now)
            return try self.subscribe(request.parameters, now)
        case "public/unsubscribe":
            let names = try Self.channels(of: request.parameters)
            return .array(names.filter { self.channels.remove($0) != nil }.map(JSONValue.string))
        case "public/set_heartbeat":
            return try self.setHeartbeat(request.parameters, now)
        case "public/disable_heartbeat":
            self.heartbeat = nil
            return "ok"
        case "public/test":
            self.heartbeat?.isAnswered = true
            return ["version": "1.0"]
        case "public/get_time":
            return .integer(now.milliseconds)
        default:
            throw .methodNotFound(request.method)
        }
    }

    private func order(_ request: JSONRPC.Request, _ client: String) throws(JSONRPC.Failure) -> JSONValue {
        let parameters = request.parameters
        guard let instrument = parameters["instrument_name"]?.string, !instrument.isEmpty else {
            throw .invalidParameters("instrument_name")
        }
        guard let amount = parameters["amount"]?.number, amount > 0, amount.isFinite else {
            throw .invalidParameters("amount")
        }
        let label = parameters["label"]?.string
        guard (label?.utf8.count ?? 0) <= 64 else { throw .invalidParameters("label") }
        let wanted = ExchangeLedger.Order(
            id: "",
            label: label,
            client: client,
            instrument: String(instrument.prefix(64)),
            amount: amount,
            direction: request.method == "private/buy" ? "buy" : "sell",
            session: self.number
        )
        guard let (order, isRepeated) = self.ledger.accept(wanted) else { throw .bookIsFull }
        return [
            "order": [
                "order_id": .string(order.id), "label": order.label.map(JSONValue.string) ?? .null,
                "instrument_name": .string(order.instrument), "amount": .number(order.amount),
                "direction": .string(order.direction), "order_state": "open", "repeated": .bool(isRepeated),
            ]
        ]
    }

    private mutating func subscribe(_ parameters: JSONValue, _ now: Duration) throws(JSONRPC.Failure) -> JSONValue {
        let rules = self.ledger.rules
        let names = try Self.channels(of: parameters).filter { name in
            name.utf8.count <= 128 && rules.channelPrefixes.contains { name.hasPrefix($0) }
        }
        if names.contains(where: { $0.hasPrefix("user.") }) { _ = try self.authorizedClient(now) }
        let all = self.channels.union(names)
        guard all.count <= rules.channelLimit else { throw .tooManyChannels }
        self.channels = all
        return .array(names.map(JSONValue.string))
    }

    private static func channels(of parameters: JSONValue) throws(JSONRPC.Failure) -> [String] {
        guard let values = parameters["channels"]?.array else { throw .invalidParameters("channels") }
        let names = values.compactMap(\.string)
        guard names.count == values.count else { throw .invalidParameters("channels") }
        return names
    }

    /// Whether the rate limit lets a request through: a token bucket.
    private mutating func isAllowed(_ method: String, _ now: Duration) -> Bool {
        guard method != "public/test", let limit = self.ledger.rules.requestLimit else { return true }
        let before = self.allowance ?? (Double(limit.burst), now)
        let grown = before.requests + (now - before.at).seconds * limit.perSecond
        let left = min(Double(limit.burst), grown)
        self.allowance = (left >= 1 ? left - 1 : left, now)
        return left >= 1
    }
}

extension ExchangeSession.Command {
    /// Whether the connection ends with it.
    package var isEnd: Bool {
        switch self {
        case .send: false
        case .sendHalf, .close, .drop: true
        }
    }
}

extension Duration {
    package var seconds: Double { self / .seconds(1) }
    package var milliseconds: Int64 {
        self.components.seconds * 1_000 + self.components.attoseconds / 1_000_000_000_000_000
    }
}
