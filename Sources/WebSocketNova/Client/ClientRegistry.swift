internal import Synchronization

/// The live clients of a process by their connections' names.
///
/// It keeps nobody alive: a client that is gone is not found, and its entry goes with the next clearing. So it cannot grow
/// without bound, whether or not anybody unregisters: there are at most twice as many entries as clients were alive at the
/// last clearing, or ``slack``.
final class ClientRegistry<Client: AnyObject & Sendable>: Sendable {
    private struct Entry: Sendable {
        weak let client: Client?
    }

    private struct State: Sendable {
        var entries: [ConnectionID: Entry] = [:]
        /// How many entries there may be before those of clients that are gone are cleared away.
        var limit = ClientRegistry.slack
    }

    /// Below this many entries none is looked at.
    private static var slack: Int { 64 }

    private let state = Mutex(State())

    init() {}

    /// How many entries there are, those of clients that are gone included.
    var count: Int { self.state.withLock { $0.entries.count } }

    /// Enters a client, in the place of the one that had the name before.
    func register(_ client: Client, as id: ConnectionID) {
        // Whoever holds the last reference to a client may unregister it in its deinit. So none is let go under the lock:
        // those that were looked at live until this function returns.
        let seen = self.state.withLock { state -> [Client] in
            state.entries[id] = Entry(client: client)
            guard state.entries.count > state.limit else { return [] }
            let live = state.entries.compactMap { id, entry in entry.client.map { (id, $0) } }
            state.entries = Dictionary(uniqueKeysWithValues: live.map { ($0, Entry(client: $1)) })
            // Twice as many as are left: the cost of a clearing is spread over as many registrations.
            state.limit = max(Self.slack, 2 * live.count)
            return live.map { $1 }
        }
        withExtendedLifetime(seen) {}
    }

    /// The client of a connection; nil if there is none or it is gone.
    func find(_ id: ConnectionID) -> Client? {
        self.state.withLock { $0.entries[id]?.client }
    }

    /// Puts another client in the place of a registered one.
    ///
    /// - Returns: whether there was one. Nothing is entered where there was none.
    @discardableResult
    func update(_ id: ConnectionID, to client: Client) -> Bool {
        let former = self.state.withLock { state -> Client? in
            guard let former = state.entries[id]?.client else { return nil }
            state.entries[id] = Entry(client: client)
            return former
        }
        return former != nil
    }

    /// Forgets a connection. One that is not there is forgotten already.
    func unregister(_ id: ConnectionID) {
        self.state.withLock { state in
            _ = state.entries.removeValue(forKey: id)
        }
    }

    /// Forgets a connection if it still is this client's: the end of a client that was replaced leaves its successor.
    func unregister(_ id: ConnectionID, of client: Client) {
        let present = self.state.withLock { state -> Client? in
            guard let present = state.entries[id]?.client else { return nil }
            if present === client { state.entries.removeValue(forKey: id) }
            return present
        }
        withExtendedLifetime(present) {}
    }
}
