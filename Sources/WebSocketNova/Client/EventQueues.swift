internal import Synchronization
internal import WebSocketCore

/// The sequences of events of one client: users add them on their threads, the engine fills them on its own.
final class EventQueues: Sendable {
    private let state = Mutex((queues: [EventQueue](), isOver: false))
    /// Changed with the list, so that the engine sees without the lock that nothing has changed.
    private let version = Atomic(0)

    /// How many there are, those included that were let go of since the last look.
    var count: Int { self.state.withLock { $0.queues.count } }

    func add(_ queue: EventQueue) {
        let isOver = self.state.withLock { state in
            if !state.isOver { state.queues.append(queue) }
            return state.isOver
        }
        self.version.add(1, ordering: .releasing)
        if isOver { queue.queue.finish() }
    }

    /// The list, if it is another one than at the last look.
    func look(_ seen: inout Int) -> [EventQueue]? {
        let version = self.version.load(ordering: .acquiring)
        guard version != seen else { return nil }
        seen = version
        return self.state.withLock { state in
            state.queues.removeAll { $0.queue.isOver }
            return state.queues
        }
    }

    /// A queue may have been let go of.
    func prune() { self.version.add(1, ordering: .releasing) }

    /// Ends all, and those that are added later.
    func finish() {
        let queues = self.state.withLock { state in
            defer { state = ([], true) }
            return state.queues
        }
        for queue in queues { queue.queue.finish() }
    }
}
