internal import LWSTransport
internal import Logging
internal import WebSocketCore

/// A request that waits for its answer.
struct PendingRequest {
    var continuation: CheckedContinuation<ReceivedMessage, any Error>
    var timer: TransportTimer
}

// Requests and their answers.
extension ClientEngine {
    /// Sends a message and waits for the answer to it.
    func request(
        _ message: OutgoingMessage,
        _ correlation: PendingRequests.Correlation,
        timeout: Duration
    ) async throws -> ReceivedMessage {
        let frame = try self.encode(message)
        // Those count that have not been sent yet, too: without a connection they must not become any number.
        guard self.requestCount < self.configuration.pendingRequests else {
            throw WebSocketError(
                .tooManyRequests,
                "\(self.requestCount) requests wait for their answers already (pendingRequests)"
            )
        }
        self.requestCount += 1
        defer { self.requestCount -= 1 }
        let late = WebSocketError(.timedOut, "the answer to a request did not come within \(timeout)")
        let limit = (time: self.loop.now + timeout, error: late)
        var used: WebSocket?
        while true {
            let socket = try await self.admit(.query, excluding: used, limit: limit)
            // From here to the wait nothing else runs on the loop: no answer comes before somebody waits for it.
            try Task.checkCancellation()
            let id = try self.requests.add(correlation)
            do {
                try self.transmit(frame, on: self.machine.stream)
            } catch  where error.saysStreamIsGone {
                // It was not sent: the next connection will do.
                self.requests.withdraw(id)
                used = socket
                continue
            } catch {
                self.requests.withdraw(id)
                throw error
            }
            return try await self.answer(to: id, limit)
        }
    }

    private func answer(to id: PendingRequests.ID, _ limit: Limit) async throws -> ReceivedMessage {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let timer = self.loop.schedule(at: limit.time) { [weak self] in
                    self?.assumeIsolated { $0.giveUpRequest(id, limit.error) }
                }
                self.requestWaiters[id] = PendingRequest(continuation: continuation, timer: timer)
                if Task.isCancelled { self.giveUpRequest(id, CancellationError()) }
            }
        } onCancel: {
            self.task { $0.giveUpRequest(id, CancellationError()) }
        }
    }

    private func giveUpRequest(_ id: PendingRequests.ID, _ error: any Error) {
        guard let waiter = self.takeRequest(id) else { return }
        self.requests.giveUp(id)
        waiter.continuation.resume(throwing: error)
    }

    private func takeRequest(_ id: PendingRequests.ID) -> PendingRequest? {
        guard let waiter = self.requestWaiters.removeValue(forKey: id) else { return nil }
        self.loop.cancel(waiter.timer)
        return waiter
    }

    /// Whether a message is the answer to a request.
    func answersRequest(_ message: ReceivedMessage) -> Bool {
        guard !self.requests.isEmpty else { return false }
        switch self.requests.received(message) {
        case .unrelated:
            return false
        case .answer(let id):
            self.takeRequest(id)?.continuation.resume(returning: message)
        case .failure(let id, let error):
            self.takeRequest(id)?.continuation.resume(throwing: error)
        case .late:
            self.logger.debug("the answer to a request came too late", metadata: ["stream": "\(message.stream)"])
        }
        return true
    }

    /// The connection was lost on which these were made: whether the peer has done what it was asked is not known.
    func failExchanges(_ reason: DisconnectReason) {
        let error = reason.lossError
        for id in self.requests.removeAll() {
            self.takeRequest(id)?.continuation.resume(throwing: error)
        }
        self.endAuthentication(.failure(error))
        self.cancel(&self.authentication.timer)
        self.dropFrames(for: self.machine.stream)
        for name in self.channels.keys { self.channels[name]?.restoring = nil }
        self.restoringWaiters.resumeAll(with: .failure(error))
    }
}

extension DisconnectReason {
    /// What is told to those who wait for an answer on a connection that was lost.
    var lossError: WebSocketError {
        var error = WebSocketError(.connectionClosed, "the connection was lost before the answer came")
        switch self {
        case .local: error.message = "the client was closed before the answer came"
        case .closed(let info): error.close = info
        case .failed(let failure):
            error.close = failure.close
            error.underlying = failure
        }
        return error
    }
}

extension WebSocketError {
    /// Whether it says of a stream that nothing can be sent on it any more.
    var saysStreamIsGone: Bool {
        switch self.code {
        case .connectionClosed, .notConnected, .streamNotFound, .invalidStreamStatus: true
        default: false
        }
    }
}
