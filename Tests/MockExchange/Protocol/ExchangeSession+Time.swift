import WebSocketNova

// What the exchange does by the clock: heartbeats, and answers that it holds back.
extension ExchangeSession {
    /// The exchange asks for a sign of life in intervals.
    struct Heartbeat: Sendable {
        var interval: Duration
        var due: Duration
        /// Whether the last test request, if there was one, has been answered.
        var isAnswered = true
    }

    mutating func setHeartbeat(_ parameters: JSONValue, _ now: Duration) throws(JSONRPC.Failure) -> JSONValue {
        guard let seconds = parameters["interval"]?.number, (0.01...3600).contains(seconds) else {
            throw .invalidParameters("interval")
        }
        let interval = Duration.seconds(seconds)
        self.heartbeat = Heartbeat(interval: interval, due: now + interval)
        return "ok"
    }

    /// Asks for a sign of life if it is time to; ends the connection if the last one has not come.
    mutating func beat(_ now: Duration) -> [Command] {
        guard var heartbeat = self.heartbeat, heartbeat.due <= now else { return [] }
        guard heartbeat.isAnswered else { return [self.ledger.rules.missedHeartbeat] }
        heartbeat.isAnswered = false
        heartbeat.due = now + heartbeat.interval
        self.heartbeat = heartbeat
        let request = JSONRPC.notification(method: "heartbeat", parameters: ["type": "test_request"])
        return [.send(JSONRPC.text(request))]
    }

    /// Sends an answer, or holds it back as the rules say.
    mutating func schedule(_ answer: Command, _ now: Duration) -> [Command] {
        switch self.ledger.rules.answers {
        case .atOnce:
            // Behind what is held from before, so that a change of the rules turns nothing around.
            guard let last = self.held.last?.due else { return [answer] }
            self.held.append((last, answer))
            return []
        case .delayed(let time):
            self.held.append((max(now + time, self.held.last?.due ?? .zero), answer))
            return self.held.count < Self.maximumHeld ? [] : self.releaseAll()
        case .reversed(let batch, let time):
            // All of a batch are due with the first that came, which is the last to go.
            let due = self.held.last?.due ?? now + time
            self.held.insert((due, answer), at: 0)
            return self.held.count < min(batch, Self.maximumHeld) ? [] : self.releaseAll()
        }
    }

    /// A client that asks faster than it is answered is answered early.
    private static var maximumHeld: Int { 10_000 }

    private mutating func releaseAll() -> [Command] {
        defer { self.held = [] }
        return self.held.map(\.command)
    }

    /// What is due of the answers held back.
    mutating func releaseAnswers(_ now: Duration) -> [Command] {
        let due = self.held.filter { $0.due <= now }.map(\.command)
        self.held.removeAll { $0.due <= now }
        return due
    }
}
