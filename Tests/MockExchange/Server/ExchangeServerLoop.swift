import Glibc
import WebSocketCore
import WebSocketNova
import WebSocketNovaTesting

/// What a ``MockExchangeServer`` does on its thread: one poll() over the listener and all connections.
///
/// It is made and used on that thread only.
final class ExchangeServerLoop {
    /// Events on a channel at a rate.
    private struct Publisher {
        var channel: String
        var interval: Duration
        var due: Duration
    }

    private let shared: ExchangeServerState
    private let ledger: ExchangeLedger
    private let subprotocols: [String]
    private var listener: ScriptSocket?
    /// Keeps the port while nobody listens.
    private let reservation: ScriptSocket
    private var connections: [ExchangeConnection] = []
    private var publishers: [Publisher] = []
    /// How many upgrades are to be refused still; nil for all.
    private var refusal: (answer: UpgradeRefusal, left: Int?)?
    private var isFrozen = false
    private var isStopping = false
    /// The exchange's clock goes on from the wall clock's time at the start, whatever happens to that.
    private let clock: (start: ContinuousClock.Instant, wall: Duration)

    init(
        shared: ExchangeServerState,
        subprotocols: [String],
        listener: consuming ScriptSocket,
        reservation: consuming ScriptSocket
    ) {
        self.shared = shared
        self.ledger = shared.ledger
        self.subprotocols = subprotocols
        self.listener = consume listener
        self.reservation = reservation
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        self.clock = (.now, .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec))
    }

    var now: Duration { self.clock.wall + self.clock.start.duration(to: .now) }

    // MARK: Turns

    func run() {
        while !self.isStopping {
            let ready = self.poll()
            for command in self.shared.takeCommands() { command(self) }
            if !self.isFrozen {
                if ready.listener { self.acceptClients() }
                self.serve(ready.connections)
            }
            self.finishTurn()
        }
        for connection in self.connections where !connection.isEnded { connection.drop(.dropped, resetting: false) }
        self.finishTurn()
    }

    private func poll() -> (listener: Bool, connections: [Int16]) {
        var sets = [pollfd(fd: self.shared.wakeUp.descriptor, events: Int16(POLLIN), revents: 0)]
        if !self.isFrozen {
            sets.append(pollfd(fd: self.listener?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
            sets += self.connections.map(\.interest)
        }
        let count = Glibc.poll(&sets, nfds_t(sets.count), self.timeout())
        if sets[0].revents != 0 { self.shared.wakeUp.clear() }
        guard count > 0, !self.isFrozen else { return (false, []) }
        return (sets[1].revents != 0, sets.dropFirst(2).map(\.revents))
    }

    /// Until the next thing that is to be done without a client, in milliseconds; -1 if there is none.
    private func timeout() -> Int32 {
        var deadlines = [self.shared.nextWaiterDeadline()]
        if !self.isFrozen {
            deadlines += self.connections.map(\.nextDeadline)
            deadlines += self.publishers.map(\.due)
        }
        guard let next = deadlines.compactMap(\.self).min() else { return -1 }
        // Rounded up: a wait must not end before its deadline.
        return Int32(clamping: max(0, (next - self.now).milliseconds + 1))
    }

    private func serve(_ ready: [Int16]) {
        let now = self.now
        for (connection, events) in zip(self.connections, ready) where events != 0 && !connection.isEnded {
            connection.read()
            if let head = connection.takeRequest() { self.answer(head, connection, now) }
            connection.processFrames(now)
            connection.processEnd()
        }
        for connection in self.connections where !connection.isEnded { connection.timePassed(now) }
        self.publishDue(now)
        for connection in self.connections where !connection.isEnded { connection.flush() }
    }

    /// Brings the record up to date, and tells those who wait for it.
    private func finishTurn() {
        self.shared.update(now: self.now) { record in
            for connection in self.connections { Self.move(connection, to: &record) }
            self.connections.removeAll(where: \.isEnded)
            record.liveConnectionCount = self.connections.count
            record.openCount = self.connections.count(where: \.isOpen)
        }
    }

    private static func move(_ connection: ExchangeConnection, to record: inout ExchangeRecord) {
        record.receivedFrames.merge(connection.received, uniquingKeysWith: +)
        record.sentFrames.merge(connection.sent, uniquingKeysWith: +)
        connection.received = [:]
        connection.sent = [:]
        if let code = connection.receivedCloseCode { record.add(code) }
        connection.receivedCloseCode = nil
        if case .ended(let end) = connection.phase { record.ends[end, default: 0] += 1 }
    }

    // MARK: Clients

    private func acceptClients() {
        // What cannot be accepted now, for want of a descriptor, is tried again in the next turn.
        while self.listener != nil, let client = try? self.listener?.accept() {
            self.connections.append(ExchangeConnection(client))
            self.shared.update { $0.connectionCount += 1 }
        }
    }

    private func answer(_ head: ArraySlice<UInt8>, _ connection: ExchangeConnection, _ now: Duration) {
        guard let request = UpgradeExchange(head: head) else {
            return connection.refuse(UpgradeRefusal(status: 400, body: "not an upgrade").text, now)
        }
        var upgrade = ExchangeRecord.Upgrade(
            target: request.target,
            fields: request.fields,
            offeredSubprotocols: request.offeredSubprotocols,
            status: 101
        )
        if let answer = self.takeRefusal() {
            upgrade.status = answer.status
            connection.refuse(answer.text, now)
        } else {
            let session = self.ledger.makeSession()
            upgrade.subprotocol = request.offeredSubprotocols.first { self.subprotocols.contains($0) }
            upgrade.session = session.number
            connection.accept(session, request.acceptance(subprotocol: upgrade.subprotocol))
        }
        self.shared.update { record in
            if upgrade.session != nil { record.openedCount += 1 }
            record.add(upgrade)
        }
    }

    private func takeRefusal() -> UpgradeRefusal? {
        guard let refusal else { return nil }
        guard let left = refusal.left else { return refusal.answer }
        self.refusal = left > 1 ? (refusal.answer, left - 1) : nil
        return refusal.answer
    }

    // MARK: Commands

    func stop() { self.isStopping = true }

    func resetConnections() {
        for connection in self.connections where !connection.isEnded { connection.drop(.dropped) }
        self.isFrozen = false
    }

    func closeListener() { self.listener = nil }

    func openListener(_ port: Int) throws(TestServerError) {
        guard self.listener == nil else { return }
        self.listener = try ScriptSocket.listening(on: port)
    }

    func refuse(_ answer: UpgradeRefusal?, times: Int?) {
        self.refusal = answer.map { ($0, times) }
    }

    func freeze(_ isFrozen: Bool) { self.isFrozen = isFrozen }

    /// Does something with every open connection, or with that of one session.
    func withConnections(_ session: Int?, _ body: (ExchangeConnection, Duration) -> Void) {
        let now = self.now
        for connection in self.connections where connection.isOpen {
            if session == nil || connection.session?.number == session { body(connection, now) }
        }
        if self.isFrozen { return }
        for connection in self.connections where !connection.isEnded { connection.flush() }
    }

    func publish(_ channel: String, _ count: Int) {
        guard let sequences = self.ledger.nextSequences(of: channel, count: count) else { return }
        self.withConnections(nil) { connection, now in
            connection.withSession(now) { $0.published(on: channel, sequences, now: now) }
        }
    }

    func publish(_ channel: String, every interval: Duration?) {
        self.publishers.removeAll { $0.channel == channel }
        guard let interval else { return }
        let publisher = Publisher(channel: channel, interval: max(.microseconds(100), interval), due: self.now)
        self.publishers.append(publisher)
    }

    private func publishDue(_ now: Duration) {
        for index in self.publishers.indices where self.publishers[index].due <= now {
            let publisher = self.publishers[index]
            // What was missed, by a busy machine or a frozen server, comes at once; but no more than so many.
            let missed = min(1_000, Int((now - publisher.due) / publisher.interval) + 1)
            self.publish(publisher.channel, missed)
            self.publishers[index].due = now + publisher.interval
        }
    }
}
