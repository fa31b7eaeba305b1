internal import Synchronization

/// The one state that all handlers of an installed adapter share.
///
/// They are called one at a time, on the connection's executor; the lock is there so that handlers can be `Sendable`, and
/// is never waited for.
final class AdapterStorage<A: Sendable>: Sendable {
    private let state: Mutex<A>

    init(_ adapter: A) {
        self.state = Mutex(adapter)
    }

    /// The adapter as it is now.
    var adapter: A { self.state.withLock { $0 } }

    /// Asks without changing anything.
    func read<Answer: Sendable>(_ body: (A) -> Answer) -> Answer {
        self.state.withLock { body($0) }
    }

    /// A call that cannot throw.
    func update<Answer: Sendable>(_ body: (inout A) -> Answer) -> Answer {
        self.state.withLock { body(&$0) }
    }

    /// A call that changes nothing if it throws.
    func attempt<Answer: Sendable>(_ body: (inout A) throws -> Answer) throws -> Answer {
        try self.state.withLock { state in
            var changed = state
            let answer = try body(&changed)
            state = changed
            return answer
        }
    }
}

/// A storage, whatever its adapter.
protocol AnyAdapterStorage: AnyObject, Sendable {
    /// The adapter as it is now, if it is an `Other`.
    func adapter<Other>(as type: Other.Type) -> Other?
    /// Another storage with the same state.
    func copy() -> any AnyAdapterStorage
}

extension AdapterStorage: AnyAdapterStorage {
    func adapter<Other>(as type: Other.Type) -> Other? { self.adapter as? Other }
    func copy() -> any AnyAdapterStorage { AdapterStorage(self.adapter) }
}

/// Storages and the copies that were made of them: handlers that shared a state share its copy.
struct AdapterCopies {
    private var copies: [ObjectIdentifier: any AnyAdapterStorage] = [:]

    mutating func copy<A>(of storage: AdapterStorage<A>) -> AdapterStorage<A> {
        if let copy = self.copies[ObjectIdentifier(storage)] as? AdapterStorage<A> { return copy }
        let copy = AdapterStorage(storage.adapter)
        self.copies[ObjectIdentifier(storage)] = copy
        return copy
    }

    mutating func copy(of storage: any AnyAdapterStorage) -> any AnyAdapterStorage {
        if let copy = self.copies[ObjectIdentifier(storage)] { return copy }
        let copy = storage.copy()
        self.copies[ObjectIdentifier(storage)] = copy
        return copy
    }
}
