internal import Glibc
internal import WebSocketCore

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
            let descriptor = Self.open()
            guard descriptor >= 0 else { return false }
            taken.append(descriptor)
        }
        return true
    }

    /// The soft RLIMIT_NOFILE: the descriptors that this process may have are numbered below it.
    static var limit: Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// Why no connection can be opened now, if it is for want of descriptors.
    ///
    /// Asked when an attempt has failed: neither lws nor `getaddrinfo` tells this reason from others.
    ///
    /// - Parameter capacity: the loop serves descriptors below this number.
    static func shortage(capacity: Int) -> WebSocketError? {
        let descriptor = Self.open()
        guard descriptor < 0 else {
            close(descriptor)
            guard descriptor >= capacity else { return nil }
            return WebSocketError(
                .resourceExhausted,
                "no file descriptor left that the event loop can serve: it was made when RLIMIT_NOFILE was \(capacity)"
            )
        }
        switch errno {
        case EMFILE:
            return WebSocketError(
                .resourceExhausted,
                "no file descriptor left: this process may have \(Self.limit) (RLIMIT_NOFILE)"
            )
        case ENFILE:
            return WebSocketError(.resourceExhausted, "no file descriptor left in the whole system")
        default:
            return nil
        }
    }

    /// The cheapest one there is.
    private static func open() -> Int32 {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }
}
