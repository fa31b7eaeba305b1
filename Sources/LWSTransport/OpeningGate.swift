internal import DequeModule

/// Lets only so many connections be opened at a time on one loop; the others wait in line.
///
/// A service that opens thousands of connections at once, after an outage of its network for example, would otherwise pay
/// for it thrice. lws keeps the timeouts of connections under way in a sorted list that it walks for each new one
/// (lws_dll2.c:187), several times for a connection: beyond some thousand that is most of the work, and every connection
/// waits for all of it. Each one under way has buffers for its request and response. And servers drop what their queue of new
/// connections has no room for, which costs a second each. `nova-bench crowd --concurrency 10000` shows it.
///
/// A peer that does not answer must not hold up the others: who has been inside for ``patience`` no longer counts.
///
/// No clock inside: the time is an argument.
struct OpeningGate<Member> {
    /// Identifies one passage; never used again.
    typealias Ticket = UInt64

    /// How many are inside at a time, at most. Enough for as many per second as one loop can open: with a round trip of
    /// 100 ms and two of them for a connection there are 2,560.
    static var width: Int { 512 }
    /// How long one counts as inside, at most.
    static var patience: Duration { .milliseconds(250) }

    /// Who is inside, and who was and has left, in the order of entrance.
    private var entries: Deque<(ticket: Ticket, entered: Duration)> = []
    private var inside: Set<Ticket> = []
    /// Who waits, and who did and has left, in the order of arrival.
    private var line: Deque<Ticket> = []
    private var waiting: [Ticket: Member] = [:]
    private var lastTicket: Ticket = 0

    /// How many are inside.
    var insideCount: Int { self.inside.count }
    /// How many wait.
    var waitingCount: Int { self.waiting.count }

    /// When the next who waits can enter, if nobody leaves before; nil if nobody waits.
    var nextEntrance: Duration? {
        guard !self.waiting.isEmpty else { return nil }
        return self.entries.first.map { $0.entered + Self.patience }
    }

    /// Someone arrives.
    ///
    /// - Returns: the ticket, and whether the member is inside. If not, ``next(now:)`` will name it.
    mutating func arrive(_ member: Member, now: Duration) -> (ticket: Ticket, isInside: Bool) {
        self.lastTicket += 1
        self.expire(now: now)
        let isInside = self.waiting.isEmpty && self.inside.count < Self.width
        if isInside {
            self.enter(self.lastTicket, now: now)
        } else {
            self.line.append(self.lastTicket)
            self.waiting[self.lastTicket] = member
        }
        return (self.lastTicket, isInside)
    }

    /// Someone is through, or gives up waiting. Does nothing the second time.
    mutating func leave(_ ticket: Ticket) {
        if self.inside.remove(ticket) == nil { self.waiting[ticket] = nil }
        self.dropLeft()
    }

    /// Takes the next one out of the line and lets it in, if there is room.
    mutating func next(now: Duration) -> Member? {
        self.expire(now: now)
        while self.inside.count < Self.width, let ticket = self.line.popFirst() {
            guard let member = self.waiting.removeValue(forKey: ticket) else { continue }
            self.enter(ticket, now: now)
            return member
        }
        return nil
    }

    private mutating func enter(_ ticket: Ticket, now: Duration) {
        self.inside.insert(ticket)
        self.entries.append((ticket, now))
    }

    private mutating func expire(now: Duration) {
        while let entry = self.entries.first, entry.entered + Self.patience <= now {
            self.entries.removeFirst()
            self.inside.remove(entry.ticket)
        }
        self.dropLeft()
    }

    /// Keeps the memory in proportion to those who are still there.
    private mutating func dropLeft() {
        while let entry = self.entries.first, !self.inside.contains(entry.ticket) { self.entries.removeFirst() }
        while let ticket = self.line.first, self.waiting[ticket] == nil { self.line.removeFirst() }
    }
}
