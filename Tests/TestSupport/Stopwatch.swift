internal import Synchronization

/// Measures whether something happens neither too early nor too late.
package struct Stopwatch: Sendable {
    private let begin = ContinuousClock.now
    private let timeInMotion = Pulse.shared.timeInMotion

    package init() {}

    /// By the clock: what must not happen too early is judged by it.
    package var elapsed: Duration { ContinuousClock.now - self.begin }

    /// Without the time in which no task of this process got on, because the machine paused it or other tests had all of its
    /// threads, which is no fault of what is tested: what has to be soon is judged by it.
    package var elapsedInMotion: Duration { Pulse.shared.timeInMotion - self.timeInMotion }
}

/// A task that does nothing but sleep, over and over: by how much it is late nobody else could have run either.
private final class Pulse: Sendable {
    private struct State {
        /// When the sleep under way should end.
        var due: ContinuousClock.Instant
        var lost: Duration = .zero
    }

    static let shared = Pulse()
    private static let interval: Duration = .milliseconds(10)
    private let start = ContinuousClock.now
    private let state = Mutex(State(due: .now + interval))

    private init() {
        Task.detached { [weak self] in
            while let self {
                try? await Task.sleep(until: self.next(), tolerance: .zero, clock: .continuous)
            }
        }
    }

    /// How long the process has been able to run tasks.
    var timeInMotion: Duration {
        self.state.withLock { state in
            let now = ContinuousClock.now
            // Also what is being lost now.
            return now - self.start - state.lost - max(.zero, now - state.due)
        }
    }

    private func next() -> ContinuousClock.Instant {
        self.state.withLock { state in
            let now = ContinuousClock.now
            state.lost += max(.zero, now - state.due)
            state.due = now + Self.interval
            return state.due
        }
    }
}
