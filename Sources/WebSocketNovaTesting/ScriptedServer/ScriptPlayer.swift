import Glibc
import Synchronization
import WebSocketCore

/// Plays the scripts of a ``ScriptedServer`` on its thread.
final class ScriptPlayer: Sendable {
    private struct State {
        var transcript = ScriptedServer.Transcript()
        var isStopping = false
        var hasEnded = false
        var failure: TestServerError?
        /// Names that the test has said and no pause has used yet.
        var proceeding: Set<String> = []
        var marks: Set<String> = []
        var markWaiters: [(name: String, continuation: CheckedContinuation<Bool, Never>)] = []
        var endWaiters: [CheckedContinuation<Void, Never>] = []
    }

    let port: Int
    private let scripts: [[ScriptedServer.Step]]
    private let deadline: Duration
    private let wakeUp: WakeUp
    private let state = Mutex(State())
    /// Taken by the thread; here only between the start of the server and that of its thread.
    private let listener: Mutex<ScriptSocket?>

    init(scripts: [[ScriptedServer.Step]], deadline: Duration, unixPath: String?) throws(TestServerError) {
        let listener =
            if let unixPath { try ScriptSocket.listening(at: unixPath) } else { try ScriptSocket.listening() }
        self.port = unixPath == nil ? listener.port : 0
        self.wakeUp = try WakeUp()
        self.scripts = scripts
        self.deadline = deadline
        self.listener = Mutex(listener)
    }

    // The server's thread.

    func run() {
        let deadline = ContinuousClock.now + self.deadline
        var failure: TestServerError?
        if let listener = self.listener.withLock({ $0.take() }) {
            do throws(TestServerError) {
                for (index, script) in self.scripts.enumerated() {
                    try self.serve(listener, index, script, deadline)
                }
            } catch {
                failure = error
            }
        }
        self.end(failure)
    }

    private func serve(
        _ listener: borrowing ScriptSocket,
        _ index: Int,
        _ script: [ScriptedServer.Step],
        _ deadline: ContinuousClock.Instant
    ) throws(TestServerError) {
        var step = "waiting for the client"
        do throws(ScriptSocket.Interruption) {
            let socket = try self.accept(listener, deadline)
            self.state.withLock { $0.transcript.connections.append(.init()) }
            var connection = ScriptConnection(player: self, socket: socket, index: index, deadline: deadline)
            try connection.play(script, &step)
            try connection.finish()
        } catch {
            throw TestServerError("connection \(index + 1), \(step): \(self.describe(error))")
        }
    }

    private func accept(
        _ listener: borrowing ScriptSocket,
        _ deadline: ContinuousClock.Instant
    ) throws(ScriptSocket.Interruption) -> ScriptSocket {
        while true {
            try self.wait(on: listener, for: POLLIN, until: deadline)
            if let socket = try listener.accept() { return socket }
        }
    }

    /// Waits; a wake-up that is not for stopping does not end it.
    func wait(
        on socket: borrowing ScriptSocket,
        for events: Int32,
        until deadline: ContinuousClock.Instant
    ) throws(ScriptSocket.Interruption) {
        while true {
            do throws(ScriptSocket.Interruption) {
                return try socket.wait(for: events, until: deadline, wakeUp: self.wakeUp)
            } catch {
                guard case .woken = error, !self.isStopping else { throw error }
                self.wakeUp.clear()
            }
        }
    }

    /// Waits until the test has said the name.
    func pause(
        until name: String,
        on socket: borrowing ScriptSocket,
        _ deadline: ContinuousClock.Instant
    ) throws(ScriptSocket.Interruption) {
        while self.state.withLock({ $0.proceeding.remove(name) }) == nil {
            do throws(ScriptSocket.Interruption) {
                try socket.wait(for: 0, until: deadline, wakeUp: self.wakeUp)
            } catch {
                guard case .woken = error, !self.isStopping else { throw error }
                self.wakeUp.clear()
            }
        }
    }

    func mark(_ name: String) {
        let waiters = self.state.withLock { state in
            state.marks.insert(name)
            defer { state.markWaiters.removeAll { $0.name == name } }
            return state.markWaiters.filter { $0.name == name }.map(\.continuation)
        }
        for waiter in waiters { waiter.resume(returning: true) }
    }

    func record(_ index: Int, _ change: (inout ScriptedServer.Transcript.Connection) -> Void) {
        self.state.withLock { change(&$0.transcript.connections[index]) }
    }

    private var isStopping: Bool { self.state.withLock { $0.isStopping } }

    private func describe(_ interruption: ScriptSocket.Interruption) -> String {
        switch interruption {
        case .deadline: "the deadline of \(self.deadline) passed"
        case .woken: "the server was stopped"
        case .endOfStream: "the client ended the stream"
        case .broken(let code): errorText(code)
        case .tls(let words): words
        }
    }

    private func end(_ failure: TestServerError?) {
        let (ends, marks) = self.state.withLock { state in
            state.hasEnded = true
            state.failure = failure
            defer { (state.endWaiters, state.markWaiters) = ([], []) }
            return (state.endWaiters, state.markWaiters)
        }
        for waiter in ends { waiter.resume() }
        for waiter in marks { waiter.continuation.resume(returning: false) }
    }
}

// Any thread.
extension ScriptPlayer {
    var transcript: ScriptedServer.Transcript { self.state.withLock { $0.transcript } }

    func stop() {
        self.state.withLock { $0.isStopping = true }
        self.wakeUp.wake()
    }

    func proceed(_ name: String) {
        self.state.withLock { _ = $0.proceeding.insert(name) }
        self.wakeUp.wake()
    }

    func ended() async {
        await withCheckedContinuation { continuation in
            let hasEnded = self.state.withLock { state in
                if !state.hasEnded { state.endWaiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    func outcome() throws(TestServerError) -> ScriptedServer.Transcript {
        let (transcript, failure) = self.state.withLock { ($0.transcript, $0.failure) }
        if let failure { throw failure }
        return transcript
    }

    func reached(_ name: String) async throws(TestServerError) {
        let wasReached = await withCheckedContinuation { continuation in
            let known: Bool? = self.state.withLock { state in
                if state.marks.contains(name) { return true }
                if state.hasEnded { return false }
                state.markWaiters.append((name, continuation))
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
        guard wasReached else {
            let failure = self.state.withLock { $0.failure }
            throw failure ?? TestServerError("the script ended without the mark \"\(name)\"")
        }
    }
}
