import WebSocketCore

/// The loop of an ``InMemoryNetwork``: an executor whose clock stands still unless it is advanced.
///
/// What runs the loop is ``InMemoryLoopDriver``, on a thread of its own. This object is what the connections on the loop hold:
/// with the last of its users it goes, and the thread ends.
final class InMemoryLoop: TransportLoop {
    let driver: InMemoryLoopDriver
    /// What every channel of the loop reads into.
    nonisolated(unsafe) let scratch: UnsafeMutableRawBufferPointer  // Only touched on the loop's thread.
    private let thread: ServerThread

    init() throws(TestServerError) {
        let driver = InMemoryLoopDriver()
        self.driver = driver
        self.thread = try ServerThread.start(name: "nova-memory") { driver.run() }
        self.scratch = .allocate(byteCount: 64 << 10, alignment: 16)
        driver.begin(self)
    }

    deinit {
        self.driver.stop()
        self.thread.detach()
        self.scratch.deallocate()
    }

    /// Has a closure run on the loop soon, in the order of the calls. Any thread may call it.
    func perform(_ body: @escaping @Sendable () -> Void) {
        self.driver.wake(LoopCall(body))
    }

    /// - Throws: `CancellationError`.
    func sleep(until deadline: Duration) async throws {
        let alarm = Alarm(self)
        self.perform { alarm.timer = self.schedule(at: deadline) { alarm.bell.finish() } }
        do {
            _ = try await alarm.bell.next()
        } catch {
            self.perform { if let timer = alarm.timer { self.cancel(timer) } }
            throw error
        }
    }

    private final class Alarm: @unchecked Sendable {
        // Sendable because it is only touched on the loop.
        var timer: TransportTimer?
        let bell: LoopMailbox<Never>

        init(_ loop: InMemoryLoop) { self.bell = LoopMailbox(loop) }
    }

    // MARK: TransportLoop

    var taskExecutor: any TaskExecutor { self.driver }

    var now: Duration { self.driver.now }

    var coarseNow: Duration { self.driver.now }

    var wallClock: Double { self.driver.wallClock }

    var isCurrent: Bool { self.driver.isCurrent }

    /// Nothing goes through the kernel, and the clock may be the test's.
    var gatheringDelay: Duration? { nil }

    var readModeration: ReadModerationLimits? { nil }

    func wake(_ work: any TransportLoopWork) { self.driver.wake(work) }

    func schedule(at deadline: Duration, _ action: @escaping @Sendable () -> Void) -> TransportTimer {
        self.driver.schedule(at: deadline, action)
    }

    func cancel(_ timer: TransportTimer) { self.driver.cancel(timer) }
}

extension InMemoryLoop: SerialExecutor {
    func enqueue(_ job: consuming ExecutorJob) { self.driver.enqueueForActor(job) }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() {
        precondition(self.isCurrent, "not on the thread of the in-memory loop")
    }

    func isIsolatingCurrentContext() -> Bool? { self.isCurrent }
}

/// A closure as work of a loop.
private final class LoopCall: TransportLoopWork {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func runOnLoop() { self.body() }
}
