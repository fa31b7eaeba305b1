internal import Synchronization
internal import WebSocketCore

/// What a client's handle reads and does without a hop to the engine's thread.
final class ClientShared: Sendable {
    struct State: Sendable {
        var status = ConnectionStatus.initialized
        /// The present stream, open or not.
        var stream: StreamRef
        /// The open connection, once everything has been restored on it: what users send goes there.
        var route: WebSocket?
        /// What users send needs no leave of the engine.
        var isDirect = false
        /// Set at the end.
        var end: DisconnectReason?
    }

    let state: Mutex<State>
    /// Messages that users have sent, and their bytes, which the metrics have not been told of.
    private let sentCount = Atomic(0)
    private let sentBytes = Atomic(0)

    init(_ stream: StreamRef) {
        self.state = Mutex(State(stream: stream))
    }

    /// The connection to send on without asking anybody.
    var direct: WebSocket? { self.state.withLock { $0.isDirect ? $0.route : nil } }

    /// Notes a message that was sent.
    ///
    /// - Returns: whether the engine has to be told that there is something to count.
    func noteSent(bytes: Int) -> Bool {
        self.sentBytes.add(bytes, ordering: .relaxed)
        return self.sentCount.add(1, ordering: .releasing).oldValue == 0
    }

    /// What has been noted since the last call.
    func takeSent() -> (count: Int, bytes: Int) {
        // The count first: of a message that is noted in between, the bytes are taken now, and its count tells the engine to
        // come again.
        let count = self.sentCount.exchange(0, ordering: .acquiring)
        return (count, self.sentBytes.exchange(0, ordering: .acquiring))
    }
}
