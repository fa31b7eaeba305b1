internal import Synchronization
internal import WebSocketCore

/// Answers that do not take the way over the event loop.
///
/// A task on another thread that answers each message pays twice for a switch of threads: the loop wakes it with the message,
/// and it wakes the loop for the answer. Most of such a round trip's time is in the two. The first answer to what has come is
/// therefore written by the task itself, if nothing else is on its way; everything else goes to the loop, which writes many
/// messages with one system call.
extension OutboundQueue {
    /// A larger answer would keep the lock for long; beside it, the switch to the loop is no matter.
    private static let largestAnswer = 16 << 10

    /// The loop has handed over a message, which somebody may answer.
    func messageCame() {
        if self.writer != nil { self.awaitsAnswer.store(true, ordering: .relaxed) }
    }

    /// Writes what waits, on the thread of the caller, who was asked to tell the loop of it.
    ///
    /// - Parameter isOnLoop: whether that is the loop's own thread, which writes at the end of its turn.
    /// - Returns: whether there is nothing left to tell.
    func writeAnswer(unless isOnLoop: @autoclosure () -> Bool) -> Bool {
        guard let writer, self.awaitsAnswer.load(ordering: .relaxed), !isOnLoop(),
            self.awaitsAnswer.exchange(false, ordering: .relaxed)
        else { return false }
        let (isDone, granted) = self.state.withLock { state -> (Bool, [Waiter]) in
            // What the loop has taken comes first.
            guard state.end == nil, state.outstanding == 0, (1...Self.largestAnswer).contains(state.pendingCount) else {
                return (false, [])
            }
            let count = writer.write(state.pending.pending)
            state.pending.consume(count)
            state.pendingCount -= count
            state.writtenElsewhere += count
            guard state.pendingCount == 0 else { return (false, []) }
            // The loop knows of nothing again.
            state.wakeMark = 0
            return (true, self.grant(&state))
        }
        Self.resume(granted)
        return isDone
    }

    /// How many bytes were written by others since the last call.
    func takeWrittenElsewhere() -> Int {
        self.state.withLock { state in
            defer { state.writtenElsewhere = 0 }
            return state.writtenElsewhere
        }
    }
}
