internal import Glibc
internal import Synchronization
internal import WebSocketCore

/// Writes to the socket of an open tunnel from any thread, without lws: for as long as the tunnel has not begun to end.
final class SocketWriter: TransportWriter {
    private struct State {
        /// -1 from when the tunnel ends: the number may soon be somebody else's.
        var descriptor: Int32
        /// What the first call that failed has taken off the socket, where lws would have found it.
        var failure: Int32 = 0
    }

    private let state: Mutex<State>
    /// MSG_DONTWAIT and MSG_NOSIGNAL (send(2)), macros that Swift does not see.
    private static let flags: Int32 = 0x40 | 0x4000

    init(descriptor: Int32) { self.state = Mutex(State(descriptor: descriptor)) }

    func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        self.state.withLock { state in
            guard state.descriptor >= 0, state.failure == 0 else { return 0 }
            let count = send(state.descriptor, bytes.baseAddress, bytes.count, Self.flags)
            if count < 0, errno != EAGAIN, errno != EINTR { state.failure = errno }
            return max(0, count)
        }
    }

    /// The error of the socket, 0 if there is none.
    var failure: Int32 { self.state.withLock { $0.failure } }

    /// Waits for a write under way, and lets no other one begin.
    func retire() { self.state.withLock { $0.descriptor = -1 } }
}
