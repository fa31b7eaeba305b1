internal import Glibc

/// The process's file descriptors.
enum Descriptors {
    /// Whether `count` more can be had now.
    ///
    /// Asked before an event loop is made, because libuv calls `abort` where it gets none in the middle of it
    /// (uv__signal_global_reinit in its unix/signal.c), and libev and libwebsockets get into states that nobody has tested.
    static func areAvailable(_ count: Int) -> Bool {
        var taken: [Int32] = []
        defer { for descriptor in taken { close(descriptor) } }
        while taken.count < count {
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { return false }
            taken.append(descriptor)
        }
        return true
    }
}
