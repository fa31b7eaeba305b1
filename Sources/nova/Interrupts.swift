import Dispatch
import Glibc
import Synchronization
import WebSocketNova

/// Ctrl-C, and the signal that a service manager sends: the first ends the work in order, the second at once.
final class Interrupts: Sendable {
    private struct State {
        var count = 0
        var onFirst: (@Sendable () -> Void)?
        var socket: WebSocket?
        /// Kept alive here; their handlers do the work.
        var sources: [any DispatchSourceSignal] = []
    }

    private let state = Mutex(State())

    init() {
        for number in [SIGINT, SIGTERM] {
            // Else the signal's default action would end the process before the source hears of it.
            signal(number, SIG_IGN)
            self.state.withLock { state in
                let source = DispatchSource.makeSignalSource(signal: number)
                source.setEventHandler { [weak self] in self?.interrupted() }
                source.resume()
                state.sources.append(source)
            }
        }
    }

    /// Opens a connection that an interrupt closes with 1001, and a second one aborts.
    func connect(to url: String, configuration: WebSocketConfiguration) async throws -> WebSocket {
        let opening = Task { try await WebSocket.connect(to: url, configuration: configuration) }
        self.onFirst { opening.cancel() }
        let socket = try await opening.value
        self.state.withLock { $0.socket = socket }
        self.onFirst { Task { try await socket.close(code: .goingAway) } }
        return socket
    }

    /// Returns at the first interrupt.
    func wait() async {
        await withCheckedContinuation { continuation in
            self.onFirst { continuation.resume() }
        }
    }

    /// Runs an action, in place of the one before, at the first interrupt, or now if it has been.
    private func onFirst(_ action: @escaping @Sendable () -> Void) {
        let isLate = self.state.withLock { state in
            state.onFirst = action
            return state.count > 0
        }
        if isLate { action() }
    }

    private func interrupted() {
        let (count, action, socket) = self.state.withLock { state in
            state.count += 1
            return (state.count, state.onFirst, state.socket)
        }
        switch count {
        case 1: action?()
        case 2 where socket != nil: socket?.abort()
        default: ExitStatus.failure.exit()
        }
    }
}
