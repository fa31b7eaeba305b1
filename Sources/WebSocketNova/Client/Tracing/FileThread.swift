internal import DequeModule
internal import LWSTransport
internal import Synchronization
internal import WebSocketCore

/// A thread for work on files, which may block for as long as a file system pleases: the threads of the language's own pool
/// are too few for that. It ends when there is nothing to do.
enum FileThread {
    typealias Work = @Sendable () throws(WebSocketError) -> Void
    private typealias Job = @Sendable (_ refusal: WebSocketError?) -> Void

    private struct State: Sendable {
        /// Each is somebody who waits, so that there are no more of them than tasks.
        var line: Deque<Job> = []
        var isRunning = false
    }

    private static let state = Mutex(State())

    /// Does the work on the thread, after what others have asked for. Whoever called waits for it, cancelled or not.
    ///
    /// - Throws: what the work throws; `resource_exhausted` if there is no thread.
    static func run(_ work: @escaping Work) async throws(WebSocketError) {
        let outcome: Result<Void, WebSocketError> = await withCheckedContinuation { continuation in
            self.enqueue { refusal in
                if let refusal { return continuation.resume(returning: .failure(refusal)) }
                do throws(WebSocketError) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        try outcome.get()
    }

    private static func enqueue(_ job: @escaping Job) {
        let needsThread = self.state.withLock { state in
            state.line.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard needsThread else { return }
        let status = spawnThread(named: "nova-files") {
            while let job = self.next() { job(nil) }
        }
        guard status != 0 else { return }
        let refusal = WebSocketError(.resourceExhausted, "no thread to write a file: \(describe(errno: status))")
        while let job = self.next() { job(refusal) }
    }

    private static func next() -> Job? {
        self.state.withLock { state in
            let job = state.line.popFirst()
            if job == nil { state.isRunning = false }
            return job
        }
    }
}
