import CLibwebsockets
import Glibc
import LWSTransport
import Synchronization

/// A thread of its own for a server, so that a test that blocks every thread of the concurrency pool still has its peer.
package final class ServerThread: Sendable {
    private struct State {
        var hasEnded = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// What the new thread is given.
    private final class Start {
        let thread: ServerThread
        let name: String
        let body: @Sendable () -> Void

        init(thread: ServerThread, name: String, body: @escaping @Sendable () -> Void) {
            self.thread = thread
            self.name = name
            self.body = body
        }
    }

    private let state = Mutex(State())
    private let handle = Mutex<pthread_t?>(nil)

    /// Starts the thread; SIGPIPE is blocked on it. Throws if the process may have no further thread.
    package static func start(
        name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(TestServerError) -> ServerThread {
        let thread = ServerThread()
        let start = Unmanaged.passRetained(Start(thread: thread, name: name, body: body))
        var handle = pthread_t()
        let code = pthread_create(
            &handle,
            nil,
            { argument in
                // The retain made above is taken over here.
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                nova_set_thread_name(start.name)
                LWSGlobal.blockSIGPIPE()
                start.body()
                start.thread.ended()
                return nil
            },
            start.toOpaque()
        )
        guard code == 0 else {
            start.release()
            throw TestServerError("no thread for the server: \(errorText(code))")
        }
        thread.handle.withLock { $0 = handle }
        return thread
    }

    /// Waits until the thread has ended and the system has let go of it.
    package func join() async {
        await withCheckedContinuation { continuation in
            let hasEnded = self.state.withLock { state in
                if !state.hasEnded { state.waiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
        // The body is over: this waits for no more than the thread's exit.
        if let handle = self.handle.withLock({ $0.take() }) { pthread_join(handle, nil) }
    }

    /// Lets the thread end by itself when nobody will wait for it.
    package func detach() {
        if let handle = self.handle.withLock({ $0.take() }) { pthread_detach(handle) }
    }

    private func ended() {
        let waiters = self.state.withLock { state in
            state.hasEnded = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
