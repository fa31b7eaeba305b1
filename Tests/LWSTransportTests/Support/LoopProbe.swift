import LWSTransport
import Synchronization
import WebSocketCore

/// An actor on a loop: the way for a test to do something there.
actor LoopProbe {
    nonisolated let loop: EventLoop

    init(_ loop: EventLoop) {
        self.loop = loop
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    var counter = 0

    func count() { self.counter += 1 }

    func run<Value: Sendable>(_ body: @Sendable (EventLoop) -> Value) -> Value { body(self.loop) }

    /// Waits for a timer of the loop, and tells how late it was.
    func wait(for duration: Duration) async -> Duration {
        let deadline = self.loop.now + duration
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            _ = self.loop.schedule(at: deadline) { continuation.resume() }
        }
        return self.loop.now - deadline
    }
}

/// Work that notes on the loop that it has run.
final class Note: TransportLoopWork {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    func runOnLoop() { self.body() }
}

/// Runs the body with a loop that is shut down after it.
func withEventLoop<Value>(
    _ configuration: EventLoop.Configuration = EventLoop.Configuration(),
    _ body: (EventLoop) async throws -> Value
) async throws -> Value {
    let loop = try EventLoop(configuration: configuration)
    do {
        let value = try await body(loop)
        await loop.shutDown()
        return value
    } catch {
        await loop.shutDown()
        throw error
    }
}
