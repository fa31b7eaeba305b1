internal import WebSocketCore

extension EventLoop {
    /// How many timers are pending on this loop. For tests of what is left behind.
    package func pendingTimers() async -> Int {
        await withCheckedContinuation { continuation in
            self.wake(TimerCount(core: self.core, continuation: continuation))
        }
    }
}

/// Asks on the loop's thread.
private final class TimerCount: TransportLoopWork {
    private let core: LoopCore
    private let continuation: CheckedContinuation<Int, Never>

    init(core: LoopCore, continuation: CheckedContinuation<Int, Never>) {
        self.core = core
        self.continuation = continuation
    }

    /// Called once, for one `wake`.
    func runOnLoop() { self.continuation.resume(returning: self.core.pendingTimers) }
}
