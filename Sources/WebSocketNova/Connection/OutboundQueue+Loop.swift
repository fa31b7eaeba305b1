internal import Synchronization
internal import WebSocketCore

// Control frames, and what the event loop asks for.
extension OutboundQueue {
    // MARK: Control frames

    /// Answers a ping, or owes the answer when the peer takes nothing; of several that are owed only the last counts
    /// (RFC 6455 section 5.5.3).
    func appendPong(_ payload: UnsafeRawBufferPointer, wake: inout Bool) {
        self.state.withLock { state in
            guard state.end == nil else { return }
            // The sum of the two could overflow.
            if self.buffered(state) - Self.pongAllowance > self.marks.high {
                state.owedPong = Array(payload)
            } else {
                Self.append(&state, .pong, payload, wake: &wake)
            }
        }
    }

    /// Appends the Close frame behind everything that was accepted, after which nothing is accepted any more.
    func appendClose(_ frame: CloseFrame, error: WebSocketError, wake: inout Bool) {
        let waiters = self.state.withLock { state -> [Waiter] in
            guard state.end == nil else { return [] }
            frame.payload.withUnsafeBytes { Self.append(&state, .close, $0, wake: &wake) }
            return Self.end(&state, error)
        }
        for waiter in waiters { waiter.continuation.resume(returning: .failure(error)) }
    }

    // MARK: The loop's side

    /// What the loop has found.
    enum Found {
        /// Something, which it has now; it has to look again, for it is not told of what comes meanwhile.
        case something
        /// Less than it wanted. It is told when that is reached, and should look by itself before long.
        case tooLittle
        /// Nothing. It is told of what comes.
        case nothing
    }

    /// Exchanges what waits, if it is at least so many bytes, for an empty buffer.
    @discardableResult
    func takePending(_ buffer: inout OutboundBuffer, atLeast least: Int = 0) -> Found {
        self.state.withLock { state in
            if let pong = state.owedPong.take() {
                pong.withUnsafeBytes { Self.append(&state, .pong, $0) }
            }
            guard state.pendingCount > 0 else {
                state.wakeMark = 0
                return .nothing
            }
            if state.pendingCount < least {
                state.wakeMark = least
                return .tooLittle
            }
            state.wakeMark = .max
            swap(&state.pending, &buffer)
            state.outstanding = state.pendingCount
            state.pendingCount = state.pending.count
            return .something
        }
    }

    /// Says how many of the bytes taken are not yet with the kernel.
    func update(outstanding: Int) {
        let granted = self.state.withLock { state in
            state.outstanding = outstanding
            return self.grant(&state)
        }
        Self.resume(granted)
    }

    /// How many wait. For tests.
    var waiterCount: Int { self.state.withLock { $0.waiters.count + ($0.fragmentWaiter == nil ? 0 : 1) } }

    /// Whether the next fragment of the message under way can be appended.
    var hasFragmentRoom: Bool { self.state.withLock { self.hasFragmentRoom($0) } }

    /// Whether the mark is passed.
    var isAboveHighWaterMark: Bool { self.state.withLock { !self.hasRoom($0) } }

    /// Whether a queue that was full has drained.
    var isBelowLowWaterMark: Bool {
        self.state.withLock { self.buffered($0) + $0.deferredBytes <= self.marks.low }
    }

    /// Nothing can be sent any more, and what waits never will be.
    func fail(_ error: WebSocketError) {
        let waiters = self.state.withLock { state -> [Waiter] in
            state.pending.removeAll()
            state.pendingCount = 0
            state.outstanding = 0
            return Self.end(&state, error)
        }
        for waiter in waiters { waiter.continuation.resume(returning: .failure(error)) }
    }
}
