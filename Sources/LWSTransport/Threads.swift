internal import CLibwebsockets
internal import Glibc

/// Starts a detached thread. Returns 0 or an errno.
package func spawnThread(named name: String, _ body: @escaping @Sendable () -> Void) -> Int32 {
    final class Box: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    let box = Unmanaged.passRetained(Box(name, body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let status = pthread_create(
        &thread,
        &attributes,
        { argument in
            guard let argument else { return nil }
            let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
            nova_set_thread_name(box.name)
            box.body()
            return nil
        },
        box.toOpaque()
    )
    if status != 0 { box.release() }
    return status
}

/// The time of CLOCK_MONOTONIC, which timerfd deadlines count in.
func monotonicNow() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Duration(secondsComponent: Int64(time.tv_sec), attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000)
}

/// Seconds since 1970.
func wallClockNow() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The system's words for an errno.
package func describe(errno code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        buffer.initialize(repeating: 0)
        guard let base = buffer.baseAddress else { return "errno \(code)" }
        // The XSI form fills the buffer, which makes it safe with threads; strerror is not.
        return strerror_r(code, base, buffer.count) == 0 ? String(cString: base) : "errno \(code)"
    }
}
