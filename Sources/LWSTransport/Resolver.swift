internal import Glibc
internal import Synchronization
package import WebSocketCore

/// Turns host names into addresses on threads of its own: `getaddrinfo` blocks, and on the loop it would stall every
/// connection there (lws calls it on the loop, client-handshake.c:52, which is why lws is only given numeric addresses).
///
/// `getaddrinfo` can be neither interrupted nor given a deadline, so the bounds are around it:
///
/// - Callers for one name share one look-up, unless it is older than ``patience``: a stuck one is not joined.
/// - At most ``maximumWanted`` look-ups that somebody waits for run at a time; further ones wait in line.
/// - A caller that gives up takes its look-up out of the line. One that runs already loses its place among the wanted: its
///   thread comes back whenever `getaddrinfo` returns, and another may run meanwhile.
/// - There are never more than ``maximumThreads`` threads. With that many stuck for ever, further look-ups wait until their
///   callers' deadlines; those of addresses and Unix sockets need none and are not concerned.
package final class Resolver: Sendable {
    /// The addresses of a host in the order of preference (RFC 6724), numeric.
    package typealias Outcome = Result<[String], WebSocketError>
    /// A blocking look-up.
    package typealias LookUp = @Sendable (_ host: String, _ family: NetworkConfiguration.AddressFamily) -> Outcome

    /// Names a caller's interest in a look-up.
    package struct Ticket: Sendable, Hashable {
        fileprivate var lookup: UInt64
        fileprivate var caller: UInt64
    }

    private struct Key: Hashable {
        var host: String
        var family: NetworkConfiguration.AddressFamily
    }

    private struct Lookup {
        var key: Key
        var callers: [UInt64: @Sendable (Outcome) -> Void]
        /// When it left the line.
        var begin: Duration?
    }

    private struct State {
        var lookups: [UInt64: Lookup] = [:]
        /// The look-up that callers for a name can still join.
        var current: [Key: UInt64] = [:]
        /// In the order of arrival; those that nobody wants any more are left out when their turn comes.
        var line: [UInt64] = []
        var threads = 0
        var lastID: UInt64 = 0

        mutating func nextID() -> UInt64 {
            self.lastID += 1
            return self.lastID
        }
    }

    /// That of all loops that name none: the system's, by `getaddrinfo`.
    package static let shared = Resolver(lookUp: AddressLookup.system)

    /// How many look-ups that somebody waits for run at a time.
    package static let maximumWanted = 16
    /// How many threads there are at most.
    package static let maximumThreads = 64
    /// How old a look-up may be for others to join it: glibc gives a name server 5 s by default (resolv.conf(5)).
    private static let patience = Duration.seconds(5)

    private let state = Mutex(State())
    private let lookUp: LookUp

    /// - Parameter lookUp: called on threads of the resolver's own; may block.
    package init(lookUp: @escaping LookUp) {
        self.lookUp = lookUp
    }

    /// The host itself where it is an IP address, which needs no look-up.
    ///
    /// - Throws: `resolve_failed` if its zone is no interface of this host.
    static func numericAddress(of endpoint: Endpoint) throws(WebSocketError) -> String? {
        var storage = in6_addr()
        let host = endpoint.host
        guard inet_pton(AF_INET, host, &storage) == 1 || inet_pton(AF_INET6, host, &storage) == 1 else { return nil }
        guard let zone = endpoint.zone else { return host }
        // By name or by number (RFC 4007 section 11.2).
        guard if_nametoindex(zone) != 0 || UInt32(zone) != nil else {
            throw WebSocketError(.resolveFailed, "host \"\(host)%\(zone)\": there is no interface \"\(zone)\"")
        }
        return "\(host)%\(zone)"
    }

    /// How many threads look something up. For tests.
    package var threadCount: Int { self.state.withLock { $0.threads } }

    /// Looks a name up. The completion is called once, on another thread, unless the ticket is given back before.
    package func resolve(
        _ host: String,
        family: NetworkConfiguration.AddressFamily = .any,
        completion: @escaping @Sendable (Outcome) -> Void
    ) -> Ticket {
        let key = Key(host: host, family: family)
        let now = monotonicNow()
        let (ticket, needsThread) = self.state.withLock { state in
            let caller = state.nextID()
            if let id = state.current[key], now - (state.lookups[id]?.begin ?? now) < Self.patience {
                state.lookups[id]?.callers[caller] = completion
                return (Ticket(lookup: id, caller: caller), false)
            }
            let id = state.nextID()
            state.lookups[id] = Lookup(key: key, callers: [caller: completion])
            state.current[key] = id
            state.line.append(id)
            return (Ticket(lookup: id, caller: caller), Self.takesThread(&state))
        }
        if needsThread { self.startThread() }
        return ticket
    }

    /// The caller does not want the answer any more, and does not get it unless it is on its way.
    package func cancel(_ ticket: Ticket) {
        let needsThread = self.state.withLock { state in
            guard state.lookups[ticket.lookup]?.callers.removeValue(forKey: ticket.caller) != nil,
                let lookup = state.lookups[ticket.lookup], lookup.callers.isEmpty
            else { return false }
            if lookup.begin == nil {
                Self.remove(ticket.lookup, from: &state)
                state.line.removeAll { $0 == ticket.lookup }
            }
            // One place among the wanted is free.
            return Self.takesThread(&state)
        }
        if needsThread { self.startThread() }
    }

    // MARK: Threads

    /// Whether one more thread is to be started; it is counted then.
    private static func takesThread(_ state: inout State) -> Bool {
        guard !state.line.isEmpty, state.threads < Self.maximumThreads else { return false }
        // Each thread has one look-up, or is about to take the next from the line.
        let unwanted = state.lookups.values.count { $0.begin != nil && $0.callers.isEmpty }
        guard state.threads - unwanted < Self.maximumWanted else { return false }
        state.threads += 1
        return true
    }

    private func startThread() {
        let status = spawnThread(named: "nova-resolve") { self.work() }
        guard status != 0 else { return }
        let orphans = self.state.withLock { state -> [@Sendable (Outcome) -> Void] in
            state.threads -= 1
            // The threads that do run will take the rest.
            guard state.threads == 0 else { return [] }
            let orphans = state.line.flatMap { state.lookups[$0].map { Array($0.callers.values) } ?? [] }
            for id in state.line { Self.remove(id, from: &state) }
            state.line = []
            return orphans
        }
        let words = "no thread to resolve on: \(describe(errno: status))"
        for completion in orphans { completion(.failure(WebSocketError(.resourceExhausted, words))) }
    }

    private func work() {
        while let (id, key) = self.takeNext() {
            let outcome = self.lookUp(key.host, key.family)
            let callers = self.state.withLock { state in
                defer { Self.remove(id, from: &state) }
                return state.lookups[id].map { Array($0.callers.values) } ?? []
            }
            for completion in callers { completion(outcome) }
        }
    }

    private func takeNext() -> (UInt64, Key)? {
        self.state.withLock { state in
            guard !state.line.isEmpty else {
                state.threads -= 1
                return nil
            }
            let id = state.line.removeFirst()
            state.lookups[id]?.begin = monotonicNow()
            return state.lookups[id].map { (id, $0.key) }
        }
    }

    private static func remove(_ id: UInt64, from state: inout State) {
        guard let lookup = state.lookups.removeValue(forKey: id) else { return }
        if state.current[lookup.key] == id { state.current[lookup.key] = nil }
    }
}
