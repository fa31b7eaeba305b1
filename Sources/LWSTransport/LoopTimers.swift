internal import WebSocketCore

/// The scheduled actions of one loop, the earliest first. No clock inside: the time is an argument.
struct LoopTimers {
    private struct Entry {
        var deadline: Duration
        var id: UInt64
    }

    /// A binary heap by deadline. A cancelled timer's entry stays until it comes up or the heap is rebuilt.
    private var heap: [Entry] = []
    private var actions: [UInt64: @Sendable () -> Void] = [:]
    private var lastID: UInt64 = 0

    /// How many timers are scheduled and not cancelled.
    var count: Int { self.actions.count }

    /// When the next action is due.
    var nextDeadline: Duration? { self.heap.first?.deadline }

    mutating func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> TransportTimer {
        self.lastID += 1
        self.actions[self.lastID] = action
        self.heap.append(Entry(deadline: deadline, id: self.lastID))
        self.siftUp(self.heap.count - 1)
        return TransportTimer(id: self.lastID, deadline: deadline)
    }

    mutating func cancel(_ timer: TransportTimer) {
        guard self.actions.removeValue(forKey: timer.id) != nil else { return }
        self.dropCancelledHead()
        // Long deadlines that are always cancelled early would pile up otherwise.
        if self.heap.count > 64, self.heap.count > self.actions.count * 2 { self.rebuild() }
    }

    /// Takes out the next action that is due, if one is.
    mutating func popDue(now: Duration) -> (@Sendable () -> Void)? {
        while let head = self.heap.first, head.deadline <= now {
            self.removeHead()
            if let action = self.actions.removeValue(forKey: head.id) {
                self.dropCancelledHead()
                return action
            }
        }
        return nil
    }

    private mutating func dropCancelledHead() {
        while let head = self.heap.first, self.actions[head.id] == nil { self.removeHead() }
    }

    private mutating func rebuild() {
        let live = self.heap.filter { self.actions[$0.id] != nil }
        self.heap.removeAll(keepingCapacity: true)
        for entry in live {
            self.heap.append(entry)
            self.siftUp(self.heap.count - 1)
        }
    }

    private mutating func removeHead() {
        self.heap.swapAt(0, self.heap.count - 1)
        self.heap.removeLast()
        self.siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, self.heap[index].deadline < self.heap[(index - 1) / 2].deadline {
            self.heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < self.heap.count && self.heap[child].deadline < self.heap[smallest].deadline {
                smallest = child
            }
            guard smallest != index else { return }
            self.heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
