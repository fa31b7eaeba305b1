internal import HeapModule
package import WebSocketCore

/// The scheduled actions of one loop, the earliest first. No clock inside: the time is an argument.
package struct LoopTimers {
    private struct Entry: Comparable {
        var deadline: Duration
        var id: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadline, left.id) < (right.deadline, right.id)
        }
    }

    /// By deadline. A cancelled timer's entry stays until it comes up or the heap is rebuilt.
    private var heap = Heap<Entry>()
    private var actions: [UInt64: @Sendable () -> Void] = [:]
    private var lastID: UInt64 = 0

    package init() {}

    /// How many timers are scheduled and not cancelled.
    package var count: Int { self.actions.count }

    /// When the next action is due.
    package var nextDeadline: Duration? { self.heap.min?.deadline }

    package mutating func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> TransportTimer {
        self.lastID += 1
        self.actions[self.lastID] = action
        self.heap.insert(Entry(deadline: deadline, id: self.lastID))
        return TransportTimer(id: self.lastID, deadline: deadline)
    }

    package mutating func cancel(_ timer: TransportTimer) {
        guard self.actions.removeValue(forKey: timer.id) != nil else { return }
        self.dropCancelledHead()
        // Long deadlines that are always cancelled early would pile up otherwise.
        if self.heap.count > 64, self.heap.count > self.actions.count * 2 { self.rebuild() }
    }

    /// Timers without any action, whose names go on from those of these.
    package func emptied() -> LoopTimers {
        var timers = LoopTimers()
        timers.lastID = self.lastID
        return timers
    }

    /// Takes out the next action that is due, if one is.
    package mutating func popDue(now: Duration) -> (@Sendable () -> Void)? {
        while let head = self.heap.min, head.deadline <= now {
            self.heap.removeMin()
            if let action = self.actions.removeValue(forKey: head.id) {
                self.dropCancelledHead()
                return action
            }
        }
        return nil
    }

    private mutating func dropCancelledHead() {
        while let head = self.heap.min, self.actions[head.id] == nil { self.heap.removeMin() }
    }

    private mutating func rebuild() {
        let live = self.heap.unordered.filter { self.actions[$0.id] != nil }
        self.heap = Heap(live)
    }
}
